package template

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

var buildSchema = &hcl.BodySchema{
	Attributes: []hcl.AttributeSchema{{Name: "name"}, {Name: "description"}, {Name: "sources"}},
	Blocks: []hcl.BlockHeaderSchema{
		{Type: "source", LabelNames: []string{"reference"}}, {Type: "provisioner", LabelNames: []string{"type"}},
		{Type: "error-cleanup-provisioner", LabelNames: []string{"type"}}, {Type: "post-processor", LabelNames: []string{"type"}},
		{Type: "post-processors"}, {Type: "hcp_packer_registry"},
	},
}

// chosen is a source that a build uses, and what it adds to it.
type chosen struct {
	ref   string // qemu.debian
	name  string // of the build's own, or that of the source
	at    place
	block *hcl.Block // source "…" { … } in the build; nil where there is none
}

// readBuilds makes a plan of each source of each build.
func (r *hclReader) readBuilds() {
	sources := map[string]*hcl.Block{}
	blocks := r.rootBlocks()
	for _, b := range blocks.OfType("source") {
		ref := b.Labels[0] + "." + b.Labels[1]
		if sources[ref] != nil {
			r.add(r.at(b.DefRange).error("source."+ref, "is defined twice", "give one another name"))
		}
		sources[ref] = b
	}
	builds := blocks.OfType("build")
	if len(builds) == 0 {
		r.add(fmt.Errorf("%s: the template has no build; add build { sources = [\"source.qemu.NAME\"] }", r.dir))
	}
	for i, b := range builds {
		r.readBuild(fmt.Sprintf("build[%d]", i), b, sources)
	}
	if len(r.t.plans) == 0 && len(r.errs) == 0 {
		r.add(fmt.Errorf("%s: -only and -except leave no build; names are like qemu.debian", r.dir))
	}
}

func (r *hclReader) readBuild(path string, b *hcl.Block, sources map[string]*hcl.Block) {
	content, diags := r.expanded(path, b.Body, r.context(nil)).Content(buildSchema)
	r.diagnose(path, diags)
	if diags.HasErrors() {
		return
	}
	name := ""
	if a := content.Attributes["name"]; a != nil {
		name = show(r.evaluate(path+".name", a.Expr, r.context(nil)))
	}
	if a := content.Attributes["description"]; a != nil && r.t.Description == "" {
		r.t.Description = show(r.evaluate(path+".description", a.Expr, r.context(nil)))
	}
	list := r.chosen(path, content)
	if len(list) == 0 && len(r.errs) == 0 {
		r.add(r.at(b.DefRange).error(path, "a build without a source", `add sources = ["source.qemu.NAME"]`))
	}
	for _, c := range list {
		full := strings.TrimPrefix(name+"."+c.ref, ".")
		if !r.wanted(full, c.ref) {
			continue
		}
		src := sources[c.ref]
		if src == nil {
			r.add(c.at.error(path+".sources", fmt.Sprintf("there is no source %q", c.ref), meant2(c.ref, slices.Collect(keysOf(sources)))))
			continue
		}
		r.plan(path, name, full, c, src, content.Blocks)
	}
}

// wanted applies -only and -except, whose names may be patterns.
func (r *hclReader) wanted(names ...string) bool {
	match := func(patterns []string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool {
			return slices.ContainsFunc(names, func(n string) bool {
				ok, _ := path.Match(p, n)
				return ok
			})
		})
	}
	c := r.t.config
	return (len(c.Only) == 0 || match(c.Only)) && !match(c.Except)
}

// chosen reads sources = [ … ] and the source blocks of a build.
func (r *hclReader) chosen(path string, content *hcl.BodyContent) []chosen {
	var list []chosen
	if a := content.Attributes["sources"]; a != nil {
		exprs := []hcl.Expression{a.Expr}
		if tuple, ok := a.Expr.(*hclsyntax.TupleConsExpr); ok {
			exprs = nil
			for _, e := range tuple.Exprs {
				exprs = append(exprs, e)
			}
		}
		for _, e := range exprs {
			// source.qemu.debian may stand with quotes and without.
			if t, diags := hcl.AbsTraversalForExpr(e); !diags.HasErrors() {
				list = append(list, chosen{ref: reference(dotted(t)), at: r.at(e.Range())})
				continue
			}
			v := r.value(e, r.evaluate(path+".sources", e, r.context(nil)))
			refs := v.texts()
			if v.kind == kindString {
				refs = []string{v.text}
			}
			for _, ref := range refs {
				list = append(list, chosen{ref: reference(ref), at: v.at})
			}
		}
	}
	for _, b := range content.Blocks.OfType("source") {
		list = append(list, chosen{ref: reference(b.Labels[0]), at: r.at(b.DefRange), block: b})
	}
	for i := range list {
		_, list[i].name, _ = strings.Cut(list[i].ref, ".")
	}
	return list
}

// reference takes the word off that a source may be named with.
func reference(s string) string {
	return strings.TrimPrefix(strings.TrimPrefix(s, "sources."), "source.")
}

// plan makes one plan: a source in a build.
func (r *hclReader) plan(path, buildName, full string, c chosen, src *hcl.Block, blocks hcl.Blocks) {
	typ := src.Labels[0]
	body := r.body("source."+c.ref, src.Body, r.at(src.DefRange), r.context(nil))
	if c.block != nil {
		own := r.body(path+".source", c.block.Body, r.at(c.block.DefRange), r.context(nil))
		body.members = append(body.members, own.members...)
		if n := own.member("name"); n != nil {
			c.name, _ = n.scalar()
			full = strings.TrimPrefix(buildName+"."+typ+"."+c.name, ".")
			body.members = slices.DeleteFunc(body.members, func(m member) bool { return m.name == "name" })
		}
	}
	seen := map[string]bool{}
	for _, m := range body.members {
		if seen[m.name] {
			r.add(m.at.error(path+".source."+m.name, "is given by the source too", "remove one of the two"))
		}
		seen[m.name] = true
	}
	p := plan{name: full, builder: typ, ref: c.ref, short: c.name, block: &block{kind: "builder", typ: typ, name: c.name, path: "source." + c.ref, at: r.at(src.DefRange), body: body}}
	r.work(&p, path, buildName, blocks)
	r.t.plans = append(r.t.plans, p)
}

// work reads the provisioners and post-processors for a plan.
func (r *hclReader) work(p *plan, path, buildName string, blocks hcl.Blocks) {
	build := map[string]cty.Value{"name": cty.StringVal(buildName)}
	for _, g := range generated {
		build[g] = cty.StringVal("{{ build `" + g + "` }}")
	}
	ctx := r.context(map[string]cty.Value{
		"build":  cty.ObjectVal(build),
		"source": cty.ObjectVal(map[string]cty.Value{"type": cty.StringVal(p.builder), "name": cty.StringVal(p.short)}),
	})
	count := map[string]int{}
	for _, b := range blocks {
		name := fmt.Sprintf("%s.%s[%d]", path, b.Type, count[b.Type])
		count[b.Type]++
		switch b.Type {
		case "provisioner":
			if bl := r.component("provisioner", name, b, ctx); bl.concerns(p.ref) {
				p.provisioners = append(p.provisioners, bl)
			}
		case "error-cleanup-provisioner":
			p.cleanup = r.component("provisioner", name, b, ctx)
		case "post-processor":
			p.chain(r.t, []*block{r.component("post-processor", name, b, ctx)})
		case "post-processors":
			content, diags := r.expanded(name, b.Body, ctx).Content(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "post-processor", LabelNames: []string{"type"}}}})
			r.diagnose(name, diags)
			var chain []*block
			for i, b := range content.Blocks {
				chain = append(chain, r.component("post-processor", fmt.Sprintf("%s.post-processor[%d]", name, i), b, ctx))
			}
			p.chain(r.t, chain)
		}
	}
}

func (p *plan) chain(t *Template, blocks []*block) {
	if c := t.cut(blocks, p.ref); len(c) > 0 {
		p.chains = append(p.chains, c)
	}
}

func (r *hclReader) component(kind, path string, b *hcl.Block, ctx *hcl.EvalContext) *block {
	at := r.at(b.DefRange)
	bl := &block{kind: kind, typ: b.Labels[0], path: path, at: at, body: r.body(path, b.Body, at, ctx)}
	if n := bl.body.member("name"); n != nil {
		bl.name, _ = n.scalar()
	}
	return bl
}
