package template

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// convert makes a value what an option of its kind wants, as weakly typed as
// Packer, or says what is wrong with it.
func (r option) convert(v *value) (out *value, problem, remedy string) {
	switch r.kind {
	case isString:
		if text, ok := v.scalar(); ok {
			return &value{at: v.at, kind: kindString, text: text}, "", ""
		}
		return v, v.kind.String() + " where a string should be", `write "…"`
	case isBool:
		return toBool(v)
	case isInt:
		return toInt(v)
	case isDuration:
		return toDuration(v)
	case isList:
		return toList(v, r.late)
	case isStatus:
		return toInts(v)
	case isMap:
		return toMap(v)
	case isWords:
		return toWords(v)
	case isLists:
		return toLists(v)
	}
	return v, "", ""
}

func toBool(v *value) (*value, string, string) {
	text, ok := v.scalar()
	yes, err := strconv.ParseBool(text)
	if text == "" {
		yes, err = false, nil
	}
	if !ok || err != nil {
		return v, shown(v) + " where a boolean should be", "write true or false"
	}
	return &value{at: v.at, kind: kindBool, yes: yes}, "", ""
}

func toInt(v *value) (*value, string, string) {
	text, ok := v.scalar()
	if text == "" {
		text = "0"
	}
	n, err := strconv.ParseFloat(text, 64)
	if !ok || err != nil || n != float64(int32(n)) || v.kind == kindBool {
		return v, shown(v) + " where a whole number should be", "write digits, without quotes"
	}
	return &value{at: v.at, kind: kindNumber, text: strconv.Itoa(int(n))}, "", ""
}

func toDuration(v *value) (*value, string, string) {
	text, ok := v.scalar()
	if !ok {
		return v, shown(v) + " where a duration should be", `write "10s", "5m" or "1h30m"`
	}
	if text == "" || text == "0" {
		return &value{at: v.at, kind: kindString, text: "0"}, "", ""
	}
	if _, err := time.ParseDuration(text); err != nil {
		remedy := `write "10s", "5m" or "1h30m"`
		if _, err := strconv.ParseFloat(text, 64); err == nil {
			remedy = fmt.Sprintf(`a number without a unit would be nanoseconds; write "%ss" or "%sm"`, text, text)
		}
		return v, shown(v) + " where a duration should be", remedy
	}
	return &value{at: v.at, kind: kindString, text: text}, "", ""
}

// toList makes a list of strings. A string alone is split at its commas, as in
// Packer; where it is rendered later, it may be text with commas of its own.
func toList(v *value, whole bool) (*value, string, string) {
	if text, ok := v.scalar(); ok {
		out := &value{at: v.at, kind: kindList}
		parts := strings.Split(text, ",")
		if whole {
			parts = []string{text}
		}
		for _, p := range parts {
			if p != "" {
				out.list = append(out.list, &value{at: v.at, kind: kindString, text: p})
			}
		}
		return out, "", ""
	}
	if v.kind != kindList {
		return v, v.kind.String() + " where a list of strings should be", `write ["…", "…"]`
	}
	out := &value{at: v.at, kind: kindList}
	for _, e := range v.list {
		text, ok := e.scalar()
		if !ok {
			return e, e.kind.String() + " where a string should be", `write ["…", "…"]`
		}
		out.list = append(out.list, &value{at: e.at, kind: kindString, text: text})
	}
	return out, "", ""
}

func toInts(v *value) (*value, string, string) {
	if v.kind != kindList {
		v = &value{at: v.at, kind: kindList, list: []*value{v}}
	}
	out := &value{at: v.at, kind: kindList}
	for _, e := range v.list {
		n, problem, remedy := toInt(e)
		if problem != "" {
			return e, problem, remedy
		}
		out.list = append(out.list, n)
	}
	return out, "", ""
}

func toMap(v *value) (*value, string, string) {
	if v.kind != kindObject {
		return v, shown(v) + " where an object should be", `write {"name": "text"}`
	}
	out := &value{at: v.at, kind: kindObject}
	for _, m := range v.members {
		text, ok := m.scalar()
		if !ok {
			return m.value, m.kind.String() + " where a string should be", `write {"name": "text"}`
		}
		out.members = append(out.members, member{m.name, m.at, &value{at: m.value.at, kind: kindString, text: text}})
	}
	return out, "", ""
}

func toWords(v *value) (*value, string, string) {
	const remedy = `write {"name": ["…", "…"]}`
	if v.kind != kindObject {
		return v, shown(v) + " where an object should be", remedy
	}
	out := &value{at: v.at, kind: kindObject}
	for _, m := range v.members {
		list, problem, _ := toList(m.value, false)
		if problem != "" {
			return list, problem, remedy
		}
		out.members = append(out.members, member{m.name, m.at, list})
	}
	return out, "", ""
}

func toLists(v *value) (*value, string, string) {
	const remedy = `write [["-switch", "value"]]: a list of lists of strings`
	if v.kind != kindList {
		return v, shown(v) + " where a list of lists should be", remedy
	}
	out := &value{at: v.at, kind: kindList}
	for _, e := range v.list {
		if e.kind != kindList {
			return e, shown(e) + " where a list should be", remedy
		}
		inner, problem, _ := toList(e, true)
		if problem != "" {
			return inner, problem, remedy
		}
		if len(inner.list) == 0 {
			return e, "an empty list", "remove it, or fill it"
		}
		out.list = append(out.list, inner)
	}
	return out, "", ""
}

// shown is a value in an error.
func shown(v *value) string {
	if text, ok := v.scalar(); ok && v.kind != kindBool {
		if len(text) > 40 {
			text = text[:40] + "…"
		}
		return fmt.Sprintf("%q", text)
	}
	return v.kind.String()
}
