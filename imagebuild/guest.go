package imagebuild

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/bootscribe/bootscribe/httpserve"
	"github.com/bootscribe/bootscribe/keyseq"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/vnc"
)

// Guest is the running machine as a step sees it. It lives as long as the step
// that got it; its methods are for one goroutine at a time. A step that is kept
// waiting by it, such as by WaitSerial, ends with the step's context.
type Guest struct {
	Vars // what was known before the machine started

	// VM is the machine itself, for what Guest has no method for.
	VM *qemu.VM

	// VNC is the machine's screen and keyboard; nil if it has no graphics card.
	VNC *vnc.Conn

	run     *run
	step    string // the name of the running step
	over    bool   // the build has ended
	off     bool   // a step has waited for the guest to switch itself off
	console *qemu.ConsoleReader
	eye     *eye // nil if there is no VNC
	typed   keyseq.Progress
	typedAt int64 // the number of resets when something was typed last
	login
	handlers
}

func (g *Guest) close() {
	g.over = true
	g.logout()
	if g.VNC != nil {
		_ = g.VNC.Close()
	}
}

// errNoScreen is the answer of what needs a graphics card to a machine without.
var errNoScreen = errors.New("the machine has no graphics card (VM.VGA is none)")

var errNoFiles = errors.New("the build has no Files and no Templates to fetch")

var errNotStill = errors.New("the time for which the screen must be still is not positive")

// Type types a boot command; see package keyseq for the language. A nil o
// means the zero TypeOptions. It is no error if the guest switches itself off
// when all is typed; what comes after it, other than a wait for just that, then
// fails.
func (g *Guest) Type(ctx context.Context, command string, o *TypeOptions) error {
	seq, err := keyseq.Parse(command)
	if err != nil {
		return err
	}
	return g.Play(ctx, seq, o)
}

// Play types a sequence that was parsed before.
func (g *Guest) Play(ctx context.Context, seq keyseq.Sequence, o *TypeOptions) error {
	if g.VNC == nil {
		return errNoScreen
	}
	t := Typist{VM: g.VM, VNC: g.VNC, Fonts: g.run.b.Fonts, Observe: g.typing, Wait: g.waitFor}
	g.typed = keyseq.Progress{}
	g.typedAt = g.run.machine.resets.Load()
	defer g.run.sentry.mayAnswer()()
	err := t.Play(ctx, seq, o)
	if err != nil && g.typed.Total > 0 && g.typed.Index == g.typed.Total && errors.Is(g.run.cause(ctx), ErrPoweredOff) {
		return nil // who has switched itself off has taken the last key, but cannot tell
	}
	return err
}

// typing passes on what is told of typing, and keeps how far it is.
func (g *Guest) typing(e Event) {
	if t, ok := e.(Typed); ok {
		g.typed = t.Progress
	}
	g.run.emit(e)
}

// WaitSerial waits until the guest has written to its serial port what matches
// re, after what the last WaitSerial of this build matched, and returns the
// match and its groups.
func (g *Guest) WaitSerial(ctx context.Context, re *regexp.Regexp) ([]string, error) {
	var match []string
	defer g.run.sentry.expect(re)()
	err := g.wait(ctx, func(ctx context.Context) (err error) {
		match, err = g.serial().Expect(ctx, re)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("waiting for %q on the serial line: %w", re, err)
	}
	return match, nil
}

// serial returns the place up to which WaitSerial has read.
func (g *Guest) serial() *qemu.ConsoleReader {
	if g.console == nil {
		g.console = g.VM.Console().Reader()
	}
	return g.console
}

// WaitFetch waits until the guest has fetched the file of that path over HTTP,
// such as "/preseed.cfg". It returns at once if it already has.
func (g *Guest) WaitFetch(ctx context.Context, path string) (httpserve.Request, error) {
	if g.run.server == nil {
		return httpserve.Request{}, errNoFiles
	}
	var request httpserve.Request
	err := g.wait(ctx, func(ctx context.Context) (err error) {
		ctx, done := g.run.misses.await(ctx, path)
		defer done()
		request, err = g.run.server.WaitFetch(ctx, path)
		return err
	})
	return request, err
}

// WaitShutdown waits until the guest has switched itself off. The build then
// has nothing to shut down, and publishes the disk if no other step follows.
func (g *Guest) WaitShutdown(ctx context.Context) error {
	err := g.wait(ctx, func(ctx context.Context) error {
		select {
		case <-g.VM.Done():
		case <-ctx.Done():
		}
		// That the machine has ended also ends the context.
		select {
		case <-g.VM.Done():
			return nil
		default:
			return context.Cause(ctx)
		}
	})
	if err != nil {
		return fmt.Errorf("waiting for the guest to switch itself off: %w", err)
	}
	err = g.VM.Wait(context.WithoutCancel(ctx)) // its last events are under way
	g.off = err == nil
	return err
}

// Report tells the build's observer how far the step is.
func (g *Guest) Report(what string, done, total int64) {
	g.run.emit(Progress{What: what, Done: done, Total: total})
}
