package template

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/dynblock"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// dynamicLimit is how many blocks the dynamic blocks of a template may make.
const dynamicLimit = 10_000

// expanded returns a body in which the blocks that dynamic blocks make stand in
// their place. What they are made of must be known in ctx.
func (r *hclReader) expanded(path string, b hcl.Body, ctx *hcl.EvalContext) hcl.Body {
	native, ok := b.(*hclsyntax.Body)
	switch {
	case !ok:
		return dynblock.Expand(b, ctx) // JSON, whose blocks only a schema tells
	case !slices.ContainsFunc(native.Blocks, isDynamic):
		return b
	}
	out := *native
	out.Blocks = nil
	for _, inner := range native.Blocks {
		if isDynamic(inner) {
			out.Blocks = append(out.Blocks, r.generate(path, inner, ctx)...)
		} else {
			out.Blocks = append(out.Blocks, inner)
		}
	}
	return &out
}

// justAttributes returns the attributes of a body in JSON. In one that a dynamic
// block has made, they know its iterator only if they are asked for by their names.
func justAttributes(b hcl.Body) (hcl.Attributes, hcl.Diagnostics) {
	attrs, diags := b.JustAttributes()
	if diags.HasErrors() {
		return attrs, diags
	}
	schema := &hcl.BodySchema{}
	for name := range attrs {
		schema.Attributes = append(schema.Attributes, hcl.AttributeSchema{Name: name})
	}
	content, _, diags := b.PartialContent(schema)
	return content.Attributes, diags
}

func isDynamic(b *hclsyntax.Block) bool { return b.Type == "dynamic" }

// rootBlocks returns the source and build blocks of the template, those of
// dynamic blocks among them.
func (r *hclReader) rootBlocks() hcl.Blocks {
	var all hcl.Blocks
	for _, b := range r.blocks {
		if b.Type != "dynamic" {
			all = append(all, b)
			continue
		}
		native, ok := b.Body.(*hclsyntax.Body)
		if !ok {
			r.add(r.at(b.DefRange).error("dynamic", "is understood in HCL's own syntax only", "write the blocks out, or the template in HCL"))
			continue
		}
		dynamic := &hclsyntax.Block{Type: b.Type, Labels: b.Labels, Body: native, TypeRange: b.TypeRange, LabelRanges: b.LabelRanges}
		for _, made := range r.generate("", dynamic, r.context(nil)) {
			labels, known := map[string]int{"source": 2, "build": 0}[made.Type]
			if !known || len(made.Labels) != labels {
				r.add(r.at(b.DefRange).error("dynamic", fmt.Sprintf("a block %s with %d labels", made.Type, len(made.Labels)), `blocks source, with labels = [TYPE, NAME], and build, without labels, can be made here`))
				break
			}
			all = append(all, made.AsHCLBlock())
		}
	}
	return all
}

// dynamicBlock is a dynamic block as it is written.
type dynamicBlock struct {
	typ      string // of the blocks that it makes
	iterator string
	forEach  cty.Value
	labels   hcl.Expression // nil for none
	content  *hclsyntax.Block
}

// generate returns the blocks that a dynamic block makes.
func (r *hclReader) generate(path string, b *hclsyntax.Block, ctx *hcl.EvalContext) hclsyntax.Blocks {
	d := r.dynamicBlock(path, b, ctx)
	if d == nil {
		return nil
	}
	var out hclsyntax.Blocks
	for it := d.forEach.ElementIterator(); it.Next(); {
		if r.made++; r.made > dynamicLimit {
			r.add(r.at(b.TypeRange).error(path, fmt.Sprintf("dynamic blocks make more than %d blocks", dynamicLimit), "make for_each smaller"))
			return nil
		}
		key, v := it.Element()
		if d.forEach.Type().IsSetType() {
			key = v
		}
		turn := map[string]cty.Value{d.iterator: cty.ObjectVal(map[string]cty.Value{"key": key, "value": v})}
		made := bindBlock(d.content, turn)
		made.Type, made.TypeRange, made.LabelRanges = d.typ, b.TypeRange, nil
		if d.labels != nil {
			inner := ctx.NewChild()
			inner.Variables = turn
			made.Labels = r.value(d.labels, r.evaluate(path+".labels", d.labels, inner)).texts()
			made.LabelRanges = slices.Repeat(b.LabelRanges[:1], len(made.Labels))
		}
		out = append(out, made)
	}
	return out
}

var dynamicSchema = &hcl.BodySchema{
	Attributes: []hcl.AttributeSchema{{Name: "for_each", Required: true}, {Name: "iterator"}, {Name: "labels"}},
	Blocks:     []hcl.BlockHeaderSchema{{Type: "content"}},
}

// dynamicBlock reads a dynamic block; nil if something is wrong with it.
func (r *hclReader) dynamicBlock(path string, b *hclsyntax.Block, ctx *hcl.EvalContext) *dynamicBlock {
	at, before := r.at(b.TypeRange), len(r.errs)
	if len(b.Labels) != 1 {
		r.add(at.error(path, "a dynamic block without a label", `write dynamic "TYPE" { … }, with the type of the blocks that it makes`))
		return nil
	}
	path += ".dynamic." + b.Labels[0]
	content, diags := b.Body.Content(dynamicSchema)
	r.diagnose(path, diags)
	d := &dynamicBlock{typ: b.Labels[0], iterator: b.Labels[0]}
	if a := content.Attributes["iterator"]; a != nil {
		if d.iterator = hcl.ExprAsKeyword(a.Expr); d.iterator == "" {
			r.add(r.at(a.Expr.Range()).error(path+".iterator", "is no name", "write a name without quotes, such as iterator = disk"))
		}
	}
	if a := content.Attributes["labels"]; a != nil {
		d.labels = a.Expr
	}
	for _, inner := range b.Body.Blocks {
		d.content = inner
	}
	if len(b.Body.Blocks) != 1 && !diags.HasErrors() {
		r.add(at.error(path, fmt.Sprintf("%d blocks content", len(b.Body.Blocks)), "write one: it is what is made for each element"))
	}
	if a := content.Attributes["for_each"]; a != nil {
		d.forEach = r.evaluate(path+".for_each", a.Expr, ctx)
		if len(r.errs) == before && (d.forEach.IsNull() || !d.forEach.IsKnown() || !d.forEach.CanIterateElements()) {
			r.add(r.at(a.Expr.Range()).error(path+".for_each", "is no list, set, map or object", `write ["a", "b"], for instance`))
		}
	}
	if len(r.errs) > before {
		return nil
	}
	return d
}

// bindBlock returns a copy of a block whose expressions know some variables.
func bindBlock(b *hclsyntax.Block, vars map[string]cty.Value) *hclsyntax.Block {
	body := *b.Body
	body.Attributes, body.Blocks = hclsyntax.Attributes{}, nil
	for name, a := range b.Body.Attributes {
		c := *a
		c.Expr = &bound{a.Expr, vars}
		body.Attributes[name] = &c
	}
	for _, inner := range b.Body.Blocks {
		body.Blocks = append(body.Blocks, bindBlock(inner, vars))
	}
	out := *b
	out.Body = &body
	return &out
}

// bound is an expression that knows more variables than its context.
type bound struct {
	hclsyntax.Expression
	vars map[string]cty.Value
}

// Value evaluates the expression with its variables.
func (b *bound) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	inner := ctx.NewChild()
	inner.Variables = b.vars
	return b.Expression.Value(inner)
}

// UnwrapExpression returns the expression itself, for those who read names off
// it.
func (b *bound) UnwrapExpression() hcl.Expression { return b.Expression }
