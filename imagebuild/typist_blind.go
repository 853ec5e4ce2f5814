package imagebuild

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bootscribe/bootscribe/keyseq"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/vnc"
)

const (
	// blindPause is what passes after each stroke that nothing is known of. A
	// server of QEMU takes 10 ms for each key event by default.
	blindPause = 40 * time.Millisecond
	blindEvent = 10 * time.Millisecond
)

// blindWay lets time pass, and holds where the server does not even read.
type blindWay struct {
	p      *vncPacer
	pause  time.Duration
	fences fences
}

// fences says whether a server answers fences.
type fences int

const (
	fencesUnknown fences = iota
	fencesAnswered
	fencesNone
)

func (w *blindWay) batch(_ context.Context, next []keyseq.Stroke, _ []rune) (int, error) {
	w.pause = pauseAfter(next[0])
	return 1, nil
}

func pauseAfter(s keyseq.Stroke) time.Duration {
	if hasLight(s) {
		return 5 * blindPause // the light may come late
	}
	return max(blindPause, time.Duration(len(s.Events))*blindEvent)
}

func (w *blindWay) settle(ctx context.Context) (bool, error) {
	if err := w.fence(ctx); err != nil {
		return false, err
	}
	return false, rest(ctx, w.p.t.VNC, max(w.pause, blindPause))
}

// fence waits until the server has read all that was sent, so that nothing
// piles up in one that does not run. Not every server has fences, or answers
// more than one.
func (w *blindWay) fence(ctx context.Context) error {
	const first = 2 * time.Second
	limit := w.p.patience
	switch w.fences {
	case fencesNone:
		return nil
	case fencesUnknown:
		limit = min(limit, first)
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := w.p.t.VNC.Fence(limited)
	switch {
	case err == nil:
		w.fences = fencesAnswered
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, vnc.ErrNoFence) || limited.Err() != nil && w.fences == fencesUnknown:
		w.fences = fencesNone
		return nil
	case limited.Err() != nil:
		return w.p.stalled("the VNC server does not answer")
	}
	return err
}

// rest lets time pass, unless the connection or the context ends.
func rest(ctx context.Context, c *vnc.Conn, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-c.Done():
		return c.Err()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Num Lock, whose light is waited for, and the other keys with lights.
const (
	codeNumLock    = 0x45
	codeCapsLock   = 0x3a
	codeScrollLock = 0x46
	keysymNumLock  = 0xff7f
)

// hasLight reports whether a stroke switches lights by itself.
func hasLight(s keyseq.Stroke) bool {
	for _, e := range s.Events {
		if e.Code == codeNumLock || e.Code == codeCapsLock || e.Code == codeScrollLock {
			return true
		}
	}
	return false
}

const (
	// lightBytes go before one Num Lock, which needs two more: twice that is
	// what the queue of the keyboard holds. UEFI's firmware sets the light twice
	// (see ledEcho in package qemu), and when the second time is late it looks
	// like the answer to another Num Lock.
	lightBytes = 6
	// lightProbe is how long the first light may take to come.
	lightProbe = 3 * time.Second
)

// lightWay presses Num Lock behind the keys and waits for its light.
type lightWay struct {
	p     *vncPacer
	sure  bool // the light has answered
	taps  int
	alone bool          // keys go one at a time, and no faster than without the light
	pause time.Duration // if alone
}

// batch waits, before the first, for a light that answers.
func (w *lightWay) batch(ctx context.Context, next []keyseq.Stroke, shows []rune) (int, error) {
	if err := w.judge(); err != nil {
		return 0, err
	}
	if !w.sure {
		if err := w.probe(ctx); err != nil {
			return 0, err
		}
	}
	if w.alone {
		w.pause = pauseAfter(next[0])
		return 1, nil
	}
	n, bytes := 0, 0
	for i, s := range next {
		other := (shows[i] != 0) != (shows[0] != 0) // which the screen may tell of
		if bytes += cost(s); n > 0 && (bytes > lightBytes || other || hasLight(s)) {
			break
		}
		n++
	}
	return n, nil
}

// judge finds out how far the light can be relied on at this moment.
func (w *lightWay) judge() error {
	if w.p.asked == qemu.ModeLEDs {
		return nil
	}
	t, why := w.p.sight.firmware()
	if t == trustNone {
		return unfitError(why)
	}
	w.alone = t == trustSome
	return nil
}

func (w *lightWay) probe(ctx context.Context) error {
	if _, told := w.p.t.VNC.LEDs(); told == 0 {
		return unfitError("the VNC server tells of no lights")
	}
	answered, err := w.tap(ctx, min(lightProbe, w.p.patience))
	if err != nil {
		return err
	}
	if !answered {
		w.p.t.VNC.Keys(numLock()...) // what was pressed may be taken later
		w.taps++
		return unfitError("the light of Num Lock does not answer")
	}
	w.sure = true
	return nil
}

func (w *lightWay) settle(ctx context.Context) (bool, error) {
	begin := time.Now()
	answered, err := w.tap(ctx, w.p.patience)
	if err != nil {
		return false, err
	}
	if !answered {
		return false, w.p.stalled("the light of Num Lock has not changed")
	}
	if left := w.pause - time.Since(begin); w.alone && left > 0 {
		return true, rest(ctx, w.p.t.VNC, left)
	}
	return true, nil
}

// tap presses Num Lock, and reports whether its light changes in time.
func (w *lightWay) tap(ctx context.Context, limit time.Duration) (bool, error) {
	c := w.p.t.VNC
	leds, changes := c.LEDs()
	want := leds&vnc.NumLock ^ vnc.NumLock
	w.taps++
	if err := c.Keys(numLock()...); err != nil {
		return false, err
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for leds&vnc.NumLock != want {
		var err error
		if leds, changes, err = c.WaitLEDs(limited, changes); err != nil {
			switch {
			case ctx.Err() != nil:
				return false, context.Cause(ctx)
			case limited.Err() != nil && c.Err() == nil:
				return false, nil
			}
			return false, err
		}
	}
	return true, nil
}

// restore presses Num Lock once more if that was done an odd number of times.
func (w *lightWay) restore(ctx context.Context) error {
	if w.taps%2 == 0 || w.p.t.VNC.Err() != nil {
		return nil
	}
	_, err := w.tap(ctx, time.Second)
	if err != nil {
		return fmt.Errorf("imagebuild: restore Num Lock: %w", err)
	}
	return nil
}

func numLock() []vnc.KeyEvent {
	return []vnc.KeyEvent{
		{Keysym: keysymNumLock, Code: codeNumLock, Down: true},
		{Keysym: keysymNumLock, Code: codeNumLock},
	}
}
