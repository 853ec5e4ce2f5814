package qemu

import (
	"context"
	"errors"
	"time"
)

// Lights of QEMU's VNC server.
const ledNumLock = 2

// How many keys go before one Num Lock: it needs room in the same queue, and
// its release may still be there when the light comes.
const (
	ledBytes  = 12 // PS/2, of 16
	ledEvents = 28 // virtio, of 32
	ledCodes  = 10 // USB, of 16
)

const (
	// ledProbe is how long the first light may take to come.
	ledProbe = 3 * time.Second
	// ledSettle is how long the lights must stay where two keyboards show
	// them: Linux sets those of a PS/2 keyboard up to 50 ms late.
	ledSettle = 120 * time.Millisecond
)

// lights is what was done to the keyboard's lights.
type lights struct {
	taps  int  // how often Num Lock was pressed
	known bool // whether its light was known before that
	on    bool // and was on
}

// tap presses Num Lock.
func (p *Pacer) tap() error {
	if p.lights.taps == 0 {
		leds, told := p.c.LEDs()
		p.lights.known, p.lights.on = told > 0, leds&ledNumLock != 0
	}
	p.lights.taps++
	return p.c.Send([]Key{{codeNumLock, true}, {codeNumLock, false}})
}

// restoreLights presses Num Lock once more if that was done an odd number of
// times. It needs no answer.
func (p *Pacer) restoreLights(ctx context.Context) error {
	if p.lights.taps%2 == 0 {
		return nil
	}
	if b, _ := p.vm.pulse.read(); b.resets != p.before.resets {
		return nil // what was pressed is forgotten
	}
	_, changes := p.c.LEDs()
	if err := p.tap(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	p.c.WaitLEDs(ctx, changes) // a key of the next typing must not come before
	return nil
}

// ledWay presses Num Lock behind the keys and waits for its light: the guest
// has then taken all keys before it.
type ledWay struct {
	p      *Pacer
	flying int
	tapped bool
	before uint64 // changes of the lights before the tap
	want   bool   // what the light is to be
	seen   uint64 // changes at the last look
	still  time.Time
	sure   bool // a light has come
}

func newLEDWay(ctx context.Context, p *Pacer) (*ledWay, error) {
	if p.c.LEDs == nil || p.c.WaitLEDs == nil || p.c.Send == nil {
		return nil, &unfitError{reason: "nobody sees the keyboard's lights"}
	}
	w := &ledWay{p: p}
	limited, cancel := context.WithTimeout(ctx, ledProbe)
	defer cancel()
	for {
		if _, _, err := w.look(limited); err != nil || w.sure {
			return w, err
		}
		if err := w.rest(limited, ledProbe); err != nil && ctx.Err() != nil {
			return nil, err
		}
		if limited.Err() != nil {
			return nil, errors.Join(p.tap(), &unfitError{reason: "the light of Num Lock does not answer"})
		}
	}
}

func (w *ledWay) room(next []Stroke) int {
	if w.flying > 0 {
		return 0
	}
	switch w.p.target {
	case inputPS2:
		return fill(next, ledBytes, ps2Bytes)
	case inputVirtIO:
		return fill(next, ledEvents, func(s Stroke) int { return len(s) })
	}
	return fill(next, ledCodes, Stroke.codes)
}

func (w *ledWay) gone(strokes []Stroke) {
	w.flying += len(strokes)
	w.tapped = false
	for _, s := range strokes {
		for _, k := range s {
			if k.Code == codeNumLock && k.Down {
				w.p.lights.on = !w.p.lights.on // this one is to stay
			}
		}
	}
}

func (w *ledWay) look(context.Context) (taken int, moved bool, err error) {
	leds, changes := w.p.c.LEDs()
	if !w.tapped {
		w.tapped, w.before, w.want = true, changes, leds&ledNumLock == 0
		w.seen, w.still = changes, time.Now()
		return 0, true, w.p.tap()
	}
	if changes != w.seen {
		w.seen, w.still = changes, time.Now()
	}
	if changes == w.before || (leds&ledNumLock != 0) != w.want || w.unsettled() {
		w.p.seen = "the light of Num Lock has not changed"
		return 0, false, nil
	}
	taken, w.flying = w.flying, 0
	w.sure = true
	return taken, true, nil
}

// unsettled reports whether another keyboard may still change the lights.
func (w *ledWay) unsettled() bool {
	return !w.p.boards.only() && w.p.target == inputVirtIO && time.Since(w.still) < ledSettle
}

func (w *ledWay) rest(ctx context.Context, d time.Duration) error {
	if _, changes := w.p.c.LEDs(); changes != w.seen {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	_, _, err := w.p.c.WaitLEDs(limited, w.seen)
	switch {
	case err == nil || limited.Err() != nil && ctx.Err() == nil:
		return nil
	case ctx.Err() != nil:
		return ctxError(ctx)
	}
	return err
}

func (w *ledWay) close(context.Context) error { return nil }
