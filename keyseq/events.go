package keyseq

import (
	"iter"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Event is a key that goes down or up, or a pause for a time or until something
// is so.
type Event struct {
	// At is where the character or token that made the event begins.
	At Pos
	// Wait is the pause; 0 for a key.
	Wait time.Duration
	// For is what is waited for; nil for all other events.
	For Fact
	// Keysym is X11's number for the key: that of the key's legend on a US
	// keyboard, since servers that are told keysyms read them so. It is 0 for
	// the keys that a US keyboard has not (of layouts jp and pt-br).
	Keysym uint32
	// Code is the key's set-1 scan code as QEMU's extended key event takes
	// it, with 0x80 set where e0 comes first; 0 for a character that the
	// layout cannot type.
	Code uint16
	// Down tells pressing from releasing.
	Down bool
}

// String returns the event in the notation of examples/keys: +FF0D for the
// press of Enter, -FF0D for its release, w1s for a wait. Waits for facts are
// w"boot:", wstill500ms, wchange and wfetch"/preseed.cfg", without region and
// limit. A key without a keysym is written by its code, as +@73.
func (e Event) String() string {
	if e.For != nil {
		return "w" + e.For.note()
	}
	if e.Wait != 0 {
		return "w" + e.Wait.String()
	}
	sign, n := "-", uint64(e.Keysym)
	if e.Down {
		sign = "+"
	}
	if n == 0 && e.Code != 0 {
		sign, n = sign+"@", uint64(e.Code)
	}
	return sign + strings.ToUpper(strconv.FormatUint(n, 16))
}

// Events returns the sequence as key events on a layout (nil is us), in
// Packer's order. On us the keysyms are Packer's. A character that the layout
// cannot type gets the event that Packer makes of it, its code point as
// keysym, which QEMU drops; [Player.Play] refuses it instead.
func (s Sequence) Events(l *Layout) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		for a := range s.atoms(l) {
			if a.pauses() && !yield(Event{At: a.at, Wait: a.wait, For: a.fact.Fact}) {
				return
			}
			for _, e := range a.events {
				if !yield(e) {
					return
				}
			}
		}
	}
}

// atom is what may not be split: all events of one character, of one key
// press, of a key that is held or released; or a wait.
type atom struct {
	at      Pos
	wait    time.Duration
	fact    WaitFor // its Fact is nil if there is none
	events  []Event // valid until the next atom
	untyped rune    // the character that the layout cannot type, if bad
	bad     bool
}

// pauses tells whether the atom is a wait of any kind.
func (a *atom) pauses() bool { return a.wait != 0 || a.fact.Fact != nil }

func (s Sequence) atoms(l *Layout) iter.Seq[atom] {
	return func(yield func(atom) bool) {
		b := atomizer{layout: l.or(), yield: yield}
		for _, st := range s {
			if !b.step(st) {
				return
			}
		}
	}
}

type atomizer struct {
	layout *Layout
	yield  func(atom) bool
	atom   atom
}

func (b *atomizer) step(st Step) bool {
	switch st := st.(type) {
	case Text:
		return b.text(st)
	case Press:
		for range st.times() {
			b.begin(st.At)
			b.key(st.Key, true, true)
			if !b.yield(b.atom) {
				return false
			}
		}
		return true
	case Hold:
		b.begin(st.At)
		b.key(st.Key, true, false)
	case Release:
		b.begin(st.At)
		b.key(st.Key, false, true)
	case Wait:
		b.begin(st.At)
		b.atom.wait = st.Duration
	case WaitFor:
		b.begin(st.At)
		b.atom.fact = st
	}
	return b.yield(b.atom)
}

func (b *atomizer) text(t Text) bool {
	pos := t.At
	for _, r := range t.Text {
		b.begin(pos)
		b.rune(r, true, true)
		if !b.yield(b.atom) {
			return false
		}
		pos.Offset += utf8.RuneLen(r)
		pos.Column++
		if r == '\n' {
			pos.Line, pos.Column = pos.Line+1, 1
		}
	}
	return true
}

func (b *atomizer) begin(at Pos) { b.atom = atom{at: at, events: b.atom.events[:0]} }

func (b *atomizer) add(keysym uint32, code uint16, down bool) {
	b.atom.events = append(b.atom.events, Event{At: b.atom.at, Keysym: keysym, Code: code, Down: down})
}

// key presses (down) or releases (up) a key, or does both.
func (b *atomizer) key(k Key, down, up bool) {
	if k.Name == "" {
		b.rune(k.Rune, down, up)
		return
	}
	n := lookup(k.Name)
	switch {
	case n == nil:
		b.atom.bad = true
	case n.rune != 0:
		b.rune(n.rune, down, up)
	default:
		if down {
			b.add(n.keysym, n.code, true)
		}
		if up {
			b.add(n.keysym, n.code, false)
		}
	}
}

func (b *atomizer) rune(r rune, down, up bool) {
	chords := b.layout.chordsOf(r)
	if len(chords) > 1 && down != up {
		chords = nil // two keys cannot be held as one
	}
	if chords == nil {
		chords = []Chord{{Shift: packerShifts(r), keysym: uint32(r)}}
		b.atom.bad, b.atom.untyped = true, r
	}
	for _, ch := range chords {
		b.chord(ch, down, up)
	}
}

func (b *atomizer) chord(ch Chord, down, up bool) {
	if down {
		if ch.Shift {
			b.add(keysymShift, codeShift, true)
		}
		if ch.AltGr {
			b.add(keysymAltGr, codeAltGr, true)
		}
		b.add(ch.keysym, ch.Code, true)
	}
	if up {
		b.add(ch.keysym, ch.Code, false)
		if ch.AltGr {
			b.add(keysymAltGr, codeAltGr, false)
		}
		if ch.Shift {
			b.add(keysymShift, codeShift, false)
		}
	}
}

// packerShifts says whether Packer types r with Shift.
func packerShifts(r rune) bool {
	return unicode.IsUpper(r) || strings.ContainsRune(`~!@#$%^&*()_+{}|:"<>?`, r)
}

// Keys returns how often a key is pressed, by hand as it were: each character
// is one, whatever modifiers and dead keys it takes, and so is each press and
// each key that is held.
func (s Sequence) Keys() int {
	n := 0
	for _, st := range s {
		switch st := st.(type) {
		case Text:
			n += utf8.RuneCountInString(st.Text)
		case Press:
			n += st.times()
		case Hold:
			n++
		}
	}
	return n
}

// Cost returns how long it takes to play the sequence on a layout (nil is us)
// with a pause of interval after each key event: the waits and the pauses.
// With an interval of 0 these are the waits alone. A wait for a fact counts for
// what it takes at least: nothing, or the time for which the screen must be
// still. The sum stops at the longest Duration.
func (s Sequence) Cost(l *Layout, interval time.Duration) time.Duration {
	var sum time.Duration
	for a := range s.atoms(l) {
		sum = addTime(sum, a.wait)
		if still, ok := a.fact.Fact.(Still); ok {
			sum = addTime(sum, still.For)
		}
		for range a.events {
			sum = addTime(sum, interval)
		}
	}
	return sum
}

func addTime(a, b time.Duration) time.Duration {
	if b > math.MaxInt64-a {
		return math.MaxInt64
	}
	return a + b
}
