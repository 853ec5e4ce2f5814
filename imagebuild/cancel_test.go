package imagebuild

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/internal/guest"
)

// The context of Run ends it at any time, with its cause, and no trace of it is
// left.
func TestCancel(t *testing.T) {
	b, r := newBuild(t, guest.Install, ready(), Type("abc<enter>"), WaitSerial("W"))
	b.Manifest = b.Output + ".json"
	began := time.Now()
	if _, err := b.Run(soon(t)); err != nil {
		t.Fatal(err)
	}
	whole, events := time.Since(began), len(r.list())
	if err := errors.Join(os.Remove(b.Output), os.Remove(b.Manifest)); err != nil {
		t.Fatal(err)
	}
	const instants = 30
	t.Run("at", func(t *testing.T) {
		for i := range instants {
			c := *b
			c.Output = filepath.Join(filepath.Dir(b.Output), string(rune('A'+i)), "out.qcow2")
			c.Manifest = c.Output + ".json"
			if err := os.Mkdir(filepath.Dir(c.Output), 0o700); err != nil {
				t.Fatal(err)
			}
			t.Run("instant", func(t *testing.T) {
				t.Parallel()
				if i%2 == 0 {
					cancelAt(t, &c, whole*time.Duration(i)/instants, 0)
				} else {
					cancelAt(t, &c, time.Hour, events*i/instants)
				}
			})
		}
	})
}

// cancelAt runs a build and cancels it after a time or a number of events.
func cancelAt(t *testing.T, b *Build, after time.Duration, events int) {
	ctx, cancel := context.WithCancelCause(soon(t))
	defer cancel(nil)
	reason := errors.New("changed my mind")
	var once sync.Once
	var at time.Time
	change := func() { once.Do(func() { at = time.Now(); cancel(reason) }) }
	seen := 0
	b.Observe = func(Event) {
		if seen++; seen == events {
			change()
		}
	}
	timer := time.AfterFunc(after, change)
	defer timer.Stop()
	_, err := b.Run(ctx)
	returned := time.Now()
	once.Do(func() { at = returned })
	if took := returned.Sub(at); took > 5*time.Second {
		t.Errorf("Run returned after %v", took)
	}
	if err != nil && !errors.Is(err, reason) {
		t.Error(err)
	}
	left := names(t, filepath.Dir(b.Output))
	if err != nil && len(left) != 0 || err == nil && len(left) != 2 {
		t.Errorf("%v, and there is %v", err, left)
	}
	nothingLeft(t, filepath.Dir(b.Output))
}
