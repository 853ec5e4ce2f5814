// Package progress shows a build on a terminal: a line for each phase and step
// with its time, and a bar below them where an end is known. Where the output
// is no terminal it writes plain lines.
package progress

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/bootscribe/bootscribe/httpserve"
	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/ssh"
	"github.com/bootscribe/bootscribe/winrm"
)

const (
	sayEvery   = 5 * time.Second // how often progress is told without a terminal
	longTyping = 20              // steps of a boot command that are worth a bar
)

// Renderer shows the events of one build. Give its Observe to
// imagebuild.Build.Observe, and close it when Run has returned.
type Renderer struct {
	// Verbose also shows the guest's serial output.
	Verbose bool

	out   io.Writer
	bars  *mpb.Progress // nil where there is no terminal
	bar   *mpb.Bar
	what  string    // what the bar shows
	total int64     // the bar's
	said  time.Time // without a terminal, when something was last said of what
	began time.Time // of the build
	tries map[string]bool
}

// New returns a renderer that writes to f.
func New(f *os.File) *Renderer {
	r := &Renderer{out: f, began: time.Now(), tries: map[string]bool{}}
	if term.IsTerminal(int(f.Fd())) {
		r.bars = mpb.New(mpb.WithOutput(f), mpb.WithWidth(48), mpb.WithRefreshRate(100*time.Millisecond))
		r.out = r.bars
	}
	return r
}

// Close removes the bar and waits until all is written.
func (r *Renderer) Close() {
	r.end()
	if r.bars != nil {
		r.bars.Wait()
	}
}

// Printf writes a line above the bar.
func (r *Renderer) Printf(format string, args ...any) {
	fmt.Fprintf(r.out, "%6.1fs  %s\n", time.Since(r.began).Seconds(), fmt.Sprintf(format, args...))
}

// Observe shows an event.
func (r *Renderer) Observe(e imagebuild.Event) {
	switch e := e.(type) {
	case imagebuild.PhaseStarted:
		r.end()
	case imagebuild.PhaseDone:
		r.end()
		r.Printf("%-8s done in %s", e.Phase, seconds(e.Took))
	case imagebuild.StepStarted:
		r.end()
		r.Printf("step %d/%d  %s", e.Index+1, e.Total, e.Step)
	case imagebuild.StepDone:
		r.end()
		r.stepDone(e)
	case imagebuild.Progress:
		r.progress(e.What, e.Done, e.Total, e.Bytes)
	case imagebuild.Typed:
		if e.Progress.Total >= longTyping {
			r.progress("typing", int64(e.Progress.Index), int64(e.Progress.Total), false)
		}
	case imagebuild.Output:
		r.Printf("  | %s", e.Line)
	case imagebuild.ConsoleLine:
		if r.Verbose {
			r.Printf("  > %s", e.Line)
		}
	case imagebuild.Fetched:
		r.fetched(e.Event)
	case imagebuild.Machine:
		r.machine(e.Event)
	case imagebuild.LoggedIn:
		r.login(e.Event)
	case imagebuild.WinRM:
		r.winrm(e.Event)
	case imagebuild.Requested:
		r.requested(e.Request)
	}
}

// stepDone says nothing of what took no time: that the next step begins is enough.
func (r *Renderer) stepDone(e imagebuild.StepDone) {
	switch {
	case e.Err != nil:
		r.Printf("step %d/%d  failed after %s", e.Index+1, e.Total, seconds(e.Took))
	case e.Took >= time.Second:
		r.Printf("step %d/%d  done in %s", e.Index+1, e.Total, seconds(e.Took))
	}
}

func (r *Renderer) fetched(e iso.Event) {
	switch e := e.(type) {
	case iso.Trying:
		r.Printf("fetching %s", e.URL)
	case iso.Progress:
		r.progress("fetching", e.Done, e.Total, true)
	case iso.Verifying:
		r.progress("verifying", e.Done, e.Total, true)
	case iso.Unpacking:
		r.progress("unpacking", e.Done, e.Total, true)
	case iso.Waiting:
		r.progress("another process is fetching", e.Done, e.Total, true)
	case iso.Retrying:
		r.Printf("fetching %s failed: %v; again in %s", e.URL, e.Err, seconds(e.After))
	case iso.GivenUp:
		r.Printf("gave up %s: %v", e.URL, e.Err)
	case iso.Verified:
		r.end()
		r.Printf("verified %s", e.Digest)
	}
}

func (r *Renderer) machine(e qemu.Event) {
	switch e := e.(type) {
	case qemu.Started:
		r.Printf("QEMU %s runs with %s: %s", e.Version, e.Accel, e.Reason)
	case qemu.Reset:
		r.Printf("the machine was reset (%s)", e.Reason)
	case qemu.ShutDown:
		r.Printf("the machine is switched off (%s)", e.Reason)
	case qemu.IOError:
		r.Printf("input/output error on %s: %s", e.Device, e.Reason)
	case qemu.Panicked:
		r.Printf("the guest's kernel panicked")
	case qemu.TPMEnded:
		r.Printf("the machine's TPM has ended: %s", e)
	case qemu.ShareEnded:
		r.Printf("a directory is not shared any more: %s", e)
	case qemu.Hung:
		r.Printf("QEMU has not answered for %s", seconds(e.For))
	}
}

// login shows each kind of failure once: a guest that boots gives many.
func (r *Renderer) winrm(e winrm.Event) {
	switch e := e.(type) {
	case winrm.AttemptFailed:
		r.notYet(e.Err)
	case winrm.Connected:
		clear(r.tries)
		r.Printf("logged in by WinRM")
	}
}

// notYet says why an attempt to log in has failed, once.
func (r *Renderer) notYet(err error) {
	if text := err.Error(); !r.tries[text] {
		r.tries[text] = true
		r.Printf("not yet: %s", text)
	}
}

func (r *Renderer) login(e ssh.Event) {
	switch e := e.(type) {
	case ssh.AttemptFailed:
		r.notYet(e.Err)
	case ssh.Connected:
		clear(r.tries)
		r.Printf("logged in to %s", e.ServerVersion)
	}
}

func (r *Renderer) requested(req httpserve.Request) {
	r.Printf("the guest: %s", req)
}

// progress moves the bar, or makes one for something new.
func (r *Renderer) progress(what string, done, total int64, bytes bool) {
	if total <= 0 {
		return
	}
	if r.bars == nil {
		r.say(what, done, total)
		return
	}
	if r.bar == nil || r.what != what || r.total != total {
		r.end()
		r.bar, r.what, r.total = r.newBar(what, total, bytes), what, total
	}
	r.bar.SetCurrent(min(done, total-1)) // a bar that is complete cannot be removed
}

func (r *Renderer) newBar(what string, total int64, bytes bool) *mpb.Bar {
	left := []decor.Decorator{decor.Name("         " + what + " ")}
	if bytes {
		left = append(left, decor.CountersKibiByte("% .1f / % .1f "))
	}
	return r.bars.AddBar(total, mpb.BarRemoveOnComplete(), mpb.PrependDecorators(left...), mpb.AppendDecorators(decor.Percentage()))
}

// say writes a line now and then, where there is no terminal.
func (r *Renderer) say(what string, done, total int64) {
	now := time.Now()
	if what != r.what {
		r.what, r.said = what, now
	}
	if now.Sub(r.said) < sayEvery {
		return
	}
	r.said = now
	r.Printf("%s: %d %%", what, 100*done/total)
}

// end removes the bar.
func (r *Renderer) end() {
	if r.bar != nil {
		r.bar.Abort(true)
		r.bar.Wait()
	}
	r.bar, r.what = nil, ""
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
