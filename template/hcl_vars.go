package template

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// hclVariable is a variable as it is declared.
type hclVariable struct {
	name      string
	at        place
	typ       cty.Type           // DynamicPseudoType where none is declared
	optional  *typeexpr.Defaults // of attributes that may be left out; nil where there are none
	def       cty.Value
	hasDef    bool
	sensitive bool
	rules     hcl.Blocks
	value     cty.Value
	given     bool
}

var variableSchema = &hcl.BodySchema{
	Attributes: []hcl.AttributeSchema{{Name: "type"}, {Name: "default"}, {Name: "description"}, {Name: "sensitive"}},
	Blocks:     []hcl.BlockHeaderSchema{{Type: "validation"}},
}

// readVariables reads the declarations and gives the variables their values.
func (r *hclReader) readVariables() {
	r.variables = map[string]cty.Value{}
	r.locals = map[string]cty.Value{}
	r.data = map[string]map[string]cty.Value{}
	var all []*hclVariable
	for _, b := range r.blocks {
		switch b.Type {
		case "variable":
			all = append(all, r.declare(b))
		case "variables":
			attrs, diags := b.Body.JustAttributes()
			r.diagnose("variables", diags)
			for _, name := range slices.Sorted(keysOf(attrs)) {
				a := attrs[name]
				v := r.evaluate("variables."+name, a.Expr, &hcl.EvalContext{Functions: r.functions(true)})
				all = append(all, &hclVariable{name: name, at: r.at(a.NameRange), typ: v.Type(), def: v, hasDef: true})
			}
		}
	}
	byName := map[string]*hclVariable{}
	for _, v := range all {
		if byName[v.name] != nil {
			r.add(v.at.error("variable."+v.name, "is declared twice", "remove one of the two"))
		}
		byName[v.name] = v
	}
	if len(r.errs) > 0 {
		return
	}
	r.assign(byName)
	for _, v := range all {
		r.settle(v)
	}
}

func (r *hclReader) declare(b *hcl.Block) *hclVariable {
	v := &hclVariable{name: b.Labels[0], at: r.at(b.DefRange), typ: cty.DynamicPseudoType}
	content, diags := b.Body.Content(variableSchema)
	r.diagnose("variable."+v.name, diags)
	if a := content.Attributes["type"]; a != nil {
		t, optional, diags := typeexpr.TypeConstraintWithDefaults(a.Expr)
		r.diagnose("variable."+v.name+".type", diags)
		v.typ, v.optional = t, optional
	}
	if a := content.Attributes["default"]; a != nil {
		v.hasDef = true
		v.def = r.evaluate("variable."+v.name+".default", a.Expr, &hcl.EvalContext{Functions: r.functions(true)})
		if v.typ == cty.DynamicPseudoType && !v.def.IsNull() && v.def.Type().IsPrimitiveType() {
			v.typ = v.def.Type()
		}
	}
	if a := content.Attributes["sensitive"]; a != nil {
		s := r.evaluate("variable."+v.name+".sensitive", a.Expr, nil)
		v.sensitive = s.Type() == cty.Bool && s.IsKnown() && !s.IsNull() && s.True()
	}
	v.rules = content.Blocks
	return v
}

// assign looks for values in the places that Packer looks in, in its order.
func (r *hclReader) assign(vars map[string]*hclVariable) {
	for name, v := range vars {
		if text, ok := r.t.config.Env("PKR_VAR_" + name); ok {
			r.assignText(v, text, "PKR_VAR_"+name)
		}
	}
	var files []string
	for _, pattern := range []string{"*.auto.pkrvars.hcl", "*.auto.pkrvars.json"} {
		found, _ := filepath.Glob(filepath.Join(r.dir, pattern))
		files = append(files, found...)
	}
	for _, f := range append(files, r.t.config.VarFiles...) {
		r.assignFile(vars, f)
	}
	for _, name := range slices.Sorted(keysOf(r.t.config.Vars)) {
		v := vars[name]
		if v == nil {
			r.add(fmt.Errorf("template: -var %s: the template declares no such variable; %s", name, declare(name, slices.Collect(keysOf(vars)))))
			continue
		}
		r.assignText(v, r.t.config.Vars[name], "-var "+name)
	}
}

// assignText reads a value of the command line or environment: text for a string,
// else an expression.
func (r *hclReader) assignText(v *hclVariable, text, from string) {
	v.given = true
	if v.typ == cty.String || v.typ == cty.DynamicPseudoType {
		v.value = cty.StringVal(text)
		return
	}
	in := &source{from, []byte(text)}
	r.sources[from] = in
	e, diags := hclsyntax.ParseExpression(in.text, from, hcl.InitialPos)
	r.diagnose("variable."+v.name, diags)
	if !diags.HasErrors() {
		v.value = r.evaluate("variable."+v.name, e, nil)
	}
}

func (r *hclReader) assignFile(vars map[string]*hclVariable, path string) {
	text, err := os.ReadFile(path)
	if err != nil {
		r.add(fmt.Errorf("template: -var-file: %w; check the path", err))
		return
	}
	body := r.parse(&source{path, text})
	if body == nil {
		return
	}
	attrs, diags := body.JustAttributes()
	r.diagnose("", diags)
	for _, name := range slices.Sorted(keysOf(attrs)) {
		a := attrs[name]
		v := vars[name]
		if v == nil {
			r.warnings = append(r.warnings, r.at(a.NameRange).error(name, "the template declares no such variable", declare(name, slices.Collect(keysOf(vars)))))
			continue
		}
		v.given, v.value = true, r.evaluate(name, a.Expr, nil)
	}
}

// settle converts a variable's value to its type and looks whether it may be.
func (r *hclReader) settle(v *hclVariable) {
	option := "variable." + v.name
	if !v.given {
		v.value = v.def
	}
	if !v.given && !v.hasDef {
		r.add(v.at.error(option, "has no value", fmt.Sprintf("give one with -var '%s=…', or a default", v.name)))
		v.value = cty.NullVal(v.typ)
	}
	value := v.value
	if v.optional != nil && !value.IsNull() {
		value = v.optional.Apply(value)
	}
	value, err := convert.Convert(value, v.typ)
	if err != nil {
		r.add(v.at.error(option, fmt.Sprintf("the value is no %s: %v", v.typ.FriendlyName(), err), "give another value"))
		value = cty.DynamicVal
	}
	r.variables[v.name] = value
	text := show(value)
	r.t.Variables = append(r.t.Variables, Variable{Name: v.name, Value: text, Required: !v.hasDef, Sensitive: v.sensitive})
	if v.sensitive {
		r.t.hide(text)
	}
	for _, rule := range v.rules {
		r.validate(v, rule)
	}
}

// show returns a value as text: a string itself, anything else as JSON.
func show(v cty.Value) string {
	if v.IsNull() || !v.IsWhollyKnown() {
		return ""
	}
	if v.Type() == cty.String {
		return v.AsString()
	}
	text, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		return ""
	}
	return string(text)
}

func (r *hclReader) validate(v *hclVariable, rule *hcl.Block) {
	option := "variable." + v.name + ".validation"
	content, diags := rule.Body.Content(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "condition", Required: true}, {Name: "error_message", Required: true}}})
	r.diagnose(option, diags)
	if diags.HasErrors() {
		return
	}
	ctx := r.context(nil)
	ok := r.evaluate(option, content.Attributes["condition"].Expr, ctx)
	message := r.evaluate(option, content.Attributes["error_message"].Expr, ctx)
	if ok.Type() == cty.Bool && ok.IsKnown() && !ok.IsNull() && !ok.True() {
		r.add(v.at.error("variable."+v.name, "the value is refused by a validation", show(message)))
	}
}

// pending is a local or a data source that is yet to be evaluated.
type pending struct {
	option string
	expr   hcl.Expression // of a local
	block  *hcl.Block     // of a data source
	name   string
	hide   bool
}

// readLocals evaluates locals and data sources in the order in which they need
// each other.
func (r *hclReader) readLocals(ctx context.Context) {
	todo := r.pending()
	for len(todo) > 0 && len(r.errs) == 0 {
		var later []pending
		for _, p := range todo {
			if p.waits(todo) {
				later = append(later, p)
				continue
			}
			r.resolve(ctx, p)
		}
		if len(later) == len(todo) {
			r.add(r.placeOf(later[0]).error(later[0].option, "needs itself, or another that needs it", "break the circle"))
			return
		}
		todo = later
	}
}

func (r *hclReader) pending() []pending {
	var todo []pending
	seen := map[string]bool{}
	push := func(p pending) {
		if seen[p.option] {
			r.add(r.placeOf(p).error(p.option, "is defined twice", "remove one of the two"))
		}
		seen[p.option] = true
		todo = append(todo, p)
	}
	for _, b := range r.blocks {
		switch b.Type {
		case "locals":
			attrs, diags := b.Body.JustAttributes()
			r.diagnose("locals", diags)
			for _, name := range slices.Sorted(keysOf(attrs)) {
				push(pending{option: "local." + name, name: name, expr: attrs[name].Expr})
			}
		case "local":
			content, diags := b.Body.Content(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "expression", Required: true}, {Name: "sensitive"}}})
			r.diagnose("local."+b.Labels[0], diags)
			if a := content.Attributes["expression"]; a != nil {
				push(pending{option: "local." + b.Labels[0], name: b.Labels[0], expr: a.Expr, hide: content.Attributes["sensitive"] != nil})
			}
		case "data":
			push(pending{option: "data." + b.Labels[0] + "." + b.Labels[1], name: b.Labels[1], block: b})
		}
	}
	return todo
}

func (r *hclReader) placeOf(p pending) place {
	if p.block != nil {
		return r.at(p.block.DefRange)
	}
	return r.at(p.expr.Range())
}

// waits tells whether p needs one of those that are yet to be evaluated.
func (p pending) waits(todo []pending) bool {
	return slices.ContainsFunc(todo, func(q pending) bool { return p.needs(q.option) })
}

// needs tells whether p names local.x or data.x.y.
func (p pending) needs(option string) bool {
	var traversals []hcl.Traversal
	if p.expr != nil {
		traversals = p.expr.Variables()
	} else if attrs, _ := p.block.Body.JustAttributes(); attrs != nil {
		for _, a := range attrs {
			traversals = append(traversals, a.Expr.Variables()...)
		}
	}
	for _, t := range traversals {
		if dotted(t) == option || strings.HasPrefix(dotted(t), option+".") || option == dotted(t)+"."+lastName(option) {
			return true
		}
	}
	return false
}

func lastName(option string) string { return option[strings.LastIndexByte(option, '.')+1:] }

// dotted returns the names of a traversal, up to the first that is none.
func dotted(t hcl.Traversal) string {
	var names []string
	for _, step := range t {
		switch step := step.(type) {
		case hcl.TraverseRoot:
			names = append(names, step.Name)
		case hcl.TraverseAttr:
			names = append(names, step.Name)
		default:
			return strings.Join(names, ".")
		}
	}
	return strings.Join(names, ".")
}

func (r *hclReader) resolve(ctx context.Context, p pending) {
	if p.expr == nil {
		r.readData(ctx, p)
		return
	}
	v := r.evaluate(p.option, p.expr, r.context(nil))
	r.locals[p.name] = v
	if p.hide {
		r.t.hide(show(v))
	}
}
