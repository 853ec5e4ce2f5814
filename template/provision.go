package template

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bootscribe/bootscribe/imagebuild"
)

// provisionerTypes are the provisioners that are built in.
var provisionerTypes = []string{"shell", "file", "shell-local", "powershell", "windows-shell", "windows-restart", "sleep", "breakpoint"}

// laterProvisioners are those of Packer's that are not.
var laterProvisioners = []string{"hcp-sbom"}

// commonOptions are what every provisioner may have.
var commonOptions = []option{
	{name: "only", kind: isList, def: "all builds"},
	{name: "except", kind: isList, def: "none"},
	{name: "override", kind: isAny, def: "none"},
	{name: "pause_before", kind: isDuration, def: "0", status: differs, here: "timeout holds as well"},
	{name: "timeout", kind: isDuration, def: "none"},
	{name: "max_retries", kind: isInt, def: "0", status: differs, here: "the last error is returned, and not the first"},
	{name: "continue_on_error", kind: isBool, def: "false", status: differs, here: "in JSON too"},
	{name: "name", def: "the type"},
}

// work is what a provisioner does with the guest.
type work func(ctx context.Context, guest *imagebuild.Guest) error

// provision appends the steps of the plan's provisioners to the build, and lets
// the cleanup provisioner run after a failure.
func (t *Template) provision(p *problems, g *generator, plan plan, e *engine) {
	e = e.forBuild(plan.short, plan.builder)
	e.generated = mark
	b := g.build
	last := len(b.Image.Steps)
	for last > 0 && b.Image.Steps[last-1].Name == imagebuild.WaitShutdown().Name {
		last-- // what waits for the end stays at the end
	}
	end := b.Image.Steps[last:]
	steps := b.Image.Steps[:last:last]
	for _, bl := range plan.provisioners {
		steps = append(steps, t.provisioner(p, g, bl, e)...)
	}
	b.Image.Steps = append(steps, end...)
	if plan.cleanup == nil || !plan.cleanup.concerns(plan.ref) {
		return
	}
	cleanup := t.provisioner(p, g, plan.cleanup, e)
	b.Image.OnFailure = func(ctx context.Context, guest *imagebuild.Guest, _ error) {
		for _, s := range cleanup {
			if err := s.Do(ctx, guest); err != nil {
				g.say(imagebuild.Output{Step: s.Name, Line: "the cleanup provisioner failed: " + err.Error(), Stderr: true})
				return
			}
		}
	}
}

// provisioner makes the steps of one block.
func (t *Template) provisioner(p *problems, g *generator, bl *block, e *engine) []imagebuild.Step {
	bl = bl.overridden(p, g.build.Name, e.buildName)
	if f, ok := t.config.Components.provisioners[bl.typ]; ok {
		options, err := bl.render(e, "type", "only", "except", "override")
		if err != nil {
			p.add(err)
			return nil
		}
		steps, err := f(Block{bl.typ, g.build.Name, options})
		if err != nil {
			p.add(bl.at.error(bl.path, err.Error(), ""))
		}
		return steps
	}
	var table []option
	var make func(*provisioner) work
	switch bl.typ {
	case "shell":
		table, make = shellOptions, (*provisioner).shell
	case "file":
		table, make = fileOptions, (*provisioner).file
	case "shell-local":
		table, make = localOptions, (*provisioner).local
	case "powershell":
		table, make = powershellOptions, (*provisioner).powershell
	case "windows-shell":
		table, make = batchOptions, (*provisioner).batch
	case "windows-restart":
		table, make = restartOptions, (*provisioner).restart
	case "sleep":
		table, make = sleepOptions, (*provisioner).sleep
	case "breakpoint":
		table, make = breakpointOptions, (*provisioner).pause
	default:
		p.add(unknownType(bl, "provisioner", provisionerTypes, laterProvisioners))
		return nil
	}
	o := readOptions(p, bl.path, bl.body, joined(table, commonOptions), e, "type")
	pr := &provisioner{o, g, bl.name}
	if pr.name == "" {
		pr.name = bl.typ
	}
	return []imagebuild.Step{pr.step(make(pr))}
}

// instead says what to do without a component of Packer's that is not built in.
var instead = map[string]string{
	"hcp-sbom":      "remove it, let a shell provisioner write the list of packages, and fetch that with file and direction download",
	"provenance":    "remove it, and sign what manifest writes with shell-local",
	"vagrant-cloud": "remove it, and publish what vagrant makes with shell-local",
	"docker-import": "remove it: an image of a machine is none of a container",
	"docker-push":   "remove it: an image of a machine is none of a container",
	"docker-tag":    "remove it: an image of a machine is none of a container",
}

// unknownType is the error about a type that is not here.
func unknownType(bl *block, kind string, types, later []string) error {
	for _, l := range later {
		if bl.typ == l {
			return typePlace(bl).error(bl.path, fmt.Sprintf("the %s %q is not built in", kind, l), instead[l]+", or register one of that name")
		}
	}
	remedy := "register one of that name; built in are " + strings.Join(types, ", ")
	if n := nearest(bl.typ, types); n != "" {
		remedy = fmt.Sprintf("write %q if that is meant, or register one of that name", n)
	}
	return typePlace(bl).error(bl.path, fmt.Sprintf("there is no %s %q here", kind, bl.typ), remedy)
}

// overridden returns the block with the options that override has for a build,
// which goes by any of the names.
func (b *block) overridden(p *problems, names ...string) *block {
	v := b.body.member("override")
	if v == nil {
		return b
	}
	if v.kind != kindObject {
		p.add(v.at.error(b.path+".override", v.kind.String()+" where an object should be", `write { "build": { … } }`))
		return b
	}
	var own *value
	for _, name := range names {
		if own = v.member(name); own != nil {
			break
		}
	}
	if own == nil || own.kind != kindObject {
		return b
	}
	body := *b.body
	body.members = nil
	for _, m := range b.body.members {
		if own.member(m.name) == nil {
			body.members = append(body.members, m)
		}
	}
	body.members = append(body.members, own.members...)
	c := *b
	c.body = &body
	return &c
}

// provisioner is a provisioner that is made into a step.
type provisioner struct {
	*options
	*generator
	name string
}

// step wraps the work in what every provisioner may have around it.
func (p *provisioner) step(do work) imagebuild.Step {
	timeout, tries := p.duration("timeout"), 1+max(0, p.int("max_retries"))
	pause, goOn := p.duration("pause_before"), p.yes("continue_on_error")
	name := p.name
	say := p.say
	return imagebuild.Step{Name: name, Timeout: -1, Do: func(ctx context.Context, guest *imagebuild.Guest) error {
		if err := wait(ctx, pause); err != nil {
			return err
		}
		var err error
		for try := 1; try <= tries; try++ {
			if err = limit(ctx, timeout, func(ctx context.Context) error { return do(ctx, guest) }); err == nil || ctx.Err() != nil {
				break
			}
			if try < tries {
				say(imagebuild.Output{Step: name, Line: fmt.Sprintf("failed: %v; %d tries left", err, tries-try), Stderr: true})
			}
		}
		if err != nil && goOn && ctx.Err() == nil {
			say(imagebuild.Output{Step: name, Line: fmt.Sprintf("failed: %v; going on, as continue_on_error says", err), Stderr: true})
			return nil
		}
		return err
	}}
}

// limit runs f for at most a time; 0 is no limit.
func limit(ctx context.Context, d time.Duration, f func(context.Context) error) error {
	if d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, d, fmt.Errorf("no end after %v, its timeout", d))
		defer cancel()
	}
	err := f(ctx)
	if err != nil && errors.Is(err, context.DeadlineExceeded) && context.Cause(ctx) != nil {
		return context.Cause(ctx)
	}
	return err
}

// wait waits for a time, or until ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

var sleepOptions = []option{
	{name: "duration", kind: isDuration, def: "required", need: true},
}

func (p *provisioner) sleep() work {
	d := p.duration("duration")
	return func(ctx context.Context, _ *imagebuild.Guest) error { return wait(ctx, d) }
}

var breakpointOptions = []option{
	{name: "note", def: "none"},
	{name: "disable", kind: isBool, def: "false"},
}

func (p *provisioner) pause() work {
	note := p.str("note")
	if p.yes("disable") {
		return func(context.Context, *imagebuild.Guest) error { return nil }
	}
	return func(ctx context.Context, _ *imagebuild.Guest) error {
		if p.breakpoint == nil {
			return errors.New("a breakpoint, and nobody to ask; run it on a terminal, or set disable")
		}
		return p.breakpoint(ctx, note)
	}
}
