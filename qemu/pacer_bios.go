package qemu

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"
)

// The BIOS's keyboard data: flags, head, tail and ring are read together.
const (
	ringPage  = 0x416 // the first byte read; 0x417 has the state of the modifiers
	ringWords = (biosRingEnd - biosRing) / 2
	ringRoom  = ringWords - 1 // the BIOS drops the key that would fill it

	flagCapsLock = 0x40
	flagsHeld    = 0x0f // Shift, Shift, Ctrl, Alt
)

// keyboardRoom is how many bytes a PS/2 keyboard of QEMU holds, and how many
// key codes a USB one does. What is more is dropped in silence.
const keyboardRoom = 16

// How long something must look lost before it is: the controller hides its
// bytes for moments, and a busy host makes moments long.
const lostAfter = 150 * time.Millisecond

// biosWay watches the BIOS's ring.
type biosWay struct {
	p    *Pacer
	idle idleKeyboard
	ring ringState

	queue  []*ringFlight // strokes on their way
	after  int           // bytes that may still follow the last word accepted
	sure   bool          // the ring has shown a key of ours, so the BIOS has the keyboard
	barred bool          // the stroke on its way is not sure: nothing else goes
}

// ringFlight is a stroke on its way through the ring.
type ringFlight struct {
	ringStroke
	stroke   Stroke
	accepted int // words that are in the ring
	read     int // of these, those that the program has read
}

// ringState is the ring as it was at one moment.
type ringState struct {
	flags      byte
	head, tail int // 0 to 15
	words      [ringWords]uint16
}

// ringNow reads the ring, and returns false if there is none.
func (vm *VM) ringNow(ctx context.Context) (r ringState, ok bool, err error) {
	m, err := vm.memory(ctx, ringPage, biosRing+0x400+2*ringWords-ringPage)
	if err != nil {
		return r, false, err
	}
	head, tail := binary.LittleEndian.Uint16(m[ringHead-ringPage:]), binary.LittleEndian.Uint16(m[ringTail-ringPage:])
	for i := range r.words {
		r.words[i] = binary.LittleEndian.Uint16(m[0x400+biosRing-ringPage+2*i:])
	}
	inRing := func(p uint16) bool { return p >= biosRing && p < biosRingEnd && p%2 == 0 }
	r.flags, r.head, r.tail = m[1], int(head-biosRing)/2, int(tail-biosRing)/2
	return r, inRing(head) && inRing(tail), nil
}

// biosServes reports whether a BIOS handles the keyboard's interrupts and has
// its ring where they all have it. INT 16h may be anybody's: iPXE takes it to
// add keys of its own, and passes the BIOS's on.
func (vm *VM) biosServes(ctx context.Context) (bool, error) {
	for _, c := range biosWords() {
		m, err := vm.memory(ctx, c.at, 2)
		if err != nil {
			return false, err
		}
		if binary.LittleEndian.Uint16(m) != c.want {
			return false, nil
		}
	}
	return true, nil
}

// biosWords returns what is in memory where a BIOS serves the keyboard.
func biosWords() []lowWord {
	return []lowWord{{ringStart, biosRing}, {ringEnd, biosRingEnd}, {vectorIRQ1 + 2, biosSegment}}
}

// lowWord is a word that is expected at an address.
type lowWord struct {
	at   int
	want uint16
}

func newBIOSWay(ctx context.Context, p *Pacer) (*biosWay, error) {
	r, ok, err := p.vm.ringNow(ctx)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, &unfitError{reason: "the BIOS has no keyboard ring"}
	}
	return &biosWay{p: p, ring: r, idle: idleKeyboard{p: p}}, nil
}

func (w *biosWay) room(next []Stroke) int {
	if w.barred {
		return 0
	}
	mods, caps := w.p.mods, w.ring.flags&flagCapsLock != 0
	bytes, words := w.after, 0
	for _, f := range w.queue {
		words += len(f.words) - f.read
		if f.accepted == 0 {
			bytes += f.bytes
		}
	}
	n := 0
	for _, s := range next {
		r := mods.ringStroke(s, caps)
		bytes += r.bytes
		words += len(r.words)
		alone := !r.sure || !w.sure && len(r.words) > 0 || r.bytes > keyboardRoom
		if alone && len(w.queue)+n > 0 || bytes > keyboardRoom && n+len(w.queue) > 0 || words > ringRoom {
			break
		}
		n++
		if alone {
			break
		}
	}
	return n
}

func (w *biosWay) gone(strokes []Stroke) {
	caps := w.ring.flags&flagCapsLock != 0
	for _, s := range strokes {
		f := &ringFlight{ringStroke: w.p.mods.ringStroke(s, caps), stroke: s}
		w.queue = append(w.queue, f)
		w.barred = w.barred || !f.sure
	}
	w.idle.reset()
}

func (w *biosWay) look(ctx context.Context) (taken int, moved bool, err error) {
	r, ok, err := w.p.vm.ringNow(ctx)
	if err != nil {
		return 0, false, err
	}
	if !ok {
		return 0, false, &unfitError{reason: "the BIOS's keyboard ring is gone"}
	}
	accepted := (r.tail - w.ring.tail + ringWords) % ringWords
	read := (r.head - w.ring.head + ringWords) % ringWords
	old := w.ring
	w.ring = r
	for i := range accepted {
		if err := w.accept(r.words[(old.tail+i)%ringWords]); err != nil {
			return 0, false, err
		}
	}
	for range read {
		w.read()
	}
	moved = accepted > 0 || read > 0
	if moved {
		w.idle.reset()
	} else if err := w.settle(ctx); err != nil {
		return w.sweep(), false, err
	}
	w.p.seen = w.describe()
	return w.sweep(), moved, nil
}

// accept compares a word that came into the ring with the next that is due.
func (w *biosWay) accept(word uint16) error {
	for _, f := range w.queue {
		if !f.sure { // its words are whatever comes
			f.words = append(f.words[:f.accepted], word)
			f.accepted++
			return nil
		}
		if f.accepted == len(f.words) {
			continue
		}
		want := f.words[f.accepted]
		if word != want && want != anyWord {
			return w.wrong(want, word)
		}
		f.accepted++
		w.after, w.sure = f.after, true
		return nil
	}
	return fmt.Errorf("%w%s", ErrForeignKeys, comma(w.p.say("the BIOS has put %s into its ring", wordName(word))))
}

// wrong is the error for a word that is not the one that was due.
func (w *biosWay) wrong(want, got uint16) error {
	what := w.p.say("the BIOS was sent %s and got %s", wordName(want), wordName(got))
	if w.ring.flags&flagsHeld != 0 {
		what += fmt.Sprintf(" (modifiers held: %#x)", w.ring.flags&flagsHeld)
	}
	for _, f := range w.queue {
		for _, due := range f.words[min(f.accepted, len(f.words)):] {
			if due == got {
				return fmt.Errorf("%w: %s", ErrKeysLost, what)
			}
		}
	}
	return fmt.Errorf("%w: %s", ErrForeignKeys, what)
}

// read takes note that the program has read a word.
func (w *biosWay) read() {
	for _, f := range w.queue {
		if f.read < f.accepted {
			f.read++
			return
		}
	}
}

// sweep drops the strokes that are taken from the front of the queue. Those
// that make no word are known by a later one, or by an idle keyboard.
func (w *biosWay) sweep() (taken int) {
	proven := 0
	for i, f := range w.queue {
		if f.accepted > 0 || len(f.words) == 0 && w.idle.sure() {
			proven = i + 1
		}
	}
	for taken < proven {
		f := w.queue[taken]
		if f.read < len(f.words) || !f.sure && !w.idle.sure() {
			break
		}
		taken++
	}
	w.queue = w.queue[taken:]
	if len(w.queue) == 0 {
		w.queue, w.barred = nil, false
	}
	return taken
}

// settle finds out why nothing moves. If the keyboard still holds bytes the
// guest is slow; if it is empty, the words that are missing are lost, or it is
// not the BIOS that reads.
func (w *biosWay) settle(ctx context.Context) error {
	missing := -1
	for i, f := range w.queue {
		if f.accepted < len(f.words) || len(f.words) == 0 || !f.sure {
			missing = i
			break
		}
	}
	if missing < 0 {
		return w.abandoned(ctx)
	}
	f := w.queue[missing]
	if f.sure && len(f.words) > 0 && w.p.idle < 10*time.Millisecond {
		return nil // the ring will show it soon
	}
	empty, err := w.idle.look(ctx)
	if err != nil || !empty {
		return err
	}
	if w.p.cut && (!f.sure || len(f.words) == 0) {
		return errDoubt
	}
	w.after = 0
	if f.sure && f.accepted == len(f.words) || !f.sure || !w.idle.lasts(lostAfter) {
		return nil
	}
	if !w.sure && !w.p.cut {
		return &unfitError{reason: "the BIOS's ring does not show the keys that the guest reads", taken: len(w.queue)}
	}
	if err := w.abandoned(ctx); err != nil {
		return err
	}
	if f.accepted > 0 {
		return fmt.Errorf("%w: half of a key", ErrKeysLost)
	}
	return &lostError{from: missing, what: "the keyboard is empty and the BIOS has not got them"}
}

// abandoned returns an error if an operating system has taken over while keys
// were in the BIOS's hands.
func (w *biosWay) abandoned(ctx context.Context) error {
	if w.p.idle < lostAfter {
		return nil
	}
	c, err := w.p.vm.cpu(ctx)
	if err != nil || !c.kernel() {
		return err
	}
	return fmt.Errorf("%w: an operating system has started and will not read what is in the BIOS's ring", ErrKeysLost)
}

func (w *biosWay) describe() string {
	held := (w.ring.tail - w.ring.head + ringWords) % ringWords
	return fmt.Sprintf("the BIOS's ring holds %d keys", held)
}

func (w *biosWay) rest(ctx context.Context, d time.Duration) error { return w.p.vm.pause(ctx, d) }

func (w *biosWay) close(context.Context) error { return nil }

// wordName is a word of the ring for people.
func wordName(w uint16) string {
	if c := byte(w); c > ' ' && c < 0x7f {
		return fmt.Sprintf("%q (%#04x)", c, w)
	}
	return fmt.Sprintf("%#04x", w)
}

// say formats, or says nothing of what is secret.
func (p *Pacer) say(format string, args ...any) string {
	if p.c.Secret {
		return "what was typed is secret"
	}
	return fmt.Sprintf(format, args...)
}
