package template

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/bootscribe/bootscribe/imagebuild"
)

// postTypes are the post-processors that are built in.
var postTypes = []string{"manifest", "checksum", "compress", "shell-local", "artifice", "vagrant"}

// laterPosts are those of Packer's that are not.
var laterPosts = []string{"provenance", "vagrant-cloud", "docker-import", "docker-push", "docker-tag"}

// postCommon are what every post-processor may have.
var postCommon = []option{
	{name: "only", kind: isList, def: "all builds"},
	{name: "except", kind: isList, def: "none"},
	{name: "keep_input_artifact", kind: isBool, def: "as the post-processor says"},
	{name: "name", def: "the type"},
}

// chain are post-processors of which each takes what the one before it made.
type chain []link

// link is a post-processor in a chain.
type link struct {
	name string
	keep bool // what it was given stays
	do   func(context.Context, *Artifact) (*Artifact, error)
}

// chainsOf makes the chains of a plan.
func (t *Template) chainsOf(p *problems, g *generator, plan plan, e *engine) {
	e = e.forBuild(plan.short, plan.builder)
	e.generated = mark
	for _, blocks := range plan.chains {
		var c chain
		for _, bl := range blocks {
			if l := t.link(p, g, bl, e); l != nil {
				c = append(c, *l)
			}
		}
		g.build.chains = append(g.build.chains, c)
	}
}

func (t *Template) link(p *problems, g *generator, bl *block, e *engine) *link {
	name := bl.name
	if name == "" {
		name = bl.typ
	}
	if f, ok := t.config.Components.postProcessors[bl.typ]; ok {
		return registeredLink(p, g, bl, e, f, name)
	}
	var table []option
	var make func(*post) func(context.Context, *Artifact) (*Artifact, error)
	keep, forced := true, true
	switch bl.typ {
	case "manifest":
		table, make = manifestOptions, (*post).manifest
	case "checksum":
		table, make = checksumOptions, (*post).checksum
	case "shell-local":
		table, make = localOptions, (*post).local
	case "artifice":
		table, make, forced = artificeOptions, (*post).artifice, false
	case "vagrant":
		bl = bl.overridden(p, "libvirt")
		table, make, keep, forced = vagrantOptions, (*post).vagrant, false, false
	case "compress":
		table, make, keep, forced = compressOptions, (*post).compress, false, false
	default:
		p.add(unknownType(bl, "post-processor", postTypes, laterPosts))
		return nil
	}
	o := readOptions(p, bl.path, bl.body, joined(table, postCommon), e, "type")
	if o.has("keep_input_artifact") && !forced {
		keep = o.yes("keep_input_artifact")
	}
	return &link{name, keep, make(&post{o, g, name})}
}

func registeredLink(p *problems, g *generator, bl *block, e *engine, f PostProcessor, name string) *link {
	keep := true
	if v := bl.body.member("keep_input_artifact"); v != nil {
		keep = v.kind != kindBool || v.yes
	}
	options, err := bl.render(e, "type", "only", "except", "name", "keep_input_artifact")
	if err != nil {
		p.add(err)
		return nil
	}
	do, err := f(Block{bl.typ, g.build.Name, options})
	if err == nil && do == nil {
		err = errors.New("the post-processor returned nothing")
	}
	if err != nil {
		p.add(bl.at.error(bl.path, err.Error(), ""))
		return nil
	}
	return &link{name, keep, do}
}

// post is a post-processor that is made into a link.
type post struct {
	*options
	*generator
	name string
}

// process runs the chains. What the build has made is removed at the end if
// there are chains and none of them keeps it.
func (b *Build) process(ctx context.Context, first *Artifact) ([]*Artifact, error) {
	var made []*Artifact
	var errs []error
	keep := len(b.chains) == 0
	for _, c := range b.chains {
		if len(c) == 0 || c[0].keep {
			keep = true
		}
		a, err := c.run(ctx, first)
		if err != nil {
			errs = append(errs, fmt.Errorf("post-processor: %w", err))
			keep = true
		}
		if a != nil && a != first {
			made = append(made, a)
		}
	}
	if keep {
		made = append([]*Artifact{first}, made...)
	} else if err := first.remove(made); err != nil {
		errs = append(errs, err)
	}
	return made, errors.Join(errs...)
}

func (c chain) run(ctx context.Context, first *Artifact) (*Artifact, error) {
	a := first
	for i, l := range c {
		next, err := l.do(ctx, a)
		if err != nil {
			return a, fmt.Errorf("%s: %w", l.name, err)
		}
		if i > 0 && !l.keep && next != a {
			if err := a.remove([]*Artifact{next}); err != nil {
				return next, fmt.Errorf("%s: %w", l.name, err)
			}
		}
		if a = next; a == nil {
			return nil, nil
		}
	}
	return a, nil
}

// remove removes the files that are in no other artifact, and the directory of
// the first when it is empty then.
func (a *Artifact) remove(others []*Artifact) error {
	wanted := map[string]bool{}
	for _, o := range others {
		if o != nil {
			for _, f := range o.Files {
				wanted[filepath.Clean(f)] = true
			}
		}
	}
	var errs []error
	for _, f := range a.Files {
		if wanted[filepath.Clean(f)] {
			continue
		}
		if err := os.Remove(f); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	if len(a.Files) > 0 {
		os.Remove(filepath.Dir(a.Files[0])) // fails if it is not empty
	}
	return errors.Join(errs...)
}

// output renders the name of a file that a post-processor makes.
func (p *post) output(option, otherwise string, data map[string]any) (string, error) {
	all := map[string]any{"BuildName": p.build.Name, "BuilderType": p.build.Type}
	for k, v := range data {
		all[k] = v
	}
	path, err := p.engine.render(p.or(option, otherwise), all)
	if err != nil {
		return "", err
	}
	return path, os.MkdirAll(filepath.Dir(path), 0o777)
}

// plainMarks removes the marks of a machine that is no more.
func plainMarks(s string) (string, error) {
	if strings.Contains(s, "\x00build.") {
		return "", errors.New("what function build gives is not known to post-processors yet; leave it out")
	}
	return s, nil
}

func (p *post) local() func(context.Context, *Artifact) (*Artifact, error) {
	l := readLocally(p.options, &p.build.host)
	return func(ctx context.Context, a *Artifact) (*Artifact, error) {
		env := []string{"PACKER_BUILD_NAME=" + p.build.Name, "PACKER_BUILDER_TYPE=" + p.build.Type}
		return a, l.run(ctx, p.name, func(e imagebuild.Event) { p.say(e) }, env, plainMarks)
	}
}

var artificeOptions = []option{
	{name: "files", kind: isList, def: "required", need: true},
}

// artifice names other files as the artifact.
func (p *post) artifice() func(context.Context, *Artifact) (*Artifact, error) {
	return func(_ context.Context, a *Artifact) (*Artifact, error) {
		out := &Artifact{Build: a.Build, Type: "artifice"}
		for _, pattern := range p.list("files") {
			found, err := filepath.Glob(pattern)
			if err != nil {
				return a, fmt.Errorf("files: %q is no pattern: %w", pattern, err)
			}
			out.Files = append(out.Files, found...)
		}
		return out, nil
	}
}
