package keyseq

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Line types sequences on a terminal line, such as a machine's serial port: text
// as UTF-8, keys as what a terminal sends for them, which is an xterm's. Its
// fields may be changed between calls of Play.
//
// Ctrl makes control characters of letters and of @ [ \ ] ^ _ ? and space, Alt
// sends an Escape before a key, and Shift is for letters and the tab key. A line
// has no keys that go down and up: holding another key types it once, and
// releasing it types nothing.
type Line struct {
	// Send sends taps, all in one write, and returns when more may follow. What
	// a terminal would show as it is comes several at once, up to a key or a
	// wait and at most 16; anything else comes alone. Required.
	Send func(ctx context.Context, taps []Tap) error
	// Wait is [Player.Wait], with the line in place of the screen.
	Wait func(ctx context.Context, w WaitFor) error
	// Observe is [Player.Observe].
	Observe func(Progress)
	// Secret keeps the characters themselves out of errors.
	Secret bool
}

// Tap is a character or key on a terminal line.
type Tap struct {
	At    Pos    // where in the command
	Bytes []byte // what is sent
	Shows bool   // a terminal that echoes shows the bytes as they are
}

// LineError is a key that a terminal line has no bytes for, or a wait that makes
// no sense there.
type LineError struct {
	At  Pos    // where in the command
	Msg string // what is wrong, and a remedy
}

// Error returns the place and what is wrong.
func (e *LineError) Error() string { return "keyseq: check " + e.At.String() + ": " + e.Msg }

// CheckLine returns nil if a terminal line can type the whole sequence and all
// waits make sense on it, and else all that is wrong, joined by [errors.Join]: a
// [*LineError] for each character, key or wait that a line cannot have.
func (s Sequence) CheckLine() error {
	_, err := s.lineAtoms(false)
	return err
}

// lineAtom is a tap, or else a wait.
type lineAtom struct {
	Tap
	wait time.Duration
	fact WaitFor
}

func (s Sequence) lineAtoms(secret bool) ([]lineAtom, error) {
	k := lineKeys{secret: secret}
	for _, st := range s {
		k.step(st)
	}
	return k.atoms, errors.Join(k.errs...)
}

// lineKeys makes bytes of keys.
type lineKeys struct {
	atoms            []lineAtom
	errs             []error
	ctrl, alt, shift bool // are held
	secret           bool
}

func (k *lineKeys) fail(at Pos, format string, args ...any) {
	k.errs = append(k.errs, &LineError{at, fmt.Sprintf(format, args...)})
}

func (k *lineKeys) step(st Step) {
	switch st := st.(type) {
	case Text:
		pos := st.At
		for _, r := range st.Text {
			k.rune(pos, r)
			pos = pos.after(string(r))
		}
	case Press:
		for range st.times() {
			k.key(st.At, st.Key)
		}
	case Hold:
		if !k.hold(st.Key, true) {
			k.key(st.At, st.Key)
		}
	case Release:
		k.hold(st.Key, false)
	case Wait:
		k.atoms = append(k.atoms, lineAtom{Tap: Tap{At: st.At}, wait: st.Duration})
	case WaitFor:
		k.waitFor(st)
	}
}

// hold reports whether a key is one that changes others, and takes note of it.
func (k *lineKeys) hold(key Key, down bool) bool {
	switch strings.ToLower(key.Name) {
	case "leftctrl", "rightctrl":
		k.ctrl = down
	case "leftalt", "rightalt", "leftoption", "rightoption", "leftcommand", "rightcommand":
		k.alt = down
	case "leftshift", "rightshift":
		k.shift = down
	default:
		return false
	}
	return true
}

func (k *lineKeys) waitFor(w WaitFor) {
	if err := w.check(); err != nil {
		k.errs = append(k.errs, err)
	}
	if f, ok := w.Fact.(Shows); ok && f.In != (Region{}) {
		k.fail(w.At, "%s: a line has no rows and columns; leave out %s", w, f.In)
	}
	k.atoms = append(k.atoms, lineAtom{Tap: Tap{At: w.At}, fact: w})
}

func (k *lineKeys) add(at Pos, bytes string, shows bool) {
	if k.alt {
		bytes, shows = "\x1b"+bytes, false
	}
	k.atoms = append(k.atoms, lineAtom{Tap: Tap{At: at, Bytes: []byte(bytes), Shows: shows}})
}

// rune types a character.
func (k *lineKeys) rune(at Pos, r rune) {
	name := fmt.Sprintf("%q", r)
	if k.secret {
		name = "a character"
	}
	switch token := controlTokens[r]; {
	case r < ' ' || r == 0x7f:
		if token != "" && !k.secret {
			token = "; write " + token
		}
		k.fail(at, "%s is no text%s", name, token)
	case k.ctrl:
		c, ok := control(r)
		if !ok {
			k.fail(at, "Ctrl with %s has no byte; letters and @ [ \\ ] ^ _ ? have", name)
		}
		k.add(at, string(c), false)
	case k.shift && 'a' <= r && r <= 'z':
		k.add(at, string(r-'a'+'A'), true)
	case k.shift && !packerShifts(r) && r != ' ':
		k.fail(at, "Shift with %s is another character on each keyboard; write that one", name)
	default:
		k.add(at, string(r), true)
	}
}

// control returns the control character of a character (ECMA-48 §5.2).
func control(r rune) (rune, bool) {
	switch {
	case 'a' <= r && r <= 'z', '@' <= r && r <= '_':
		return r & 0x1f, true
	case r == ' ':
		return 0, true
	case r == '?':
		return 0x7f, true
	}
	return 0, false
}

// key types a key.
func (k *lineKeys) key(at Pos, key Key) {
	n := lookup(key.Name)
	switch {
	case key.Name == "":
		k.rune(at, key.Rune)
		return
	case n == nil:
		k.fail(at, "there is no key %q; see the package documentation for the names", key.Name)
		return
	case n.rune != 0:
		k.rune(at, n.rune)
		return
	case n.name == "spacebar":
		k.rune(at, ' ')
		return
	}
	bytes := lineBytes[n.name]
	if k.shift && n.name == "tab" {
		bytes = "\x1b[Z"
	} else if bytes != "" && (k.shift || k.ctrl) {
		k.fail(at, "<%s> with Ctrl or Shift has no bytes on a line; type it alone", n.name)
	}
	if bytes == "" {
		k.fail(at, "<%s> has no bytes on a line; type it on the keyboard, or leave it out", n.name)
	}
	k.add(at, bytes, false)
}

// lineBytes are what a terminal sends for a key (XTerm Control Sequences, "PC-
// Style Function Keys" and "VT220-Style Function Keys"). What is missing has
// nothing.
var lineBytes = map[string]string{
	"bs": "\x7f", "del": "\x1b[3~", "enter": "\r", "return": "\r", "esc": "\x1b", "tab": "\t",
	"insert": "\x1b[2~", "home": "\x1b[H", "end": "\x1b[F", "pageUp": "\x1b[5~", "pageDown": "\x1b[6~",
	"up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D",
	"f1": "\x1bOP", "f2": "\x1bOQ", "f3": "\x1bOR", "f4": "\x1bOS", "f5": "\x1b[15~", "f6": "\x1b[17~",
	"f7": "\x1b[18~", "f8": "\x1b[19~", "f9": "\x1b[20~", "f10": "\x1b[21~", "f11": "\x1b[23~", "f12": "\x1b[24~",
	"f13": "\x1b[25~", "f14": "\x1b[26~", "f15": "\x1b[28~", "f16": "\x1b[29~",
	"f17": "\x1b[31~", "f18": "\x1b[32~", "f19": "\x1b[33~", "f20": "\x1b[34~",
}

// Play types the sequence. What the line cannot type is an error, see
// [Sequence.CheckLine], before the first byte is sent, and so is a wait for a
// fact without a Wait. An error in the middle is a [*PlayError]. Play uses one
// goroutine, the caller's.
func (l *Line) Play(ctx context.Context, seq Sequence) error {
	atoms, err := seq.lineAtoms(l.Secret)
	if err != nil {
		return err
	}
	r := run{Player: &Player{Wait: l.Wait, Observe: l.Observe}, ctx: ctx, total: len(atoms)}
	if err := r.canWait(seq); err != nil {
		return err
	}
	for len(atoms) > 0 {
		n, err := l.next(&r, atoms)
		if err != nil {
			return &PlayError{Index: r.index, At: atoms[0].At, Err: err}
		}
		r.index += n
		r.progress(atoms[n-1].At)
		atoms = atoms[n:]
	}
	return nil
}

// lineAhead is how many characters go at once: as many as a serial port's own
// memory holds.
const lineAhead = 16

// next plays the first of some atoms, and returns how many.
func (l *Line) next(r *run, atoms []lineAtom) (int, error) {
	if a := atoms[0]; a.Bytes == nil {
		return 1, r.pause(atom{at: a.At, wait: a.wait, fact: a.fact})
	}
	taps := []Tap{atoms[0].Tap}
	for _, a := range atoms[1:] {
		if len(taps) == lineAhead || !a.Shows || !taps[0].Shows {
			break
		}
		taps = append(taps, a.Tap)
	}
	return len(taps), l.Send(r.ctx, taps)
}
