package template

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// functions are those that expressions may call. env is for the defaults of
// variables only.
func (r *hclReader) functions(inVars bool) map[string]function.Function {
	m := map[string]function.Function{
		"abs": stdlib.AbsoluteFunc, "ceil": stdlib.CeilFunc, "floor": stdlib.FloorFunc, "log": stdlib.LogFunc, "max": stdlib.MaxFunc,
		"min": stdlib.MinFunc, "parseint": stdlib.ParseIntFunc, "pow": stdlib.PowFunc, "signum": stdlib.SignumFunc,
		"chomp": stdlib.ChompFunc, "format": stdlib.FormatFunc, "formatlist": stdlib.FormatListFunc, "indent": stdlib.IndentFunc,
		"join": stdlib.JoinFunc, "lower": stdlib.LowerFunc, "regex": stdlib.RegexFunc, "regexall": stdlib.RegexAllFunc,
		"regex_replace": stdlib.RegexReplaceFunc, "replace": stdlib.ReplaceFunc, "split": stdlib.SplitFunc, "strrev": stdlib.ReverseFunc,
		"substr": stdlib.SubstrFunc, "title": stdlib.TitleFunc, "trim": stdlib.TrimFunc, "trimprefix": stdlib.TrimPrefixFunc,
		"trimspace": stdlib.TrimSpaceFunc, "trimsuffix": stdlib.TrimSuffixFunc, "upper": stdlib.UpperFunc,
		"chunklist": stdlib.ChunklistFunc, "coalesce": stdlib.CoalesceFunc, "coalescelist": stdlib.CoalesceListFunc,
		"compact": stdlib.CompactFunc, "concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc, "distinct": stdlib.DistinctFunc,
		"element": stdlib.ElementFunc, "flatten": stdlib.FlattenFunc, "index": indexFunc, "keys": stdlib.KeysFunc,
		"length": lengthFunc, "lookup": stdlib.LookupFunc, "merge": stdlib.MergeFunc, "range": stdlib.RangeFunc,
		"reverse": stdlib.ReverseListFunc, "setintersection": stdlib.SetIntersectionFunc, "setproduct": stdlib.SetProductFunc,
		"setunion": stdlib.SetUnionFunc, "slice": stdlib.SliceFunc, "sort": stdlib.SortFunc, "values": stdlib.ValuesFunc,
		"zipmap": stdlib.ZipmapFunc, "csvdecode": stdlib.CSVDecodeFunc, "jsondecode": stdlib.JSONDecodeFunc,
		"jsonencode": stdlib.JSONEncodeFunc, "formatdate": stdlib.FormatDateFunc, "timeadd": stdlib.TimeAddFunc,
		"can": tryfunc.CanFunc, "try": tryfunc.TryFunc,

		"tostring": stdlib.MakeToFunc(cty.String), "tonumber": stdlib.MakeToFunc(cty.Number), "tobool": stdlib.MakeToFunc(cty.Bool),
		"tolist": stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)), "toset": stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
		"tomap": stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)),

		"abspath": text1(filepath.Abs), "basename": pure(filepath.Base), "dirname": pure(filepath.Dir), "pathexpand": text1(r.expand),
		"base64encode": pure(func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }),
		"base64decode": text1(func(s string) (string, error) {
			b, err := base64.StdEncoding.DecodeString(s)
			return string(b), err
		}),
		"urlencode": pure(url.QueryEscape),
		"md5":       pure(func(s string) string { b := md5.Sum([]byte(s)); return hex.EncodeToString(b[:]) }),
		"sha1":      pure(func(s string) string { b := sha1.Sum([]byte(s)); return hex.EncodeToString(b[:]) }),
		"sha256":    pure(func(s string) string { b := sha256.Sum256([]byte(s)); return hex.EncodeToString(b[:]) }),
		"sha512":    pure(func(s string) string { b := sha512.Sum512([]byte(s)); return hex.EncodeToString(b[:]) }),
		"uuidv4":    text0(func() (string, error) { return uuid(), nil }),
		"timestamp": text0(func() (string, error) { return r.t.engine.now.Format(time.RFC3339), nil }),

		"legacy_isotime":  optionalText(func(f ...string) (string, error) { return r.t.engine.isotime(f...) }),
		"legacy_strftime": pure(func(f string) string { return strftime(f, r.t.engine.now) }),
		"file":            text1(r.file), "fileexists": r.fileExists(), "fileset": r.fileSet(), "templatefile": r.templateFile(),
		"env": text1(func(name string) (string, error) {
			if !inVars {
				return "", errors.New("works in the defaults of variables only; give it to a variable, and use var.NAME here")
			}
			v, _ := r.t.engine.env(name)
			return v, nil
		}),
	}
	maps.Copy(m, r.moreFunctions())
	maps.Copy(m, codecFunctions())
	maps.Copy(m, timeFunctions())
	for _, name := range cloud {
		m[name] = function.New(&function.Spec{VarParam: &function.Parameter{Name: "args", Type: cty.DynamicPseudoType}, Type: function.StaticReturnType(cty.String),
			Impl: func([]cty.Value, cty.Type) (cty.Value, error) {
				return cty.NilVal, errors.New("asks a service that is not built in; pass the value in as a variable")
			}})
	}
	return m
}

// text0 and text1 make functions of none and of one string.
func text0(f func() (string, error)) function.Function {
	return function.New(&function.Spec{Type: function.StaticReturnType(cty.String), Impl: func([]cty.Value, cty.Type) (cty.Value, error) {
		s, err := f()
		return cty.StringVal(s), err
	}})
}

func text1(f func(string) (string, error)) function.Function {
	return function.New(&function.Spec{Params: []function.Parameter{{Name: "str", Type: cty.String}}, Type: function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			s, err := f(args[0].AsString())
			return cty.StringVal(s), err
		}})
}

func pure(f func(string) string) function.Function {
	return text1(func(s string) (string, error) { return f(s), nil })
}

// inDir returns a path that starts at the working directory, as Packer has it,
// or else at that of the template.
func (r *hclReader) inDir(path string) string {
	path, _ = r.expand(path)
	if filepath.IsAbs(path) {
		return path
	}
	if _, err := os.Stat(path); err == nil {
		return path
	}
	return filepath.Join(r.dir, path)
}

func (r *hclReader) expand(path string) (string, error) {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, _ := r.t.engine.env("HOME"); home != "" {
			return filepath.Join(home, rest), nil
		}
	}
	return path, nil
}

func (r *hclReader) file(path string) (string, error) {
	text, err := readLimited(r.inDir(path))
	return string(text), err
}

func (r *hclReader) fileExists() function.Function {
	return function.New(&function.Spec{Params: []function.Parameter{{Name: "path", Type: cty.String}}, Type: function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			info, err := os.Stat(r.inDir(args[0].AsString()))
			return cty.BoolVal(err == nil && info.Mode().IsRegular()), nil
		}})
}

func (r *hclReader) fileSet() function.Function {
	return function.New(&function.Spec{Params: []function.Parameter{{Name: "path", Type: cty.String}, {Name: "pattern", Type: cty.String}},
		Type: function.StaticReturnType(cty.Set(cty.String)),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			dir := r.inDir(args[0].AsString())
			found, err := filesUnder(dir, args[1].AsString())
			if err != nil {
				return cty.NilVal, err
			}
			var names []cty.Value
			for _, f := range found {
				names = append(names, cty.StringVal(f))
			}
			if len(names) == 0 {
				return cty.SetValEmpty(cty.String), nil
			}
			return cty.SetVal(names), nil
		}})
}

// templateFile renders a file in HCL's own template language.
func (r *hclReader) templateFile() function.Function {
	return function.New(&function.Spec{Params: []function.Parameter{{Name: "path", Type: cty.String}, {Name: "vars", Type: cty.DynamicPseudoType}},
		Type: function.StaticReturnType(cty.DynamicPseudoType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			path := r.inDir(args[0].AsString())
			text, err := readLimited(path)
			if err != nil {
				return cty.NilVal, err
			}
			t := args[1].Type()
			if !t.IsObjectType() && !t.IsMapType() || args[1].IsNull() || !args[1].IsKnown() {
				return cty.NilVal, errors.New("the second argument is no object of variables")
			}
			expr, diags := hclsyntax.ParseTemplate(text, path, hcl.InitialPos)
			if diags.HasErrors() {
				return cty.NilVal, diags
			}
			functions := r.functions(false)
			delete(functions, "templatefile") // no file that renders itself
			v, diags := expr.Value(&hcl.EvalContext{Variables: args[1].AsValueMap(), Functions: functions})
			if diags.HasErrors() {
				return cty.NilVal, fmt.Errorf("%s: %w", path, diags)
			}
			return v, nil
		}})
}

// hclFunctionNames are the functions of HCL2 templates, for docs/packer.md.
func hclFunctionNames() []string {
	r := &hclReader{t: newTemplate(&Config{}, ".")}
	return slices.Sorted(keysOf(r.functions(true)))
}
