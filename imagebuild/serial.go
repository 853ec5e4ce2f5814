package imagebuild

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/bootscribe/bootscribe/keyseq"
	"github.com/bootscribe/bootscribe/qemu"
)

// SerialOptions say how to type on the serial port. The zero value is right for
// what echoes: shells, boot loaders, prompts.
type SerialOptions struct {
	// Interval is a fixed pause after each character or key, in place of waiting
	// for its echo. 0 waits for that.
	Interval time.Duration

	// Patience is how long an echo is waited for; 0 means 2 seconds. What does
	// not come by then is no error: at a password's prompt nothing does.
	Patience time.Duration

	// Secret keeps what is typed out of errors, and waits for no echo.
	Secret bool
}

var errNoSerial = errors.New("the machine has no serial port (VM.NoSerial is set)")

// TypeSerial types a boot command on the machine's first serial port, as on a
// terminal there: see [keyseq.Line] for what a terminal can type. The serial port
// loses nothing, but programs there may throw away what comes too early, so the
// echo of each few characters is waited for. What the command waits for,
// <wait "login:"> and the others, is what the guest writes to the port, where
// lines end with \r\n and colours are escape sequences, after what the last
// WaitSerial of this build matched. A nil o means the zero SerialOptions.
func (g *Guest) TypeSerial(ctx context.Context, command string, o *SerialOptions) error {
	seq, err := keyseq.Parse(command)
	if err != nil {
		return err
	}
	if g.run.b.VM.NoSerial {
		return errNoSerial
	}
	if o == nil {
		o = &SerialOptions{}
	}
	t := serialTypist{console: g.VM.Console(), o: o, observe: g.typing}
	g.typed = keyseq.Progress{}
	g.typedAt = g.run.machine.resets.Load()
	l := keyseq.Line{
		Send:    t.send,
		Wait:    g.waitForSerial,
		Observe: func(p keyseq.Progress) { g.typing(Typed{p}) },
		Secret:  o.Secret,
	}
	defer g.run.sentry.mayAnswer()()
	return l.Play(ctx, seq)
}

// waitForSerial waits for what a boot command waits for on the serial port.
func (g *Guest) waitForSerial(ctx context.Context, w keyseq.WaitFor) error {
	defer g.run.sentry.mayNotAnswer()()
	switch f := w.Fact.(type) {
	case keyseq.Shows:
		re, err := f.Regexp()
		if err != nil {
			return err
		}
		_, err = g.WaitSerial(ctx, re)
		return err
	case keyseq.Still:
		return g.wait(ctx, func(ctx context.Context) error {
			for {
				said, err := answers(ctx, g.VM.Console().Next(), anything, f.For)
				if err != nil || !said {
					return err
				}
			}
		})
	case keyseq.Changed:
		next := g.VM.Console().Next()
		return g.wait(ctx, func(ctx context.Context) error {
			_, err := next.Expect(ctx, anything)
			return err
		})
	case keyseq.Fetched:
		_, err := g.WaitFetch(ctx, f.Path)
		return err
	}
	return fmt.Errorf("a boot command waits for %s, which is not known here", w)
}

// anything is any output.
var anything = regexp.MustCompile(`(?s).`)

// answers reports whether the guest writes what is expected within a time. The
// error is that of the context, or that the machine has ended.
func answers(ctx context.Context, r *qemu.ConsoleReader, re *regexp.Regexp, limit time.Duration) (bool, error) {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	_, err := r.Expect(limited, re)
	switch {
	case err == nil:
		return true, nil
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case limited.Err() != nil:
		return false, nil
	}
	return false, err
}

// TypeSerial returns a step that types a boot command on the machine's serial
// port; see [Guest.TypeSerial]. A command that cannot be typed there is found
// before the machine starts.
func TypeSerial(command string) Step {
	return TypeSerialFunc(func(Vars) string { return command })
}

// TypeSerialFunc is TypeSerial for a command that names the URL of an answer
// file or other [Vars]. The function must give the same command each time: it is
// called to check the command as well.
func TypeSerialFunc(command func(Vars) string) Step {
	return Step{
		Name:  "type on the serial port",
		check: func(b *Build) error { return b.canTypeSerial(command(b.exampleVars())) },
		Check: func(v Vars) error {
			seq, err := keyseq.Parse(command(v))
			if err != nil {
				return err
			}
			return seq.CheckLine()
		},
		Do: func(ctx context.Context, g *Guest) error {
			return g.TypeSerial(ctx, command(g.Vars), nil)
		},
	}
}

// canTypeSerial checks that there is a port, and that what a command waits for
// can be fetched.
func (b *Build) canTypeSerial(command string) error {
	err := b.canFetch(command)
	if b.VM.NoSerial {
		err = errors.Join(errors.New("needs the serial port, and VM.NoSerial is set; leave it out"), err)
	}
	return err
}
