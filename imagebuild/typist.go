package imagebuild

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bootscribe/bootscribe/keyseq"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/screen"
	"github.com/bootscribe/bootscribe/vnc"
)

// TypeOptions say how to type. The zero value is right for boot loaders.
type TypeOptions struct {
	// Layout is the keyboard layout that the guest uses now; nil is us.
	Layout *keyseq.Layout

	// Interval is a fixed pause after each key event, Packer's
	// boot_key_interval, in place of watching the guest: it is for guests that
	// cannot be watched. 0 is none: keys go as fast as the guest takes them.
	Interval time.Duration

	// Mode is how the guest is watched, for measurements: one of [qemu.Modes], or
	// for a Typist without a VM [ModeEcho], [qemu.ModeLEDs] or [qemu.ModeInterval].
	// One that does not hold is then an error. Empty chooses.
	Mode qemu.Mode

	// Patience is how long the guest may run and take no key before that is
	// an error; 0 means 30 seconds.
	Patience time.Duration

	// Secret keeps what is typed out of errors; no event has it in any case.
	Secret bool
}

// Typist types on a machine's keyboard as fast as the guest takes it. A Build
// has one for its steps; make one for a machine without a Build. It is for one
// goroutine at a time.
type Typist struct {
	// VM is the machine. Nil is for one of which nothing but a VNC server can
	// be reached: what it has taken is then seen on the screen ([ModeEcho]) or
	// by the keyboard's lights ([qemu.ModeLEDs]); where neither tells, 40 ms
	// pass after each key ([qemu.ModeInterval]).
	VM *qemu.VM

	// VNC is its screen and keyboard.
	VNC *vnc.Conn

	// Fonts are the fonts that the guest may show, the likeliest first, where
	// its screen has to be read: without a VM. Nil means [screen.SystemFonts].
	// They must not be changed after the first Play.
	Fonts []*screen.Font

	// Observe is told with [Typing] and [Typed] what goes on, by the goroutine
	// that called Play. Nil means that nobody is told.
	Observe func(Event)

	// Wait is [keyseq.Player.Wait], for commands that wait for facts. Nil makes
	// them errors before the first key.
	Wait func(ctx context.Context, w keyseq.WaitFor) error

	reader *screen.Reader // of the screen, if that is read
}

// Play types a sequence, and returns when the guest has taken all of it. A nil
// o means the zero TypeOptions. An error in the middle is a
// [*keyseq.PlayError], which says how much was typed. After an error too no key is
// down; with a VM that is stopped, and a key that the sequence holds, Play waits
// for some seconds for that, and says in the error if it was in vain.
func (t *Typist) Play(ctx context.Context, seq keyseq.Sequence, o *TypeOptions) error {
	if o == nil {
		o = &TypeOptions{}
	}
	if err := t.check(o); err != nil {
		return fmt.Errorf("imagebuild: type: %w", err)
	}
	p := keyseq.Player{
		Keyboard: t.VNC,
		Layout:   o.Layout,
		Interval: o.Interval,
		Secret:   o.Secret,
		Observe:  func(p keyseq.Progress) { t.emit(Typed{p}) },
		Wait:     t.Wait,
	}
	if o.Interval != 0 {
		if t.VM == nil {
			t.emit(Typing{Mode: qemu.ModeInterval, Reason: fmt.Sprintf("%v after each key event was asked for", o.Interval)})
		}
		return p.Play(ctx, seq)
	}
	if t.VM == nil {
		pacer := t.newVNCPacer(seq, o)
		p.Pacer, p.Send = pacer, t.write
		return errors.Join(p.Play(ctx, seq), closePacer(ctx, pacer))
	}
	pacer, err := t.VM.NewPacer(ctx, t.pacerConfig(o))
	if err != nil {
		return err
	}
	pacing := &pacing{pacer: pacer, send: t.write}
	p.Pacer, p.Send = pacing, pacing.write
	return errors.Join(p.Play(ctx, seq), closePacer(ctx, pacer))
}

// pacerConfig is what the machine's pacer needs of the typist.
func (t *Typist) pacerConfig(o *TypeOptions) *qemu.PacerConfig {
	return &qemu.PacerConfig{
		Send:      t.send,
		Fence:     t.fence,
		LEDs:      func() (uint8, uint64) { leds, n := t.VNC.LEDs(); return uint8(leds), n },
		WaitLEDs:  t.waitLEDs,
		Mode:      o.Mode,
		KeepShift: true,
		Patience:  o.Patience,
		Secret:    o.Secret,
		Observe:   func(m qemu.Mode, reason string) { t.emit(Typing{Mode: m, Reason: reason}) },
	}
}

// check finds what is wrong before the first key.
func (t *Typist) check(o *TypeOptions) error {
	modes, which := qemu.Modes(), "set"
	if t.VM == nil {
		modes, which = []qemu.Mode{ModeEcho, qemu.ModeLEDs, qemu.ModeInterval}, "nil"
	}
	switch {
	case t.VNC == nil:
		return errors.New("Typist.VNC is nil; set it to the machine's screen and keyboard, as of vnc.NewConn")
	case o.Interval < 0:
		return fmt.Errorf("TypeOptions.Interval: %v is below 0; 0 means no pause", o.Interval)
	case o.Patience < 0:
		return fmt.Errorf("TypeOptions.Patience: %v is below 0; 0 means 30 s", o.Patience)
	case o.Mode != "" && !slices.Contains(modes, o.Mode):
		return fmt.Errorf("TypeOptions.Mode: there is no %q where Typist.VM is %s; use one of %q, or none to choose", o.Mode, which, modes)
	}
	return nil
}

// closePacer restores the keyboard also when ctx has ended, but then without
// much patience.
func closePacer(ctx context.Context, p interface{ Close(context.Context) error }) error {
	patience := 5 * time.Second
	if ctx.Err() != nil {
		patience = 2 * time.Second
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	return p.Close(ctx)
}

func (t *Typist) emit(e Event) {
	if t.Observe != nil {
		t.Observe(e)
	}
}

// fence returns when QEMU has read what was sent on the VNC connection.
func (t *Typist) fence(ctx context.Context) error {
	if err := t.VNC.Fence(ctx); err != nil && !errors.Is(err, vnc.ErrNoFence) {
		return err
	}
	return nil
}

func (t *Typist) waitLEDs(ctx context.Context, after uint64) (uint8, uint64, error) {
	leds, n, err := t.VNC.WaitLEDs(ctx, after)
	return uint8(leds), n, err
}

// write sends the events of strokes in one write.
func (t *Typist) write(events []keyseq.Event) error {
	keys := make([]vnc.KeyEvent, len(events))
	for i, e := range events {
		keys[i] = vnc.KeyEvent{Keysym: e.Keysym, Code: e.Code, Down: e.Down}
	}
	return t.VNC.Keys(keys...)
}

// send sends keys of the pacer's own. QEMU goes by their codes.
func (t *Typist) send(keys []qemu.Key) error {
	events := make([]vnc.KeyEvent, len(keys))
	for i, k := range keys {
		events[i] = vnc.KeyEvent{Code: k.Code, Down: k.Down}
	}
	return t.VNC.Keys(events...)
}

// pacing makes keyseq's strokes known to qemu's pacer, and sends them as that
// knows them.
type pacing struct {
	pacer   *qemu.Pacer
	send    func([]keyseq.Event) error
	strokes []qemu.Stroke // of which some go
	keys    []keyseq.Event
}

// Pace implements keyseq.Pacer.
func (p *pacing) Pace(ctx context.Context, next []keyseq.Stroke) (int, error) {
	const ahead = 64 // strokes, more than any keyboard holds
	p.strokes = p.strokes[:0]
	for _, s := range next[:min(len(next), ahead)] {
		stroke := make(qemu.Stroke, len(s.Events))
		for i, e := range s.Events {
			stroke[i] = qemu.Key{Code: e.Code, Down: e.Down}
		}
		p.strokes = append(p.strokes, stroke)
	}
	n, err := p.pacer.Pace(ctx, p.strokes)
	p.strokes = p.strokes[:n]
	return n, err
}

// write sends the events of the strokes that were let go, and keeps Shift down
// between them.
func (p *pacing) write(events []keyseq.Event) error {
	p.keys = p.keys[:0]
	kept := false
	for i, s := range p.strokes {
		from, to := 0, len(s)
		if kept {
			from++
		}
		if kept = i+1 < len(p.strokes) && s.KeepsShift(p.strokes[i+1]); kept {
			to--
		}
		p.keys = append(p.keys, events[from:to]...)
		events = events[len(s):]
	}
	return p.send(p.keys)
}

// Untaken implements keyseq.Pacer.
func (p *pacing) Untaken() int { return p.pacer.Untaken() }
