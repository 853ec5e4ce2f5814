package imagebuild

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/qemu"
)

type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// Whichever function of the caller's panics, Run panics on its own goroutine
// when all is released.
func TestPanics(t *testing.T) {
	oops := errors.New("oops")
	own := func(v any) bool { return v == any(oops) }
	passed := func(v any) bool {
		p, ok := v.(*CallbackPanic)
		return ok && p.Value == any(oops) && errors.Is(p, oops) && len(p.Stack) > 0
	}
	for name, tt := range map[string]struct {
		set  func(b *Build)
		want func(v any) bool
	}{
		"step": {func(b *Build) {
			b.Steps = []Step{do("panic", func(context.Context, *Guest) error { panic(oops) })}
		}, own},
		"on failure": {func(b *Build) {
			b.Steps = []Step{do("fail", func(context.Context, *Guest) error { return errors.New("no") })}
			b.OnFailure = func(context.Context, *Guest, error) { panic(oops) }
		}, own},
		"observe":         {func(b *Build) { b.Observe = func(Event) { panic(oops) } }, passed},
		"observe machine": {func(b *Build) { b.Observe = panicOn[Machine](oops) }, passed},
		"observe line":    {func(b *Build) { b.Observe = panicOn[ConsoleLine](oops) }, passed},
		"observe publish": {func(b *Build) { b.Observe = panicOn[Progress](oops) }, passed},
		"machine":         {func(b *Build) { b.VM.Observe = func(qemu.Event) { panic(oops) } }, passed},
		"fetcher":         {func(b *Build) { b.Fetcher.Observe = func(iso.Event) { panic(oops) } }, passed},
		"console":         {func(b *Build) { b.Console = writer(func([]byte) (int, error) { panic(oops) }) }, passed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, _ := newBuild(t, guest.Button, ready())
			tt.set(b)
			defer func() {
				if v := recover(); !tt.want(v) {
					t.Errorf("Run panics with %v", v)
				}
				if left := names(t, filepath.Dir(b.Output)); len(left) != 1 {
					t.Error(left)
				}
				nothingLeft(t, filepath.Dir(b.Output))
			}()
			_, err := b.Run(soon(t))
			t.Error("Run returned:", err)
		})
	}
}

func panicOn[T Event](v any) func(Event) {
	return func(e Event) {
		if _, ok := e.(T); ok {
			panic(v)
		}
	}
}

// A step that ends its goroutine, as a test's Fatal does.
func TestGoexit(t *testing.T) {
	t.Parallel()
	b, _ := newBuild(t, guest.Button, do("exit", func(context.Context, *Guest) error { runtime.Goexit(); return nil }))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, err := b.Run(soon(t))
		t.Error("Run returned:", err)
	}()
	<-done
}

// What is kept of a guest is of no use after the build, and does no harm.
func TestAfterTheEnd(t *testing.T) {
	t.Parallel()
	var kept *Guest
	b, r := newBuild(t, guest.Button, do("keep", func(_ context.Context, g *Guest) error { kept = g; return nil }), ready())
	b.SSH.User, b.SSH.Addr = "root", "127.0.0.1:1"
	if _, err := b.Run(soon(t)); err != nil {
		t.Fatal(err)
	}
	events := len(r.list())
	ctx, cancel := context.WithTimeout(soon(t), 2*time.Second)
	defer cancel()
	kept.Report("still here", 1, 2)
	_, err := kept.SSH(ctx)
	errs := []error{err, kept.Type(ctx, "a", nil), kept.WaitChange(ctx), kept.WaitStill(ctx, time.Second), forever["serial"](ctx, kept)}
	for i, err := range errs {
		if err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if kept.Screen() == nil {
		t.Error("no screen")
	}
	if n := len(r.list()); n != events {
		t.Error(fmt.Sprint(n-events, " events after Run has returned"))
	}
}
