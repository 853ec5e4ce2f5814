package keyseq

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Keyboard is where a Player sends keys. A code is a key's set-1 scan code, with
// 0x80 set where e0 comes first, as QEMU's VNC extended key event takes it; a
// keysym is what that key types on a US keyboard. A keyboard uses the code if
// it can send codes, else the keysym; without either (keysym 0) it returns an
// error.
type Keyboard interface {
	Key(keysym uint32, code uint16, down bool) error
}

// Gate returns when the guest has taken all that was sent, or an error when it
// never will.
type Gate func(ctx context.Context) error

// Player plays sequences on a keyboard. Its fields may be changed between
// calls of Play.
type Player struct {
	// Keyboard takes the keys. It must be set.
	Keyboard Keyboard
	// Layout is the keyboard layout that the guest uses now; nil is us, which
	// is what boot loaders and firmware use.
	Layout *Layout
	// Gate is called after each character and key, never inside one: what
	// makes and breaks a character's keys stays together. Nil waits for nothing.
	Gate Gate
	// Interval is a pause after each key event, Packer's boot_key_interval; 0
	// is none.
	Interval time.Duration
	// Observe, if not nil, is called after each character, key and wait, in
	// the goroutine that called Play.
	Observe func(Progress)
	// Secret keeps the characters themselves out of errors.
	Secret bool
}

// Progress says how far a Player is. It never says what was typed.
type Progress struct {
	Index int // how many characters, keys and waits are done
	Total int // how many there are
	At    Pos // where the last of them stands in the source
}

// PlayError is a failure in the middle of a sequence.
type PlayError struct {
	Index int // how many characters, keys and waits were done before
	At    Pos // where the one that failed stands in the source
	Err   error
}

// Error names the place and the cause.
func (e *PlayError) Error() string {
	return fmt.Sprintf("keyseq: play %s, after %d keys and waits: %v", e.At, e.Index, e.Err)
}

// Unwrap returns the cause.
func (e *PlayError) Unwrap() error { return e.Err }

// LayoutError lists the characters of a sequence that a layout cannot type.
type LayoutError struct {
	Layout  string
	Untyped []Untyped
	// Secret leaves the characters out of the error's text.
	Secret bool
}

// Untyped is a character that a layout cannot type.
type Untyped struct {
	At   Pos
	Rune rune
}

// Error lists the first ten characters with their positions.
func (e *LayoutError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "keyseq: layout %s cannot type ", e.Layout)
	for i, u := range e.Untyped {
		switch {
		case i == 10:
			fmt.Fprintf(&b, " and %d more", len(e.Untyped)-i)
			return b.String()
		case i > 0:
			b.WriteString(", ")
		}
		if e.Secret {
			fmt.Fprintf(&b, "the character at %s", u.At)
			continue
		}
		fmt.Fprintf(&b, "%q at %s", u.Rune, u.At)
		if token := controlTokens[u.Rune]; token != "" {
			fmt.Fprintf(&b, " (write %s)", token)
		}
	}
	return b.String()
}

// controlTokens are the tokens for characters that are keys.
var controlTokens = map[rune]string{
	'\n': "<enter>", '\r': "<enter>", '\t': "<tab>", '\b': "<bs>", '\x1b': "<esc>", '\x7f': "<del>",
}

// Check returns nil if the layout (nil is us) can type the whole sequence and
// all keys exist, and else a [*LayoutError] or an error that names the key. A
// character that takes a dead key cannot be held.
func (s Sequence) Check(l *Layout) error {
	for _, st := range s {
		if k, ok := keyOf(st); ok && k.Name != "" && lookup(k.Name) == nil {
			return fmt.Errorf("keyseq: check %s: there is no key %q; see the package documentation for the names", st.Pos(), k.Name)
		}
	}
	e := &LayoutError{Layout: l.Name()}
	for a := range s.atoms(l) {
		if a.bad {
			e.Untyped = append(e.Untyped, Untyped{At: a.at, Rune: a.untyped})
		}
	}
	if len(e.Untyped) > 0 {
		return e
	}
	return nil
}

func keyOf(st Step) (Key, bool) {
	switch st := st.(type) {
	case Press:
		return st.Key, true
	case Hold:
		return st.Key, true
	case Release:
		return st.Key, true
	}
	return Key{}, false
}

// Play types the sequence. What the layout cannot type is an error, see
// [Sequence.Check], before the first key is sent. When Play returns, with or
// without an error and also when ctx is done, no key that it pressed is down:
// those that the sequence holds and does not release are released last. An
// error in the middle is a [*PlayError], joined with those of the releases.
//
// Play uses one goroutine, the caller's.
func (p *Player) Play(ctx context.Context, seq Sequence) error {
	if p.Keyboard == nil {
		return errors.New("keyseq: play: Player.Keyboard is nil; set it to what takes the keys, such as a *vnc.Conn")
	}
	if err := p.check(seq); err != nil {
		return err
	}
	r := run{Player: p, ctx: ctx}
	for range seq.atoms(p.Layout) {
		r.total++
	}
	return errors.Join(r.play(seq), r.release())
}

func (p *Player) check(seq Sequence) error {
	err := seq.Check(p.Layout)
	var le *LayoutError
	if errors.As(err, &le) {
		le.Secret = p.Secret
	}
	return err
}

// run is one call of Play.
type run struct {
	*Player
	ctx          context.Context
	index, total int
	held         []Event // the keys that are down, in the order of their pressing
}

func (r *run) play(seq Sequence) error {
	for a := range seq.atoms(r.Layout) {
		if err := r.atom(a); err != nil {
			return &PlayError{Index: r.index, At: a.at, Err: err}
		}
		r.index++
		if r.Observe != nil {
			r.Observe(Progress{Index: r.index, Total: r.total, At: a.at})
		}
	}
	return nil
}

func (r *run) atom(a atom) error {
	if err := r.sleep(a.wait); err != nil {
		return err
	}
	for _, e := range a.events {
		if err := r.key(e); err != nil {
			return err
		}
		if err := r.sleep(r.Interval); err != nil {
			return err
		}
	}
	if r.Gate == nil || len(a.events) == 0 {
		return nil
	}
	return r.Gate(r.ctx)
}

// key sends an event and keeps account of what is down. A press that failed
// counts as down: nobody knows whether it arrived.
func (r *run) key(e Event) error {
	i := 0
	for i < len(r.held) && (r.held[i].Keysym != e.Keysym || r.held[i].Code != e.Code) {
		i++
	}
	if e.Down && i == len(r.held) {
		r.held = append(r.held, e)
	}
	err := r.Keyboard.Key(e.Keysym, e.Code, e.Down)
	if err == nil && !e.Down && i < len(r.held) {
		r.held = append(r.held[:i], r.held[i+1:]...)
	}
	return err
}

// release lets go of all keys, the last pressed first, also when the context
// is done or the keyboard has failed before.
func (r *run) release() error {
	var errs []error
	for i := len(r.held) - 1; i >= 0; i-- {
		e := r.held[i]
		if err := r.Keyboard.Key(e.Keysym, e.Code, false); err != nil {
			errs = append(errs, fmt.Errorf("keyseq: release the key of %s: %w", e.At, err))
		}
	}
	return errors.Join(errs...)
}

// sleep waits for d and returns the context's cause if that is done before.
func (r *run) sleep(d time.Duration) error {
	if d <= 0 {
		return context.Cause(r.ctx)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-r.ctx.Done():
		return context.Cause(r.ctx)
	}
}
