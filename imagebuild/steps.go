package imagebuild

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"github.com/bootscribe/bootscribe/keyseq"
)

// Type returns a step that types a boot command on a US keyboard; see package
// keyseq for the language. A command that cannot be typed is found before the
// machine starts.
func Type(command string) Step {
	return TypeFunc(func(Vars) string { return command })
}

// TypeFunc is Type for a command that names the URL of an answer file or other
// [Vars]:
//
//	imagebuild.TypeFunc(func(v imagebuild.Vars) string {
//		return "<esc>auto url=" + v.URL + "/preseed.cfg<enter>"
//	})
//
// The function must give the same command each time: it is called to check the
// command as well.
func TypeFunc(command func(Vars) string) Step {
	return TypeOn(nil, command)
}

// TypeOn is TypeFunc for a keyboard layout; nil is us.
func TypeOn(layout *keyseq.Layout, command func(Vars) string) Step {
	return Step{
		Name:  "type the boot command",
		check: func(b *Build) error { return b.canType(command(b.exampleVars())) },
		Check: func(v Vars) error {
			seq, err := keyseq.Parse(command(v))
			if err != nil {
				return err
			}
			return seq.Check(layout)
		},
		Do: func(ctx context.Context, g *Guest) error {
			return g.Type(ctx, command(g.Vars), &TypeOptions{Layout: layout})
		},
	}
}

// WaitSerial returns a step that waits until the guest has written what matches
// a regular expression to its serial port, after what an earlier WaitSerial
// has matched.
func WaitSerial(pattern string) Step {
	return Step{
		Name: fmt.Sprintf("wait for %q on the serial line", pattern),
		Check: func(Vars) error {
			_, err := regexp.Compile(pattern)
			return err
		},
		Do: func(ctx context.Context, g *Guest) error {
			re, err := regexp.Compile(pattern)
			if err != nil {
				return err
			}
			_, err = g.WaitSerial(ctx, re)
			return err
		},
	}
}

// WaitFetch returns a step that waits until the guest has fetched a file over
// HTTP, given by its path, such as "/preseed.cfg".
func WaitFetch(path string) Step {
	return Step{
		Name:  "wait until the guest has fetched " + path,
		check: func(b *Build) error { return b.offers(path) },
		Do: func(ctx context.Context, g *Guest) error {
			_, err := g.WaitFetch(ctx, path)
			return err
		},
	}
}

// WaitStill returns a step that waits until the screen has not changed for a
// time. That alone is no proof of a menu: the firmware's screen can be still as
// well. A [WaitText] for what the menu says is better, or stands before it.
func WaitStill(still time.Duration) Step {
	return Step{
		Name:  fmt.Sprintf("wait until the screen is still for %v", still),
		check: needsScreen,
		Check: func(Vars) error {
			if still <= 0 {
				return errNotStill
			}
			return nil
		},
		Do: func(ctx context.Context, g *Guest) error { return g.WaitStill(ctx, still) },
	}
}

// Pause returns a step that waits for a time. Where there is a fact to wait
// for, wait for that. A question of the guest's is no failure meanwhile: what
// follows may be the answer.
func Pause(d time.Duration) Step {
	return Step{
		Name: fmt.Sprintf("pause for %v", d),
		Do: func(ctx context.Context, g *Guest) error {
			end := time.Now().Add(d)
			defer g.run.sentry.mayAnswer()()
			return g.wait(ctx, func(ctx context.Context) error { return pause(ctx, time.Until(end)) })
		},
	}
}

// WaitShutdown returns a step that waits until the guest has switched itself
// off; it can only be the last one.
func WaitShutdown() Step {
	return Step{Name: "wait until the guest is off", Do: func(ctx context.Context, g *Guest) error { return g.WaitShutdown(ctx) }}
}
