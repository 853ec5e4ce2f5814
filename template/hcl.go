package template

import (
	"context"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	hcljson "github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"
)

// rootSchema are the blocks of an HCL2 template.
var rootSchema = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
	{Type: "packer"}, {Type: "variables"}, {Type: "variable", LabelNames: []string{"name"}},
	{Type: "locals"}, {Type: "local", LabelNames: []string{"name"}},
	{Type: "data", LabelNames: []string{"type", "name"}}, {Type: "source", LabelNames: []string{"type", "name"}},
	{Type: "build"}, {Type: "dynamic", LabelNames: []string{"type"}},
}}

// hclReader reads what is in the files of an HCL2 template.
type hclReader struct {
	*problems
	t         *Template
	dir       string
	sources   map[string]*source // files by name
	blocks    hcl.Blocks
	variables map[string]cty.Value
	locals    map[string]cty.Value
	data      map[string]map[string]cty.Value
	made      int // how many blocks dynamic blocks have made
}

// loadDir reads all files of a directory that belong to a template.
func loadDir(ctx context.Context, dir string, c *Config) (*Template, error) {
	if c == nil {
		c = &Config{}
	}
	var files []*source
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".pkr.hcl") && !strings.HasSuffix(e.Name(), ".pkr.json") {
			continue
		}
		path := filepath.Join(dir, e.Name())
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("template: %w", err)
		}
		files = append(files, &source{path, text})
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("template: %s: no *.pkr.hcl or *.pkr.json in it; name a JSON template by its file", dir)
	}
	return parseHCL(ctx, files, dir, c)
}

// parseHCL reads an HCL2 template.
func parseHCL(ctx context.Context, files []*source, dir string, c *Config) (t *Template, err error) {
	r := &hclReader{problems: &problems{}, t: newTemplate(c, dir), dir: dir, sources: map[string]*source{}}
	for _, f := range files {
		if body := r.parse(f); body != nil {
			content, diags := body.Content(rootSchema)
			r.diagnose("", diags)
			r.blocks = append(r.blocks, content.Blocks...)
		}
	}
	for _, read := range []func(){r.settings, r.readVariables, func() { r.readLocals(ctx) }, r.readBuilds} {
		if len(r.errs) > 0 {
			break
		}
		read()
	}
	if len(r.errs) > 0 {
		return nil, r.t.redacted(r.errs)
	}
	r.t.Warnings = r.warnings
	return r.t, nil
}

// parse reads a file in HCL's own syntax, or in JSON.
func (r *hclReader) parse(f *source) hcl.Body {
	r.sources[f.name] = f
	var file *hcl.File
	var diags hcl.Diagnostics
	if strings.HasSuffix(f.name, ".json") {
		file, diags = hcljson.Parse(f.text, f.name)
	} else {
		file, diags = hclsyntax.ParseConfig(f.text, f.name, hcl.InitialPos)
	}
	r.diagnose("", diags)
	if diags.HasErrors() || file == nil {
		return nil
	}
	return file.Body
}

var unknownAttribute = regexp.MustCompile(`attribute named "(\w+)"`)

// diagnose adds what HCL has found.
func (r *hclReader) diagnose(option string, diags hcl.Diagnostics) {
	for _, d := range diags {
		at := place{in: &source{name: r.dir}, offset: -1}
		if d.Subject != nil {
			at = r.at(*d.Subject)
		}
		remedy := strings.TrimSuffix(strings.Join(strings.Fields(d.Detail), " "), ".")
		if m := unknownAttribute.FindStringSubmatch(d.Detail); m != nil {
			if n := nearest(m[1], append(slices.Collect(keysOf(r.variables)), slices.Collect(keysOf(r.locals))...)); n != "" {
				remedy += fmt.Sprintf("; write %q if that is meant", n)
			}
		}
		e := at.error(option, d.Summary, remedy)
		if d.Severity == hcl.DiagError {
			r.add(e)
		} else {
			r.warnings = append(r.warnings, e)
		}
	}
}

func (r *hclReader) at(rng hcl.Range) place {
	if in := r.sources[rng.Filename]; in != nil {
		return place{in, rng.Start.Byte}
	}
	return place{in: &source{name: rng.Filename}, offset: -1}
}

// settings reads packer { required_version … }. Plugins are not needed here.
func (r *hclReader) settings() {
	for _, b := range r.blocks.OfType("packer") {
		content, _, diags := b.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "required_version"}}})
		r.diagnose("packer", diags)
		if a := content.Attributes["required_version"]; a != nil {
			v := r.evaluate("packer.required_version", a.Expr, nil)
			if text, ok := r.value(a.Expr, v).scalar(); ok && !allows(text, packerVersion) {
				r.add(r.at(a.Expr.Range()).error("packer.required_version", fmt.Sprintf("%q, and this is like Packer %s", text, packerVersion), "change it if the template needs nothing else"))
			}
		}
	}
}

// allows tells whether a version meets constraints such as ">= 1.7, < 2".
func allows(constraints, version string) bool {
	for _, c := range strings.Split(constraints, ",") {
		c = strings.TrimSpace(c)
		v := strings.TrimSpace(strings.TrimLeft(c, "<>=!~"))
		switch strings.TrimSpace(strings.TrimSuffix(c, v)) {
		case ">=", "~>":
			if newer(v, version) {
				return false
			}
		case ">":
			if !newer(version, v) {
				return false
			}
		case "<=":
			if newer(version, v) {
				return false
			}
		case "<":
			if !newer(v, version) {
				return false
			}
		case "=", "":
			if newer(v, version) || newer(version, v) {
				return false
			}
		}
	}
	return true
}

// context returns what expressions may name, with some more variables.
func (r *hclReader) context(more map[string]cty.Value) *hcl.EvalContext {
	cwd, _ := os.Getwd()
	vars := map[string]cty.Value{
		"var":    cty.ObjectVal(r.variables),
		"local":  cty.ObjectVal(r.locals),
		"path":   cty.ObjectVal(map[string]cty.Value{"root": cty.StringVal(filepath.ToSlash(r.dir)), "cwd": cty.StringVal(filepath.ToSlash(cwd))}),
		"packer": cty.ObjectVal(map[string]cty.Value{"version": cty.StringVal(packerVersion), "iterationID": cty.StringVal(""), "versionFingerprint": cty.StringVal("")}),
	}
	data := map[string]cty.Value{}
	for typ, byName := range r.data {
		data[typ] = cty.ObjectVal(byName)
	}
	vars["data"] = cty.ObjectVal(data)
	for name, v := range more {
		vars[name] = v
	}
	return &hcl.EvalContext{Variables: vars, Functions: r.functions(false)}
}

// evaluate returns what an expression is, and reports it if it is nothing.
func (r *hclReader) evaluate(option string, e hcl.Expression, ctx *hcl.EvalContext) cty.Value {
	v, diags := e.Value(ctx)
	r.diagnose(option, diags)
	if diags.HasErrors() {
		return cty.DynamicVal
	}
	v, _ = v.UnmarkDeep()
	return v
}

// value makes of what an expression gave a value with the places of its parts.
func (r *hclReader) value(e hcl.Expression, v cty.Value) *value {
	out := &value{at: r.at(e.Range())}
	if v.IsNull() || !v.IsKnown() {
		return out
	}
	t := v.Type()
	switch {
	case t == cty.String:
		out.kind, out.text = kindString, v.AsString()
	case t == cty.Bool:
		out.kind, out.yes = kindBool, v.True()
	case t == cty.Number:
		out.kind, out.text = kindNumber, number(v.AsBigFloat())
	case t.IsListType(), t.IsTupleType(), t.IsSetType():
		out.kind = kindList
		parts, _ := e.(*hclsyntax.TupleConsExpr)
		for i, element := range v.AsValueSlice() {
			part := e
			if parts != nil && i < len(parts.Exprs) && len(parts.Exprs) == v.LengthInt() {
				part = parts.Exprs[i]
			}
			out.list = append(out.list, r.value(part, element))
		}
	case t.IsObjectType(), t.IsMapType():
		out.kind = kindObject
		names := v.AsValueMap()
		for _, name := range slices.Sorted(keysOf(names)) {
			part := memberExpr(e, name)
			out.members = append(out.members, member{name, r.at(part.Range()), r.value(part, names[name])})
		}
	}
	return out
}

// number writes a number with digits only, unless these would be very many.
func number(f *big.Float) string {
	if exp := f.MantExp(nil); exp > 256 || exp < -256 {
		return f.Text('g', -1)
	}
	return f.Text('f', -1)
}

func keysOf[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// memberExpr returns the expression of a name in an object's, or that itself.
func memberExpr(e hcl.Expression, name string) hcl.Expression {
	object, ok := e.(*hclsyntax.ObjectConsExpr)
	if !ok {
		return e
	}
	for _, item := range object.Items {
		if key, diags := item.KeyExpr.Value(nil); !diags.HasErrors() && key.IsKnown() && !key.IsNull() && key.Type() == cty.String && key.AsString() == name {
			return item.ValueExpr
		}
	}
	return e
}

// body makes an object of a block's attributes and of the blocks in it.
func (r *hclReader) body(path string, b hcl.Body, at place, ctx *hcl.EvalContext) *value {
	out := &value{at: at, kind: kindObject}
	native, ok := r.expanded(path, b, ctx).(*hclsyntax.Body)
	if !ok {
		attrs, diags := justAttributes(b)
		r.diagnose(path, diags)
		r.attributes(out, path, attrs, ctx)
		return out
	}
	attrs := hcl.Attributes{}
	for name, a := range native.Attributes {
		attrs[name] = a.AsHCLAttribute()
	}
	r.attributes(out, path, attrs, ctx)
	for _, inner := range native.Blocks {
		at := r.at(inner.TypeRange)
		if out.member(inner.Type) != nil {
			r.add(at.error(path+"."+inner.Type, "stands twice in one block", "remove one of the two"))
			continue
		}
		out.members = append(out.members, member{inner.Type, at, r.body(path+"."+inner.Type, inner.Body, at, ctx)})
	}
	return out
}

func (r *hclReader) attributes(out *value, path string, attrs hcl.Attributes, ctx *hcl.EvalContext) {
	names := slices.Collect(keysOf(attrs))
	slices.SortFunc(names, func(a, b string) int { return attrs[a].Range.Start.Byte - attrs[b].Range.Start.Byte })
	for _, name := range names {
		a := attrs[name]
		v := r.evaluate(path+"."+name, a.Expr, ctx)
		out.members = append(out.members, member{name, r.at(a.NameRange), r.value(a.Expr, v)})
	}
}
