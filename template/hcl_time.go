package template

import (
	"errors"
	"math/big"
	"time"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// timeFunctions take times apart.
func timeFunctions() map[string]function.Function {
	return map[string]function.Function{
		"rfc3339_parse": timeFunc("timestamp", cty.String, func(v cty.Value) (map[string]cty.Value, error) {
			t, err := time.Parse(time.RFC3339, v.AsString())
			parts := partsOf(t)
			parts["unix"] = cty.NumberIntVal(t.Unix())
			return parts, err
		}),
		"unix_timestamp_parse": timeFunc("seconds", cty.Number, func(v cty.Value) (map[string]cty.Value, error) {
			seconds, accuracy := v.AsBigFloat().Int64()
			if accuracy != big.Exact || max(seconds, -seconds) > 1<<40 {
				return nil, errors.New("is no number of seconds since 1970")
			}
			t := time.Unix(seconds, 0).UTC()
			parts := partsOf(t)
			parts["rfc3339"] = cty.StringVal(t.Format(time.RFC3339))
			return parts, nil
		}),
	}
}

// timeFunc makes a function that returns an object.
func timeFunc(name string, typ cty.Type, f func(cty.Value) (map[string]cty.Value, error)) function.Function {
	return function.New(&function.Spec{Params: []function.Parameter{{Name: name, Type: typ}}, Type: function.StaticReturnType(cty.DynamicPseudoType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			parts, err := f(args[0])
			if err != nil {
				return cty.NilVal, err
			}
			return cty.ObjectVal(parts), nil
		}})
}

func partsOf(t time.Time) map[string]cty.Value {
	isoYear, isoWeek := t.ISOWeek()
	parts := map[string]cty.Value{"month_name": cty.StringVal(t.Month().String()), "weekday_name": cty.StringVal(t.Weekday().String())}
	for name, n := range map[string]int{
		"year": t.Year(), "year_day": t.YearDay(), "month": int(t.Month()), "day": t.Day(), "weekday": int(t.Weekday()),
		"hour": t.Hour(), "minute": t.Minute(), "second": t.Second(), "iso_year": isoYear, "iso_week": isoWeek,
	} {
		parts[name] = cty.NumberIntVal(int64(n))
	}
	return parts
}
