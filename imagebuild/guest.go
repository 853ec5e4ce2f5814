package imagebuild

import (
	"context"
	"errors"
	"fmt"
	"image"
	"regexp"
	"time"

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
	login
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

var errNotStill = errors.New("the time for which the screen must be still is not positive")

// Screen returns a copy of what is on the guest's screen; nil if it has none.
func (g *Guest) Screen() *image.RGBA {
	if g.VNC == nil {
		return nil
	}
	return g.VNC.Screen()
}

// Type types a boot command; see package keyseq for the language. A nil o
// means the zero TypeOptions.
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
	t := Typist{VM: g.VM, VNC: g.VNC, Observe: g.run.emit}
	return t.Play(ctx, seq, o)
}

// WaitStill waits until the screen has not changed for a time. A cursor that
// blinks is a change, so the time must be shorter than half its period; 200 ms
// fit most.
//
// A still screen is no proof of a menu: the firmware's is still too while it
// looks for something to boot, and so is a boot loader's that reads from a slow
// medium. Wait before for what the firmware does not show, and then until it is
// drawn: [Guest.WaitSerial] where the boot loader writes to the serial port, the
// size of the screen (g.VNC.Size) where a menu has another than the firmware,
// or the text on [Guest.Screen], which package screen reads. examples/debian
// does so by the size.
func (g *Guest) WaitStill(ctx context.Context, still time.Duration) error {
	if g.VNC == nil {
		return errNoScreen
	}
	if still <= 0 {
		return errNotStill
	}
	seq := g.VNC.Seq()
	for {
		quiet, cancel := context.WithTimeout(ctx, still)
		next, err := g.VNC.WaitUpdate(quiet, seq)
		over := quiet.Err() != nil
		cancel()
		switch {
		case err == nil:
			seq = next
		case over && ctx.Err() == nil && seq > 0:
			return nil
		case !over || ctx.Err() != nil:
			return fmt.Errorf("waiting for the screen to be still for %v: %w", still, err)
		}
	}
}

// WaitChange waits until the screen shows anything else than now.
func (g *Guest) WaitChange(ctx context.Context) error {
	if g.VNC == nil {
		return errNoScreen
	}
	if _, err := g.VNC.WaitUpdate(ctx, g.VNC.Seq()); err != nil {
		return fmt.Errorf("waiting for the screen to change: %w", err)
	}
	return nil
}

// WaitSerial waits until the guest has written to its serial port what matches
// re, after what the last WaitSerial of this build matched, and returns the
// match and its groups.
func (g *Guest) WaitSerial(ctx context.Context, re *regexp.Regexp) ([]string, error) {
	if g.console == nil {
		g.console = g.VM.Console().Reader()
	}
	match, err := g.console.Expect(ctx, re)
	if err != nil {
		return nil, fmt.Errorf("waiting for %q on the serial line: %w", re, err)
	}
	return match, nil
}

// WaitFetch waits until the guest has fetched the file of that path over HTTP,
// such as "/preseed.cfg". It returns at once if it already has.
func (g *Guest) WaitFetch(ctx context.Context, path string) (httpserve.Request, error) {
	if g.run.server == nil {
		return httpserve.Request{}, errors.New("the build has no Files and no Templates to fetch")
	}
	return g.run.server.WaitFetch(ctx, path)
}

// WaitShutdown waits until the guest has switched itself off. The build then
// has nothing to shut down, and publishes the disk if no other step follows.
func (g *Guest) WaitShutdown(ctx context.Context) error {
	select {
	case <-g.VM.Done():
	case <-ctx.Done():
	}
	// That the machine has ended also ends the context.
	select {
	case <-g.VM.Done():
	default:
		return fmt.Errorf("waiting for the guest to switch itself off: %w", context.Cause(ctx))
	}
	err := g.VM.Wait(context.WithoutCancel(ctx)) // its last events are under way
	g.off = err == nil
	return err
}

// Report tells the build's observer how far the step is.
func (g *Guest) Report(what string, done, total int64) {
	g.run.emit(Progress{What: what, Done: done, Total: total})
}
