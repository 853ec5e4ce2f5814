package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/template"
)

// build builds all that is in a template, several at a time.
func (p *program) build(ctx context.Context) int {
	p.o.config.Observe = p.event
	if p.terminal() {
		p.o.config.Breakpoint = func(ctx context.Context, note string) error {
			return p.ask(ctx, "Pausing at breakpoint provisioner "+note+". Press enter to continue.")
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
			began := time.Now()
			a, err := b.Run(ctx)
			results[i] = result{a, err}
			took := time.Since(began).Round(time.Second)
			if err != nil {
				p.say(b.Name, "error", fmt.Sprintf("Build '%s' errored after %v: %s", b.Name, took, err.Error()))
			} else {
				p.say(b.Name, "say", fmt.Sprintf("Build '%s' finished after %v.", b.Name, took))
			}
		})
	}
	wg.Wait()
	return results
}

// prepare lets a person look at the machine, where that is asked for.
func (p *program) prepare(b *template.Build) {
	if p.o.onError == "ask" {
		before := b.Image.OnFailure
		b.Image.OnFailure = func(ctx context.Context, g *imagebuild.Guest, err error) {
			if before != nil {
				before(ctx, g, err)
			}
			p.ask(ctx, fmt.Sprintf("%v\n[Enter] clean up and exit", err))
		}
	}
	if !p.o.debug {
		return
	}
	for i, s := range b.Image.Steps {
		do := s.Do
		b.Image.Steps[i].Do = func(ctx context.Context, g *imagebuild.Guest) error {
			if err := do(ctx, g); err != nil {
				return err
			}
			return p.ask(ctx, fmt.Sprintf("Pausing after run of step '%s'. Press enter to continue.", s.Name))
		}
	}
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
	first := true
	for i, r := range results {
		for _, a := range r.artifacts {
			if first {
				p.say("", "say", "Builds finished. The artifacts of successful builds are:")
				first = false
			}
			p.line(fmt.Sprintf("--> %s: %s", builds[i].Name, strings.Join(a.Files, ", ")))
			p.machine(builds[i].Name, "artifact", "0", "files-count", fmt.Sprint(len(a.Files)))
			for n, f := range a.Files {
				p.machine(builds[i].Name, "artifact", "0", "file", fmt.Sprint(n), f)
			}
			p.machine(builds[i].Name, "artifact", "0", "end")
		}
	}
	if ctx.Err() != nil {
		p.say("", "say", "Cleanly cancelled builds after being interrupted.")
	}
	if failed > 0 {
		return 1
	}
	return 0
}

// event prints what happens in a build.
func (p *program) event(build string, e imagebuild.Event) {
	switch e := e.(type) {
	case imagebuild.PhaseStarted:
		if e.Phase != imagebuild.PhaseSteps {
			p.say(build, "say", string(e.Phase))
		}
	case imagebuild.StepStarted:
		p.say(build, "say", e.Step)
	case imagebuild.Typing:
		p.say(build, "message", fmt.Sprintf("typing by %s: %s", e.Mode, e.Reason))
	case imagebuild.Found:
		p.say(build, "error", e.Finding.String())
	case imagebuild.Requested:
		p.say(build, "message", e.Request.String())
	case imagebuild.Output:
		kind := "message"
		if e.Stderr {
			kind = "error"
		}
		p.say(build, kind, e.Line)
	}
}

// say prints a line about a build.
func (p *program) say(build, kind, text string) {
	if p.o.machines {
		p.machine(build, "ui", kind, text)
		return
	}
	prefix := "==> "
	if kind == "message" {
		prefix = "    "
	}
	if build != "" {
		prefix += build + ": "
	}
	p.line(prefix + text)
}

func (p *program) line(text string) {
	if p.o.machines {
		return
	}
	if p.o.timestamps {
		text = time.Now().UTC().Format(time.RFC3339) + ": " + text
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintln(p.stdout, p.hide(text))
}

// machine prints a line for programs.
func (p *program) machine(target, kind string, args ...string) {
	if !p.o.machines {
		return
	}
	for i := range args {
		args[i] = escape(p.hide(args[i]))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.stdout, "%d,%s,%s,%s\n", time.Now().Unix(), escape(target), kind, strings.Join(args, ","))
}

// hide takes out what nobody should see.
func (p *program) hide(text string) string {
	if p.redact == nil {
		return text
	}
	return p.redact(text)
}

// escape makes one field of a line of what may have commas and lines.
func escape(s string) string {
	return strings.NewReplacer(",", "%!(PACKER_COMMA)", "\r", `\r`, "\n", `\n`).Replace(s)
}

// terminal tells whether there is a person to ask.
func (p *program) terminal() bool {
	f, ok := p.stdin.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// ask prints a question and waits for Enter, or the end of ctx. Without a
// terminal it goes on.
func (p *program) ask(ctx context.Context, question string) error {
	if !p.terminal() {
		return nil
	}
	p.line(question)
	answer := make(chan error, 1)
	go func() { // ends with the program if nobody answers
		_, err := bufio.NewReader(p.stdin).ReadString('\n')
		answer <- err
	}()
	select {
	case err := <-answer:
		return errors.Join(err)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
