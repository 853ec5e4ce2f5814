package imagebuild

import (
	"context"
	"time"

	"github.com/bootscribe/bootscribe/screen"
)

const (
	// betweenReads is the least time between two looks of a sentry.
	betweenReads = 500 * time.Millisecond
	// unasked is how long a sentry waits for a frame before it asks for one:
	// QEMU sends those of a still screen late.
	unasked = time.Second
	// readShare is how many times longer than the reading of a frame the pause
	// after it is: where a screen always changes, reading costs a tenth of a core.
	readShare = 9
)

// watchScreen gives what the screen says to the rules.
func (s *sentry) watchScreen(ctx context.Context) {
	e := s.r.guest.eye
	if _, err := e.conn.WaitUpdate(ctx, 0); err != nil {
		return // the machine has ended, or the build
	}
	var last *view
	for v, seq := e.fresh(ctx); ctx.Err() == nil; v, seq = s.next(ctx, seq) {
		began := time.Now()
		if other := s.changed.Swap(false); v != last && !s.quiet.Load() || other {
			s.read(v)
		}
		if v != last {
			s.progress.seen(v)
		}
		last = v
		if pause(ctx, max(betweenReads, min(readShare*time.Since(began), longestRest))) != nil {
			return
		}
	}
}

// next returns the next frame: one that QEMU sends, or else, after a while, one
// that is asked for.
func (s *sentry) next(ctx context.Context, seq uint64) (*view, uint64) {
	e := s.r.guest.eye
	limited, cancel := context.WithTimeout(ctx, unasked-betweenReads)
	defer cancel()
	if _, err := e.conn.WaitUpdate(limited, seq); err == nil {
		return e.look()
	}
	if ctx.Err() == nil && limited.Err() == nil { // the connection is gone
		_ = pause(ctx, longestRest)
	}
	return e.fresh(ctx)
}

func (s *sentry) read(v *view) {
	text, err := s.r.guest.eye.read(v)
	if err != nil {
		return // said by whoever waits for a text
	}
	s.look(s.detector.Screen(time.Now(), lines(text)))
}

// lines are what a screen says, without anything where nothing can be read.
func lines(t *screen.Text) []string {
	if t.Unknown() == len(t.Cells) {
		return nil
	}
	return t.Lines()
}
