package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/bootscribe/bootscribe/template"
)

// build builds all that is in a template, several at a time.
func (p *program) build(ctx context.Context) int {
	p.o.config.Observe = p.event
	if p.interactive {
		p.o.config.Breakpoint = func(ctx context.Context, note string) error {
			return p.pause(ctx, "Pausing at breakpoint provisioner "+note+". Press enter to continue.")
		}
	}
	_, builds, err := p.builds(ctx)
	if err != nil {
		return p.fail(err)
	}
	if p.o.show {
		return p.preview(ctx, builds)
	}
	began := time.Now()
	results := p.all(ctx, builds)
	return p.summary(ctx, builds, results, time.Since(began))
}

// preview prints what would be run.
func (p *program) preview(ctx context.Context, builds []*template.Build) int {
	for _, b := range builds {
		machine, err := b.Preview(ctx)
		if err != nil {
			return p.fail(errors.New(p.hide(err.Error())))
		}
		fmt.Fprintf(p.stdout, "# %s\n%s\n", b.Name, p.hide(machine.String()))
	}
	return 0
}

// result is what has become of a build.
type result struct {
	artifacts []*template.Artifact
	err       error
}

func (p *program) all(ctx context.Context, builds []*template.Build) []result {
	most := p.o.parallel
	if most <= 0 {
		most = len(builds)
	}
	if p.o.debug {
		most = 1
	}
	slots := make(chan struct{}, max(1, most))
	results := make([]result, len(builds))
	var wg sync.WaitGroup
	for i, b := range builds {
		p.prepare(b)
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if ctx.Err() != nil {
				results[i].err = context.Cause(ctx)
				return
			}
			results[i] = p.one(ctx, b)
		})
	}
	wg.Wait()
	return results
}

// one runs one build, and says what has become of it.
func (p *program) one(ctx context.Context, b *template.Build) (r result) {
	began := time.Now()
	end, err := p.watch(b)
	if err == nil {
		r.artifacts, err = b.Run(ctx)
		end(err)
	}
	r.err = err
	if took := time.Since(began).Round(time.Second); err != nil {
		p.say(b.Name, "error", fmt.Sprintf("Build '%s' errored after %v: %s", b.Name, took, err.Error()))
	} else {
		p.say(b.Name, "say", fmt.Sprintf("Build '%s' finished after %v.", b.Name, took))
	}
	return r
}

func (p *program) summary(ctx context.Context, builds []*template.Build, results []result, took time.Duration) int {
	p.say("", "say", fmt.Sprintf("Wait completed after %v", took.Round(time.Second)))
	failed := 0
	for i, r := range results {
		if r.err == nil {
			continue
		}
		failed++
		if failed == 1 {
			p.say("", "error", "Some builds didn't complete successfully and had errors:")
		}
		p.machine(builds[i].Name, "error", r.err.Error())
		p.line(fmt.Sprintf("--> %s: %s", builds[i].Name, r.err.Error()))
	}
	if failed > 0 {
		p.machine("", "error-count", fmt.Sprint(failed))
	}
	p.artifacts(builds, results)
	if ctx.Err() != nil {
		p.say("", "say", "Cleanly cancelled builds after being interrupted.")
	}
	if failed > 0 {
		return 1
	}
	return 0
}

// artifacts prints what was made.
func (p *program) artifacts(builds []*template.Build, results []result) {
	first := true
	for i, r := range results {
		if first && len(r.artifacts) > 0 {
			p.say("", "say", "Builds finished. The artifacts of successful builds are:")
			first = false
		}
		name := builds[i].Name
		if len(r.artifacts) > 0 {
			p.machine(name, "artifact-count", fmt.Sprint(len(r.artifacts)))
		}
		for n, a := range r.artifacts {
			p.line(fmt.Sprintf("--> %s: %s", name, strings.Join(a.Files, ", ")))
			p.artifact(name, fmt.Sprint(n), a)
		}
	}
}

// artifact prints one artifact for programs.
func (p *program) artifact(build, number string, a *template.Artifact) {
	id := a.Type
	if a.Image != nil && a.Type == "qemu" {
		id = "transcend.qemu" // as Packer calls its builder
	}
	p.machine(build, "artifact", number, "builder-id", id)
	p.machine(build, "artifact", number, "id", "VM")
	p.machine(build, "artifact", number, "string", strings.Join(a.Files, ", "))
	p.machine(build, "artifact", number, "files-count", fmt.Sprint(len(a.Files)))
	for i, f := range a.Files {
		p.machine(build, "artifact", number, "file", fmt.Sprint(i), f)
	}
	p.machine(build, "artifact", number, "end")
}
