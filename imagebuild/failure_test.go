package imagebuild

import (
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/qemu"
)

// fails runs a build that must fail with a StepError and leave no image, within
// a time of what happened to the machine, or else of its start.
func fails(t *testing.T, b *Build, within time.Duration, words ...string) *StepError {
	t.Helper()
	var began time.Time
	happened := false
	observe := b.Observe
	b.Observe = func(e Event) {
		if m, ok := e.(Machine); ok {
			switch m.Event.(type) {
			case qemu.Started:
				began = time.Now()
			case qemu.IOError, qemu.Exited:
				if !happened {
					happened, began = true, time.Now()
				}
			}
		}
		observe(e)
	}
	_, err := b.Run(soon(t))
	var step *StepError
	if !errors.As(err, &step) {
		t.Fatalf("no StepError but %v", err)
	}
	if took := time.Since(began); took > within {
		t.Errorf("the failure took %v", took)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q is not in %q", w, err)
		}
	}
	if _, err := os.Lstat(b.Output); err == nil {
		t.Error("there is an image")
	}
	return step
}

// forever waits for what does not come, each by another way to learn of it.
var forever = map[string]func(ctx context.Context, g *Guest) error{
	"serial": func(ctx context.Context, g *Guest) error {
		_, err := g.WaitSerial(ctx, regexp.MustCompile("never"))
		return err
	},
	"screen": func(ctx context.Context, g *Guest) error {
		for {
			if err := g.WaitChange(ctx); err != nil {
				return err
			}
		}
	},
	"keys":    func(ctx context.Context, g *Guest) error { return g.Type(ctx, strings.Repeat("x", 40), nil) },
	"off":     func(ctx context.Context, g *Guest) error { return g.WaitShutdown(ctx) },
	"context": func(ctx context.Context, g *Guest) error { <-ctx.Done(); return ctx.Err() },
	"nothing": func(ctx context.Context, g *Guest) error { <-g.VM.Done(); return errors.New("my own words") },
}

func TestPoweredOffEarly(t *testing.T) {
	for name, wait := range forever {
		if name == "off" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, _ := newBuild(t, guest.Button, ready(), do(name, func(ctx context.Context, g *Guest) error {
				time.AfterFunc(50*time.Millisecond, func() { _ = g.VM.QMP().Execute(ctx, "system_powerdown", nil, nil) })
				return wait(ctx, g)
			}))
			step := fails(t, b, 10*time.Second, "the guest switched itself off", `step "`+name+`"`)
			if !errors.Is(step, ErrPoweredOff) || step.Name() != "powered-off" {
				t.Error(step)
			}
		})
	}
}

func TestKilled(t *testing.T) {
	for name, wait := range forever {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, _ := newBuild(t, guest.Button, ready(), do(name, func(ctx context.Context, g *Guest) error {
				process, err := os.FindProcess(g.VM.PID())
				if err != nil {
					return err
				}
				time.AfterFunc(50*time.Millisecond, func() { process.Kill() })
				return wait(ctx, g)
			}))
			step := fails(t, b, 10*time.Second, "QEMU was killed", `step "`+name+`"`)
			var exit *qemu.ExitError
			if !errors.As(step, &exit) || exit.Signal != "killed" || step.Name() != "qemu-killed" {
				t.Error(step)
			}
			if step.Took > 10*time.Second {
				t.Errorf("took %v", step.Took)
			}
		})
	}
}

// How far a boot command was typed is in the error, also of a later step.
func TestEvidenceTyped(t *testing.T) {
	t.Parallel()
	b, _ := newBuild(t, guest.Echo, ready(), Type("abc"), Step{Name: "never", Timeout: 100 * time.Millisecond, Do: forever["serial"]})
	step := fails(t, b, 40*time.Second, "no end after 100ms")
	if p := step.Typed; p.Index != 3 || p.Total != 3 {
		t.Errorf("%+v", p)
	}
}

// What there was to see is in the error.
func TestEvidence(t *testing.T) {
	t.Parallel()
	var failed error
	b, _ := newBuild(t, guest.Show("no answer file\n"), WaitSerial("file"), WaitStill(300*time.Millisecond),
		Step{Name: "never", Timeout: 100 * time.Millisecond, Do: forever["serial"]})
	b.OnFailure = func(_ context.Context, g *Guest, err error) {
		failed = err
		select {
		case <-g.VM.Done():
			t.Error("the machine is gone")
		default:
		}
	}
	step := fails(t, b, 10*time.Second, "no end after 100ms", `"never"`)
	if failed != error(step) {
		t.Errorf("OnFailure got %v", failed)
	}
	if !errors.Is(step, context.DeadlineExceeded) || step.Name() != "timeout" {
		t.Error("not a timeout:", step)
	}
	if step.Frame == nil || step.Frame.Bounds().Dx() < 640 || step.Console != "no answer file\r\n" {
		t.Errorf("%v, %q", step.Frame, step.Console)
	}
}

func TestRebootLoop(t *testing.T) {
	t.Parallel()
	b, _ := newBuild(t, guest.Reset, do("serial", forever["serial"]))
	step := fails(t, b, 30*time.Second, "reset-loop (fatal)")
	detected(t, step, "reset-loop")
}

// A guest that does not heed the power button, and one that reboots instead.
func TestShutdownFails(t *testing.T) {
	t.Parallel()
	b, _ := newBuild(t, guest.Echo, ready())
	b.Shutdown.Timeout = 300 * time.Millisecond
	step := fails(t, b, 10*time.Second, "shutdown", "no end after 300ms", "Shutdown.Command")
	if step.Step != "shutdown" {
		t.Error(step.Step)
	}
	b, _ = newBuild(t, guest.Reset)
	step = fails(t, b, 10*time.Second, "rebooted instead")
	var exit *qemu.ExitError
	if !errors.As(step, &exit) || exit.Reason != "guest-reset" {
		t.Error(step)
	}
}

// A step that returns nil though its machine broke does not count.
func TestUnnoticed(t *testing.T) {
	t.Parallel()
	b, _ := newBuild(t, guest.Reset, do("look away", func(ctx context.Context, g *Guest) error {
		<-ctx.Done()
		return nil
	}))
	fails(t, b, 30*time.Second, "look away", "reset-loop")
}
