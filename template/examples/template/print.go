package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/bootscribe/bootscribe/imagebuild"
)

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
