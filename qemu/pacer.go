package qemu

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Mode is how a [Pacer] knows that the guest has taken keys.
type Mode string

// The modes, by what is observed.
const (
	// ModeBIOS compares each word that the BIOS puts into its keyboard ring
	// with the key that was sent, and waits until the program has read it.
	ModeBIOS Mode = "bios"
	// ModePS2Trace compares each byte that the guest reads from the keyboard
	// controller, by QEMU's trace, with those of the key that was sent.
	ModePS2Trace Mode = "ps2-trace"
	// ModePS2Status asks again and again whether the keyboard controller still
	// holds a byte.
	ModePS2Status Mode = "ps2-status"
	// ModeLEDs presses Num Lock behind some keys and waits for its light.
	ModeLEDs Mode = "leds"
	// ModeUSBTrace waits, by QEMU's trace, until the queue of a USB keyboard
	// is empty.
	ModeUSBTrace Mode = "usb-trace"
	// ModeVirtIO counts the buffers of a virtio keyboard's ring that the guest
	// has given back, each with a key event in it.
	ModeVirtIO Mode = "virtio-ring"
	// ModeInterval knows nothing, and lets 40 ms pass after each key.
	ModeInterval Mode = "interval"
)

// Modes returns the modes that a [Pacer] knows.
func Modes() []Mode {
	return []Mode{ModeBIOS, ModePS2Trace, ModePS2Status, ModeLEDs, ModeUSBTrace, ModeVirtIO, ModeInterval}
}

// proves reports whether the mode sees the keys themselves, and so also that
// one is missing.
func (m Mode) proves() bool {
	return m == ModeBIOS || m == ModePS2Trace || m == ModeUSBTrace || m == ModeVirtIO
}

// PacerConfig is what a Pacer needs of whoever sends the keys. All fields may
// be zero: it then trusts that keys are at QEMU when Pace is called again, and
// uses no lights.
type PacerConfig struct {
	// Send sends keys of the Pacer's own in one write: Num Lock, or what was
	// lost while the machine was stopped. Nil rules both out.
	Send func(keys []Key) error

	// Fence returns when QEMU has read all that was sent before. Nil means
	// that what was sent has been read.
	Fence func(ctx context.Context) error

	// LEDs returns the lights of the guest's keyboard (bit 1 is Num Lock) and
	// how often they have changed, 0 for never told; WaitLEDs waits until
	// they have changed more often than after. Nil rules [ModeLEDs] out.
	LEDs     func() (leds uint8, changes uint64)
	WaitLEDs func(ctx context.Context, after uint64) (leds uint8, changes uint64, err error)

	// Mode is the one to use, for measurements: one that does not hold is then an
	// error. Empty chooses, before each batch, and falls back when a mode does not
	// hold.
	Mode Mode

	// KeepShift says that the caller keeps Shift down between the strokes of one
	// write where [Stroke.KeepsShift] allows it: it leaves out the release and
	// the next press. The guest has less to read then, and UEFI's firmware takes
	// 10 ms for each key.
	KeepShift bool

	// Patience is how long the guest may take no key while it runs before
	// that is an error; 0 means 30 seconds.
	Patience time.Duration

	// Secret keeps what is typed out of errors.
	Secret bool

	// Observe is told which mode is used from now on and why, by the
	// goroutine that called Pace. Nil means that nobody is told.
	Observe func(mode Mode, reason string)
}

// Pacer says when the guest has room for more keys, and when it has taken those
// that were sent: never by guessing, but by what is seen in the machine. It is
// for one run of typing, and for one goroutine. While it lives no other Pacer
// of the machine does, and no call of [VM.KeysTaken]; [Pacer.Close] ends it.
type Pacer struct {
	vm *VM
	c  PacerConfig

	mode   Mode
	way    way             // nil until it is known
	failed map[Mode]string // the modes that do not hold, and why
	boards keyboards       // the machine's
	target input           // the one that gets the keys
	bios   bool            // a BIOS has it
	mods   modifiers       // that are held by what was sent
	lights lights          // what was done to them
	before beat            // when nothing was on its way for the last time

	chosen time.Time // when the mode was last chosen

	given  int // strokes let go
	flying []Stroke
	ran    int       // stops of the machine, when it was last seen to run
	stops  int       // and when that was before the last stroke was let go
	sent   time.Time // and when that was

	arrived bool // QEMU has read all strokes on their way
	cut     bool // and the machine was stopped before that: they may be dropped
	spoilt  bool // they may have come to the guest in part

	down []uint16 // keys that are pressed by what was let go, and not released

	idle  time.Duration // for which the guest has run and taken nothing
	last  time.Time     // when that was last counted
	pause time.Duration // until the next look
	seen  string        // what was seen at the last look, for people
}

// way is a mode at work.
type way interface {
	// room returns how many of next can go now.
	room(next []Stroke) int
	// gone is told of strokes before they are sent.
	gone(strokes []Stroke)
	// look returns how many of the strokes on their way have been taken since
	// the last look, and whether anything else has moved.
	look(ctx context.Context) (taken int, moved bool, err error)
	// rest waits for at most d until another look may be worthwhile.
	rest(ctx context.Context, d time.Duration) error
	// close ends what the way has begun.
	close(ctx context.Context) error
}

// unfitError says that a mode does not hold here. taken of the strokes on
// their way were read by the guest all the same.
type unfitError struct {
	reason string
	taken  int
	over   bool // it did hold, until now
}

func (e *unfitError) Error() string { return e.reason }

// check finds what is wrong with the configuration.
func (c *PacerConfig) check() error {
	switch {
	case c.Mode != "" && !slices.Contains(Modes(), c.Mode):
		return fmt.Errorf("PacerConfig.Mode: %q is not known; use one of %q, or none to choose", c.Mode, Modes())
	case c.Patience < 0:
		return fmt.Errorf("PacerConfig.Patience: %v is below 0; 0 means 30 s", c.Patience)
	}
	return nil
}

// NewPacer returns a Pacer for the machine's keyboard. It waits until no other
// is there. A nil c means the zero PacerConfig. The caller closes the Pacer.
func (vm *VM) NewPacer(ctx context.Context, c *PacerConfig) (*Pacer, error) {
	p := &Pacer{vm: vm, failed: map[Mode]string{}, last: time.Now()}
	if c != nil {
		p.c = *c
	}
	if err := p.c.check(); err != nil {
		return nil, fmt.Errorf("qemu: keys: %w", err)
	}
	if p.c.Patience == 0 {
		p.c.Patience = vm.t.keysPatient
	}
	select {
	case vm.typing <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("qemu: keys: %w", ctxError(ctx))
	}
	p.before, _ = vm.pulse.read()
	limited, cancel := context.WithTimeoutCause(ctx, p.c.Patience, errNoAnswer)
	defer cancel()
	var err error
	if p.boards, err = vm.keyboards(limited); err != nil {
		<-vm.typing
		return nil, fmt.Errorf("qemu: keys: %w", err)
	}
	return p, nil
}

// Close leaves no key down and Num Lock as it was, and ends what observes the
// machine. A machine that is stopped takes no release: where one is needed Close
// waits until it runs, or returns an error when ctx ends before. The Pacer is of
// no use afterwards. Close may be called twice.
func (p *Pacer) Close(ctx context.Context) error {
	if p.vm == nil {
		return nil
	}
	vm := p.vm
	defer func() {
		p.vm = nil
		<-vm.typing
	}()
	err := errors.Join(p.letUp(ctx), p.leave(ctx), p.restoreLights(ctx))
	if err != nil && !isClosed(vm.proc.done) {
		return fmt.Errorf("qemu: keys: %w", err)
	}
	return nil
}

// Mode returns the mode in use; empty before the first key.
func (p *Pacer) Mode() Mode { return p.mode }

// Untaken returns how many of the strokes that Pace has let go are not known to
// have been taken.
func (p *Pacer) Untaken() int { return len(p.flying) }

// Pace waits until the guest has room for at least the first of next and
// returns how many of them can go; the caller then sends these, all in one
// write, before it calls Pace again. With nothing in next it waits until all
// are taken.
//
// A guest that stands still or is stopped holds its caller; one that runs and
// takes nothing for Patience is an error. All errors are of type [*PaceError],
// also those of ctx and of QMP.
func (p *Pacer) Pace(ctx context.Context, next []Stroke) (int, error) {
	n, err := p.pace(ctx, next)
	if err != nil {
		p.spoilt = spoils(err)
		if unfit := (*unfitError)(nil); errors.As(err, &unfit) {
			err = fmt.Errorf("%s was asked for and does not hold: %w; ask for no mode, and one is chosen", p.c.Mode, err)
		}
		return 0, &PaceError{Mode: p.mode, Sent: p.given, Untaken: len(p.flying), Err: err}
	}
	return n, nil
}

func (p *Pacer) pace(ctx context.Context, next []Stroke) (int, error) {
	p.idle, p.last, p.pause = 0, time.Now(), 0
	if len(p.flying) > 0 && (p.mode == ModeBIOS || p.mode == ModePS2Status || p.mode == ModeVirtIO) {
		// What was sent a moment ago is not there yet.
		if err := p.rest(ctx, true); err != nil {
			return 0, err
		}
	}
	for {
		running, err := p.check(ctx, len(next) == 0)
		if err != nil {
			return 0, err
		}
		if running {
			if n, done, err := p.step(ctx, next); done || err != nil {
				return n, err
			}
		}
		if err := p.rest(ctx, running); err != nil {
			return 0, err
		}
	}
}

// step looks once, and reports whether Pace is done.
func (p *Pacer) step(ctx context.Context, next []Stroke) (n int, done bool, err error) {
	limited, cancel := context.WithTimeoutCause(ctx, p.c.Patience-p.idle+time.Second, errNoAnswer)
	defer cancel()
	if p.way != nil && len(p.flying) > 0 {
		if err := p.look(limited); err != nil {
			return 0, false, err
		}
	}
	if len(next) == 0 && len(p.flying) == 0 {
		return 0, true, nil
	}
	if err := p.choose(limited); err != nil || p.way == nil || len(next) == 0 {
		return 0, false, err
	}
	if n = p.way.room(next); n == 0 {
		return 0, false, nil
	}
	if n, err = p.ringFits(limited, next[:n]); n == 0 || err != nil {
		return 0, false, err
	}
	// What QEMU has dropped must not be overtaken.
	if err := p.arrive(limited); err != nil || p.cut {
		return 0, false, err
	}
	if next = next[:n]; p.c.KeepShift {
		next = together(next)
	}
	p.letGo(next)
	return n, true, nil
}

// arrive makes sure that QEMU has read the strokes on their way, and finds out
// whether the machine was stopped before that: a stopped machine drops keys.
func (p *Pacer) arrive(ctx context.Context) error {
	if p.arrived || len(p.flying) == 0 {
		return nil
	}
	if err := p.fence(ctx); err != nil {
		return err
	}
	if err := p.vm.catchUp(ctx); err != nil {
		return err
	}
	b, _ := p.vm.pulse.read()
	p.arrived, p.cut = true, b.stops != p.stops
	return nil
}

func (p *Pacer) letGo(strokes []Stroke) {
	p.way.gone(strokes)
	p.press(strokes)
	p.flying = append(p.flying, strokes...)
	p.given += len(strokes)
	p.stops, p.sent = p.ran, time.Now()
	p.arrived, p.cut = false, false
}

// look takes what is taken off the strokes on their way.
func (p *Pacer) look(ctx context.Context) error {
	if !p.mode.proves() {
		if err := p.arrive(ctx); err != nil {
			return err
		}
		if p.cut {
			return p.doubt(ctx)
		}
	}
	taken, moved, err := p.way.look(ctx)
	var unfit *unfitError
	if errors.As(err, &unfit) && (p.c.Mode == "" || unfit.over) {
		p.took(unfit.taken)
		if !unfit.over {
			p.failed[p.mode] = unfit.reason
		}
		return p.leave(ctx)
	}
	if lost := (*lostError)(nil); errors.As(err, &lost) {
		lost.from -= taken
		p.took(taken)
		return p.repair(ctx, lost)
	}
	if err != nil {
		return err
	}
	if moved || taken > 0 {
		p.idle, p.pause = 0, 0
	}
	p.took(taken)
	return nil
}

// doubt finds out what became of strokes that were on their way to QEMU when the
// machine was stopped: all were let in, or none, which are then sent again.
func (p *Pacer) doubt(ctx context.Context) error {
	w, ok := p.way.(*ledWay)
	if !ok {
		return errDoubt
	}
	n, ok, err := w.in.accepted(ctx)
	switch {
	case err != nil:
		return err
	case ok && n == w.in.sent:
		p.cut = false
		return nil
	case ok && n == 0:
		return p.repair(ctx, &lostError{})
	}
	return errDoubt
}

func (p *Pacer) took(n int) {
	p.flying = p.flying[n:]
	if len(p.flying) == 0 {
		p.flying = nil // its array was shared with earlier strokes
		p.arrived, p.cut = true, false
		p.before, _ = p.vm.pulse.read()
	}
}

// check reports whether the guest runs, and returns an error if it is not any
// more the one that was typed to.
func (p *Pacer) check(ctx context.Context, last bool) (running bool, err error) {
	if ctx.Err() != nil {
		return false, ctxError(ctx)
	}
	if isClosed(p.vm.proc.done) {
		return false, ErrNotRunning
	}
	b, _ := p.vm.pulse.read()
	p.ran = b.stops
	if b.resets == p.before.resets {
		return !b.stopped, nil
	}
	// The key that makes a guest reset itself is gone before it is seen to be
	// taken.
	itself := b.itself-p.before.itself == b.resets-p.before.resets
	if len(p.flying) > 1 || len(p.flying) == 1 && !(last && itself) {
		return false, ErrGuestReset
	}
	p.took(len(p.flying))
	p.before, p.mods, p.down = b, modifiers{}, nil
	return !b.stopped, p.leave(ctx)
}

// leave ends the mode in use; the next is chosen at the next step.
func (p *Pacer) leave(ctx context.Context) error {
	if p.way == nil {
		return nil
	}
	w := p.way
	p.way, p.mode = nil, ""
	return w.close(ctx)
}

// rest waits before the next look: a moment at first, and longer the longer
// nothing has moved, since each look stops the guest for a moment.
func (p *Pacer) rest(ctx context.Context, running bool) error {
	now := time.Now()
	since := now.Sub(p.last)
	p.last = now
	if !running {
		return p.stopped(ctx)
	}
	p.idle += since
	if p.idle > p.c.Patience {
		return p.stalled(ctx)
	}
	const first, soon, late = 500 * time.Microsecond, 5 * time.Millisecond, 20 * time.Millisecond
	limit := soon
	if p.idle > 500*time.Millisecond {
		limit = late
	}
	p.pause = min(max(first, 2*p.pause), limit)
	if p.way == nil {
		return p.vm.pause(ctx, p.pause)
	}
	return p.way.rest(ctx, p.pause)
}

// stopped waits until the machine runs again.
func (p *Pacer) stopped(ctx context.Context) error {
	b, changed := p.vm.pulse.read()
	if !b.stopped {
		return nil
	}
	select {
	case <-changed:
		p.last = time.Now()
		return nil
	case <-p.vm.proc.done:
		return ErrNotRunning
	case <-ctx.Done():
		return ctxError(ctx)
	}
}

// stalled returns the error of a guest that takes no keys, unless it turns out
// to be stopped.
func (p *Pacer) stalled(ctx context.Context) error {
	limited, cancel := context.WithTimeoutCause(ctx, time.Second, errNoAnswer)
	defer cancel()
	s, err := p.vm.runState(limited)
	if err != nil {
		return err
	}
	if !s.Running {
		p.vm.pulse.update(func(b *beat) { b.stopped = true })
		return nil
	}
	return fmt.Errorf("%w for %v while it runs%s: wait until it is ready for keys", ErrKeysStalled, p.c.Patience, comma(p.seen))
}

func comma(s string) string {
	if s == "" {
		return ""
	}
	return ", " + s
}
