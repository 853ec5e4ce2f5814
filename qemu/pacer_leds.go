package qemu

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	come  bool // a light has come
}

// tap presses Num Lock.
func (p *Pacer) tap() error {
	if p.lights.taps == 0 {
		leds, told := p.c.LEDs()
		p.lights.known, p.lights.on = told > 0, leds&ledNumLock != 0
	}
	p.lights.taps++
	return p.c.Send(tapNumLock())
}

func tapNumLock() []Key { return []Key{{codeNumLock, true}, {codeNumLock, false}} }

// restoreLights presses Num Lock once more if that was done an odd number of
// times. Where lights come it waits for this one: the next typing would take it
// for its own, and send more than the keyboard holds.
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
	patience := 200 * time.Millisecond
	if p.lights.come {
		patience = ledProbe
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p.c.WaitLEDs(ctx, changes)
	return nil
}

// ledWay presses Num Lock behind the keys and waits for its light: the guest
// has then taken all keys before it.
type ledWay struct {
	p      *Pacer
	in     acceptance // of the strokes on their way and the tap behind them
	flying int
	tapped bool
	when   time.Time // of the tap
	stops  int       // of the machine, before that
	there  bool      // QEMU has let the tap in
	before uint64    // changes of the lights before the tap
	want   bool      // what the light is to be
	seen   uint64    // changes at the last look
	still  time.Time
	sure   bool // a light has come

	echo     ledEcho
	firmware uint64    // where the firmware's table of segments is; 0 if none has the keyboard
	asked    time.Time // when the processor was last asked for it
	strange  bool      // and whether it was another
}

// newLEDWay waits for a first light. It owns in, and closes it if there is none.
func newLEDWay(ctx context.Context, p *Pacer, in acceptance) (*ledWay, error) {
	w := &ledWay{p: p, in: in}
	err := w.begin(ctx)
	if err == nil {
		return w, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	return nil, errors.Join(err, w.close(ctx))
}

// begin waits for the first light.
func (w *ledWay) begin(ctx context.Context) error {
	p := w.p
	if p.c.LEDs == nil || p.c.WaitLEDs == nil || p.c.Send == nil {
		return &unfitError{reason: "nobody sees the keyboard's lights"}
	}
	if err := w.meet(ctx); err != nil {
		return err
	}
	if err := w.listen(ctx); err != nil {
		return err
	}
	for {
		before := w.beat()
		if err := w.try(ctx); err != nil || w.sure {
			return err
		}
		if b := w.beat(); !before.stopped && b.stops == before.stops {
			return w.dark()
		}
		// The guest had less time than it should.
		if err := p.stopped(ctx); err != nil {
			return err
		}
	}
}

// meet notes whether it is firmware that has the keyboard.
func (w *ledWay) meet(ctx context.Context) error {
	if w.p.vm == nil {
		return nil
	}
	switch arch := w.p.vm.c.arch(); {
	case isX86(arch) && !w.p.vm.c.uefi():
		return nil
	case !isX86(arch) && arch != "aarch64" && arch != "riscv64": // whose processors tell nothing
		return nil
	}
	c, err := w.p.vm.cpu(ctx)
	if err == nil && !c.kernel() {
		w.firmware = c.gdt
	}
	return err
}

// listen makes the way hear how often the firmware sets the lights.
func (w *ledWay) listen(ctx context.Context) error {
	if w.firmware == 0 || w.p.target != inputPS2 {
		return nil
	}
	e, err := w.p.vm.listen(ctx, traceLEDs)
	if errors.Is(err, errNoTrace) {
		return nil
	}
	w.echo.ear = e
	return err
}

// beat returns the state of the machine, if that is known.
func (w *ledWay) beat() (b beat) {
	if w.p.vm != nil {
		b, _ = w.p.vm.pulse.read()
	}
	return b
}

// try waits for the first light, or until it should have come.
func (w *ledWay) try(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, ledProbe)
	defer cancel()
	for !w.sure && limited.Err() == nil {
		_, _, err := w.look(limited)
		if err == nil && !w.sure {
			err = w.rest(limited, lostAfter)
		}
		if err != nil && (ctx.Err() != nil || limited.Err() == nil) {
			return err
		}
	}
	return nil
}

// dark gives the lights up, and leaves Num Lock as it was.
func (w *ledWay) dark() error {
	unfit := &unfitError{reason: "the light of Num Lock does not answer"}
	if !w.tapped {
		return unfit
	}
	return errors.Join(w.p.tap(), unfit)
}

func (w *ledWay) room(next []Stroke) int {
	if w.flying > 0 {
		return 0
	}
	// Firmware that starts a system gives no light any more: what may start
	// one goes alone, so that it is known what was taken.
	if i := slices.IndexFunc(next, Stroke.orders); w.firmware != 0 && i >= 0 {
		next = next[:max(i, 1)]
	}
	switch w.p.target {
	case inputPS2:
		return fill(next, ledBytes, ps2Bytes)
	case inputVirtIO:
		return fill(next, ledEvents, func(s Stroke) int { return len(s) })
	}
	return fill(next, ledCodes, Stroke.codes)
}

// succeeded finds out whether the firmware has handed the machine over since the
// one stroke on its way was sent: it was read then, and its light will not come.
func (w *ledWay) succeeded(ctx context.Context) error {
	if w.firmware == 0 || w.flying != 1 || time.Since(w.when) < lostAfter || time.Since(w.asked) < lostAfter {
		return nil
	}
	w.asked = time.Now()
	c, err := w.p.vm.cpu(ctx)
	if err != nil {
		return err
	}
	before := w.strange
	if w.strange = c.gdt != w.firmware; !before || !w.strange {
		return nil // one look may have met it in system management mode
	}
	w.p.lights = lights{} // whatever they are now, they are the system's
	return &unfitError{reason: "the firmware has started a system", taken: 1, over: true}
}

func (w *ledWay) gone(strokes []Stroke) {
	w.flying += len(strokes)
	w.tapped = false
	w.in.begin(strokes)
	for _, s := range strokes {
		for _, k := range s {
			if k.Code == codeNumLock && k.Down {
				w.p.lights.on = !w.p.lights.on // this one is to stay
			}
		}
	}
}

func (w *ledWay) look(ctx context.Context) (taken int, moved bool, err error) {
	leds, changes := w.p.c.LEDs()
	if !w.tapped {
		w.seen, w.still = changes, time.Now()
		w.before, w.want = changes, leds&ledNumLock == 0
		w.echo.begin()
		return 0, true, w.tap()
	}
	if w.in.hear(); w.in.foreign {
		return 0, true, fmt.Errorf("%w by us", ErrForeignKeys)
	}
	if changes != w.seen {
		w.seen, w.still = changes, time.Now()
	}
	if changes == w.before || (leds&ledNumLock != 0) != w.want || w.unsettled() {
		w.p.seen = "the light of Num Lock has not changed"
		if err := w.missed(ctx); err != nil {
			return 0, false, err
		}
		return 0, false, w.succeeded(ctx)
	}
	if !w.echo.over(leds, time.Since(w.still)) {
		w.p.seen = "the firmware has not set the light of Num Lock on all keyboards"
		return 0, false, nil
	}
	taken, w.flying = w.flying, 0
	w.sure, w.p.lights.come = true, true
	return taken, true, nil
}

// tap presses Num Lock, unless the machine is stopped.
func (w *ledWay) tap() error {
	if w.in.ear != nil {
		b := w.beat()
		if b.stopped {
			return nil
		}
		w.stops = b.stops
		w.in.expect(tapNumLock())
	}
	w.tapped, w.when, w.there = true, time.Now(), false
	return w.p.tap()
}

// missed finds out whether the tap has come to QEMU when the machine was
// stopped, and if so lets it be made again.
func (w *ledWay) missed(ctx context.Context) error {
	if w.there || w.in.ear == nil || time.Since(w.when) < lostAfter {
		return nil
	}
	if err := w.p.fence(ctx); err != nil {
		return err
	}
	if err := w.p.vm.catchUp(ctx); err != nil {
		return err
	}
	if w.there = w.beat().stops == w.stops; w.there {
		return nil
	}
	n, ok, err := w.in.accepted(ctx)
	if err != nil {
		return err
	}
	switch tap := len(tapNumLock()); {
	case ok && n == w.in.sent:
		w.there = true
	case ok && n == w.in.sent-tap:
		w.tapped = false
		w.in.withdraw(tap)
		w.p.lights.taps--
	default:
		return errDoubt
	}
	return nil
}

// unsettled reports whether another keyboard may still change the lights.
func (w *ledWay) unsettled() bool {
	return !w.p.boards.only() && w.p.target == inputVirtIO && time.Since(w.still) < ledSettle
}

func (w *ledWay) rest(ctx context.Context, d time.Duration) error {
	if _, changes := w.p.c.LEDs(); changes != w.seen {
		return nil
	}
	if w.seen != w.before && w.echo.ear != nil {
		return w.echo.ear.rest(ctx, d)
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

func (w *ledWay) close(ctx context.Context) error {
	return errors.Join(w.in.close(ctx), w.echo.close(ctx))
}
