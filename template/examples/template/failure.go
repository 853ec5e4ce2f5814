package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/template"
)

// prepare says what becomes of a machine whose build fails, and lets a person
// look at it, as -on-error and -debug have it.
func (p *program) prepare(b *template.Build) {
	cleanup := b.Image.OnFailure
	switch p.o.onError {
	case "abort":
		b.Image.OnFailure = p.keep(b)
	case "run-cleanup-provisioner":
		b.Image.OnFailure = both(cleanup, p.keep(b))
	case "ask":
		p.prepareToAsk(b, cleanup)
	}
	if p.o.debug {
		p.pauseAfterSteps(b)
	}
}

// failed is what is done with a machine whose build has failed.
type failed func(ctx context.Context, g *imagebuild.Guest, err error)

// both does one thing and then another; the first may be nil.
func both(first, second failed) failed {
	return func(ctx context.Context, g *imagebuild.Guest, err error) {
		if first != nil {
			first(ctx, g, err)
		}
		second(ctx, g, err)
	}
}

// keep keeps the machine's disk. The machine itself ends with its build: none
// outlives the program.
func (p *program) keep(b *template.Build) failed {
	return func(_ context.Context, g *imagebuild.Guest, _ error) {
		path := b.Image.Output + ".failed"
		if err := g.KeepDisk(path); err != nil {
			p.say(b.Name, "error", err.Error())
			return
		}
		p.say(b.Name, "say", "Aborting: the machine ends, and its disk is kept as "+path)
	}
}

// prepareToAsk asks, when a step has failed, what is to be done.
func (p *program) prepareToAsk(b *template.Build, cleanup failed) {
	answer := ""
	for i, s := range b.Image.Steps {
		b.Image.Steps[i].Do = func(ctx context.Context, g *imagebuild.Guest) error {
			for {
				err := s.Do(ctx, g)
				if err == nil || ctx.Err() != nil {
					return err
				}
				question := fmt.Sprintf("Step %q failed: %v\n[c] clean up and exit, [a] end the machine and keep its disk, or [r] retry the step?", s.Name, err)
				if answer = p.ask(ctx, b.Name, question, "car"); answer != "r" {
					return err
				}
			}
		}
	}
	b.Image.OnFailure = func(ctx context.Context, g *imagebuild.Guest, err error) {
		if answer == "" || answer == "r" { // that which has failed could not be asked about
			answer = p.ask(ctx, b.Name, fmt.Sprintf("%v\n[c] clean up and exit, or [a] end the machine and keep its disk?", err), "ca")
		}
		switch {
		case answer == "a":
			p.keep(b)(ctx, g, err)
		case cleanup != nil:
			cleanup(ctx, g, err)
		}
	}
}

// pauseAfterSteps waits for Enter after each step.
func (p *program) pauseAfterSteps(b *template.Build) {
	for i, s := range b.Image.Steps {
		b.Image.Steps[i].Do = func(ctx context.Context, g *imagebuild.Guest) error {
			if err := s.Do(ctx, g); err != nil {
				return err
			}
			return p.pause(ctx, fmt.Sprintf("Pausing after run of step '%s'. Press enter to continue.", s.Name))
		}
	}
}

// person is who sits at the terminal, if anybody does.
type person struct {
	turn  sync.Mutex // one question at a time
	start sync.Once
	lines chan string // closed at the end of the input
}

// line waits for a line, or the end of ctx. The goroutine that reads ends with
// the program if nobody answers.
func (a *person) line(ctx context.Context, in io.Reader) (string, error) {
	a.start.Do(func() {
		a.lines = make(chan string)
		go func() {
			defer close(a.lines)
			for s := bufio.NewScanner(in); s.Scan(); {
				a.lines <- s.Text()
			}
		}()
	})
	select {
	case l, ok := <-a.lines:
		if !ok {
			return "", io.ErrUnexpectedEOF
		}
		return strings.TrimSpace(l), nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// isTerminal tells whether there may be a person to ask.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// ask asks until the answer is one of the letters, and returns the first of
// them where there is nobody to ask.
func (p *program) ask(ctx context.Context, build, question, letters string) string {
	if !p.interactive || p.o.machines {
		return letters[:1]
	}
	p.person.turn.Lock()
	defer p.person.turn.Unlock()
	for {
		p.line("==> " + build + ": " + question)
		answer, err := p.person.line(ctx, p.stdin)
		if err != nil {
			return letters[:1]
		}
		if len(answer) == 1 && strings.Contains(letters, answer) {
			return answer
		}
	}
}

// pause waits for Enter. Without a terminal it goes on.
func (p *program) pause(ctx context.Context, question string) error {
	if !p.interactive || p.o.machines {
		return nil
	}
	p.person.turn.Lock()
	defer p.person.turn.Unlock()
	p.line(question)
	if _, err := p.person.line(ctx, p.stdin); err != nil {
		return errors.Join(errors.New("nobody answers"), err)
	}
	return nil
}
