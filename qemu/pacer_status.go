package qemu

import (
	"context"
	"time"
)

// statusWay sends as much as a PS/2 keyboard holds, and more when it is empty.
type statusWay struct {
	p      *Pacer
	idle   idleKeyboard
	flying int
}

func (w *statusWay) room(next []Stroke) int {
	if w.flying > 0 {
		return 0
	}
	return fill(next, keyboardRoom, ps2Bytes)
}

func (w *statusWay) gone(strokes []Stroke) {
	w.flying += len(strokes)
	w.idle.reset()
}

func (w *statusWay) look(ctx context.Context) (int, bool, error) {
	empty, err := w.idle.look(ctx)
	if err != nil || !empty {
		return 0, false, err
	}
	taken := w.flying
	w.flying = 0
	return taken, true, nil
}

func (w *statusWay) rest(ctx context.Context, d time.Duration) error { return w.p.vm.pause(ctx, d) }

func (w *statusWay) close(context.Context) error { return nil }

// fill returns how many strokes fit into a queue of that room, at least one:
// what does not fit in an empty queue cannot be sent in another way.
func fill(next []Stroke, room int, cost func(Stroke) int) int {
	for n, s := range next {
		if room -= cost(s); room < 0 {
			return max(n, 1)
		}
	}
	return len(next)
}

// ps2Bytes is how many bytes a PS/2 keyboard sends for a stroke. Of keys whose
// bytes depend on more, none goes with others.
func ps2Bytes(s Stroke) int {
	b, ok := s.bytes()
	if !ok {
		return keyboardRoom
	}
	return len(b)
}

// intervalWay lets time pass, and if it can asks whether the keyboard is empty.
type intervalWay struct {
	p      *Pacer
	idle   idleKeyboard
	flying int
	sent   time.Time
}

func (w *intervalWay) room([]Stroke) int {
	if w.flying > 0 {
		return 0
	}
	return 1
}

func (w *intervalWay) gone(strokes []Stroke) {
	w.flying += len(strokes)
	w.sent = time.Now()
	w.idle.reset()
}

func (w *intervalWay) look(ctx context.Context) (int, bool, error) {
	if w.p.target == inputPS2 {
		if empty, err := w.idle.look(ctx); err != nil || !empty {
			w.sent = time.Now() // the interval begins when the guest has the key
			return 0, false, err
		}
	}
	if time.Since(w.sent) < blindInterval {
		return 0, false, nil
	}
	taken := w.flying
	w.flying = 0
	return taken, true, nil
}

func (w *intervalWay) rest(ctx context.Context, d time.Duration) error { return w.p.vm.pause(ctx, d) }

func (w *intervalWay) close(context.Context) error { return nil }
