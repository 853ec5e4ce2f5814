package template

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// rootKeys are what a JSON template may have at its root.
var rootKeys = []string{"min_packer_version", "description", "variables", "sensitive-variables", "builders", "provisioners", "error-cleanup-provisioner", "post-processors", "push"}

// parsePacker reads a JSON template.
func parsePacker(in *source, c *Config) (*Template, error) {
	root, err := parseJSON(in)
	if err != nil {
		return nil, err
	}
	if root.kind != kindObject {
		return nil, root.at.error("", root.kind.String()+" where the template should be an object", `begin with {"builders": [`)
	}
	r := &packerReader{problems: &problems{}, t: newTemplate(c, filepath.Dir(in.name)), root: root}
	r.keys()
	r.variables()
	if len(r.errs) == 0 {
		r.plans()
	}
	if len(r.errs) > 0 {
		return nil, r.t.redacted(r.errs)
	}
	r.t.Warnings = r.warnings
	return r.t, nil
}

// packerReader reads what is in a JSON template.
type packerReader struct {
	*problems
	t    *Template
	root *value
}

// keys looks at the root's names: unknown ones, comments, and the simple ones.
func (r *packerReader) keys() {
	for _, m := range r.root.members {
		switch {
		case strings.HasPrefix(m.name, "_"):
			if m.kind != kindString {
				r.add(m.value.at.error(m.name, m.kind.String()+" as a comment", "a comment is a string"))
			}
		case !slices.Contains(rootKeys, m.name):
			r.add(m.at.error(m.name, "there is no such part of a template", meant(m.name, rootKeys)))
		}
	}
	if v := r.root.member("description"); v != nil {
		r.t.Description, _ = v.scalar()
	}
	if v := r.root.member("min_packer_version"); v != nil {
		if text, ok := v.scalar(); !ok || newer(text, packerVersion) {
			r.add(v.at.error("min_packer_version", fmt.Sprintf("%s, and this is like Packer %s", shown(v), packerVersion), "lower it if the template needs nothing newer"))
		}
	}
}

// newer tells whether version a is newer than b, by its numbers.
func newer(a, b string) bool {
	var x, y [3]int
	fmt.Sscanf(strings.TrimPrefix(a, "v"), "%d.%d.%d", &x[0], &x[1], &x[2])
	fmt.Sscanf(b, "%d.%d.%d", &y[0], &y[1], &y[2])
	return slices.Compare(x[:], y[:]) > 0
}

// list returns the blocks of a part of the template.
func (r *packerReader) list(key string) []*value {
	v := r.root.member(key)
	if v == nil || v.kind == kindNull {
		return nil
	}
	if v.kind != kindList {
		r.add(v.at.error(key, v.kind.String()+" where a list should be", `write [ { "type": "…" } ]`))
		return nil
	}
	return v.list
}

// block reads what every block has: its type, and the name.
func (r *packerReader) block(kind, path string, v *value) *block {
	if v.kind == kindString && kind == "post-processor" {
		v = &value{at: v.at, kind: kindObject, members: []member{{"type", v.at, v}}}
	}
	if v.kind != kindObject {
		r.add(v.at.error(path, v.kind.String()+" where a "+kind+" should be", `write { "type": "…" }`))
		return nil
	}
	b := &block{kind: kind, path: path, at: v.at, body: v}
	for _, f := range []struct {
		name string
		into *string
	}{{"type", &b.typ}, {"name", &b.name}} {
		m := v.member(f.name)
		if m == nil {
			continue
		}
		text, ok := m.scalar()
		if !ok {
			r.add(m.at.error(path+"."+f.name, m.kind.String()+" where a string should be", `write "…"`))
			return nil
		}
		rendered, err := r.t.engine.render(text, nil)
		if err != nil {
			r.add(m.at.error(path+"."+f.name, err.Error(), ""))
			return nil
		}
		*f.into = rendered
	}
	if b.typ == "" {
		r.add(v.at.error(path, "a "+kind+" without a type", `add "type"`))
		return nil
	}
	return b
}

// plans makes a plan of each builder that is not left out.
func (r *packerReader) plans() {
	builders := r.builders()
	provisioners := r.provisioners()
	cleanup := r.cleanup()
	chains := r.chains()
	var names []string
	for _, b := range builders {
		names = append(names, b.name)
	}
	for _, b := range slices.Concat(append(chains, provisioners)...) {
		r.checkNames(b, names)
	}
	r.checkChoice(names, chains)
	if len(r.errs) > 0 {
		return
	}
	for _, b := range builders {
		if r.left(b.name) {
			continue
		}
		p := plan{name: b.name, ref: b.name, short: b.name, builder: b.typ, block: b, cleanup: cleanup}
		p.provisioners = slices.DeleteFunc(slices.Clone(provisioners), func(b *block) bool { return !b.concerns(p.name) })
		for _, chain := range chains {
			if chain = r.t.cut(chain, p.name); len(chain) > 0 {
				p.chains = append(p.chains, chain)
			}
		}
		r.t.plans = append(r.t.plans, p)
	}
}

func (r *packerReader) builders() []*block {
	values := r.list("builders")
	if len(values) == 0 {
		r.add(r.root.at.error("builders", "the template has no builder", `add "builders": [ { "type": "qemu", … } ]`))
	}
	var builders []*block
	at := map[string]bool{}
	for i, v := range values {
		b := r.block("builder", fmt.Sprintf("builders[%d]", i), v)
		if b == nil {
			continue
		}
		if b.name == "" {
			b.name = b.typ
		}
		if at[b.name] {
			r.add(b.at.error(b.path, fmt.Sprintf("a second builder that is called %q", b.name), `give each one a "name" of its own`))
			continue
		}
		at[b.name] = true
		builders = append(builders, b)
	}
	return builders
}

func (r *packerReader) provisioners() []*block {
	var blocks []*block
	for i, v := range r.list("provisioners") {
		if b := r.block("provisioner", fmt.Sprintf("provisioners[%d]", i), v); b != nil {
			blocks = append(blocks, b)
		}
	}
	return blocks
}

func (r *packerReader) cleanup() *block {
	v := r.root.member("error-cleanup-provisioner")
	if v == nil {
		return nil
	}
	return r.block("provisioner", "error-cleanup-provisioner", v)
}

func (r *packerReader) chains() [][]*block {
	var chains [][]*block
	for i, v := range r.list("post-processors") {
		path := fmt.Sprintf("post-processors[%d]", i)
		links, paths := []*value{v}, []string{path}
		if v.kind == kindList {
			links, paths = v.list, nil
			for j := range links {
				paths = append(paths, fmt.Sprintf("%s[%d]", path, j))
			}
		}
		var chain []*block
		for j, v := range links {
			if b := r.block("post-processor", paths[j], v); b != nil {
				chain = append(chain, b)
			}
		}
		chains = append(chains, chain)
	}
	return chains
}

// checkNames looks that only and except of a block name builders.
func (r *packerReader) checkNames(b *block, names []string) {
	if b.body.member("only") != nil && b.body.member("except") != nil {
		r.add(b.at.error(b.path, "only and except are both given", "remove one of the two"))
	}
	for _, key := range []string{"only", "except"} {
		v := b.body.member(key)
		if v == nil || v.kind == kindNull {
			continue
		}
		list, problem, remedy := toList(v, false)
		if problem != "" {
			r.add(v.at.error(b.path+"."+key, problem, remedy))
			continue
		}
		for _, e := range list.list {
			if !slices.Contains(names, e.text) {
				r.add(e.at.error(b.path+"."+key, fmt.Sprintf("there is no builder %q", e.text), meant(e.text, names)))
			}
		}
	}
}

// concerns tells whether a block is for a build.
func (b *block) concerns(build string) bool {
	if v := b.body.member("only"); v != nil && v.kind != kindNull {
		list, _, _ := toList(v, false)
		return slices.Contains(list.texts(), build)
	}
	if v := b.body.member("except"); v != nil && v.kind != kindNull {
		list, _, _ := toList(v, false)
		return !slices.Contains(list.texts(), build)
	}
	return true
}

// cut returns the part of a chain that is for a build: up to the first link
// that was excepted by its name.
func (t *Template) cut(chain []*block, build string) []*block {
	var out []*block
	for _, b := range chain {
		if slices.Contains(t.config.Except, b.typ) || b.name != "" && slices.Contains(t.config.Except, b.name) {
			break
		}
		if b.concerns(build) {
			out = append(out, b)
		}
	}
	return out
}

func (r *packerReader) left(name string) bool {
	c := r.t.config
	return len(c.Only) > 0 && !slices.Contains(c.Only, name) || slices.Contains(c.Except, name)
}

// checkChoice looks that Config.Only and Except name something.
func (r *packerReader) checkChoice(names []string, chains [][]*block) {
	all := slices.Clone(names)
	for _, b := range slices.Concat(chains...) {
		all = append(all, b.typ, b.name)
	}
	for _, n := range r.t.config.Only {
		if !slices.Contains(names, n) {
			r.add(fmt.Errorf("template: -only: there is no build %q; %s", n, meant(n, names)))
		}
	}
	for _, n := range r.t.config.Except {
		if !slices.Contains(all, n) {
			r.add(fmt.Errorf("template: -except: there is no build or post-processor %q; %s", n, meant(n, names)))
		}
	}
}
