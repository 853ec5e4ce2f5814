package keyseq

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	// Keyboard takes the keys. It must be set, also with Send: keys that are
	// still down when something has failed are released through it.
	Keyboard Keyboard
	// Layout is the keyboard layout that the guest uses now; nil is us, which
	// is what boot loaders and firmware use.
	Layout *Layout
	// Pacer lets characters go as fast as the guest takes them. Nil sends
	// each when Gate and Interval allow it; a Pacer takes the place of both.
	Pacer Pacer
	// Send sends events in one write, with nothing in between; it is used
	// with a Pacer, which lets several characters go at once. Nil sends them
	// one at a time to Keyboard. The slice is the caller's.
	Send func(events []Event) error
	// Gate is called after each character and key, never inside one: what
	// makes and breaks a character's keys stays together. Nil waits for nothing.
	Gate Gate
	// Interval is a pause after each key event, Packer's boot_key_interval; 0
	// is none.
	Interval time.Duration
	// Wait returns when the fact that w names is so, or with an error. It is
	// called in the goroutine that called Play, when what stands before w is
	// typed and, with a Pacer or a Gate, taken by the guest; its context ends
	// after w.Limit. Nil makes a sequence that has such a wait an error before
	// the first key.
	Wait func(ctx context.Context, w WaitFor) error
	// Observe, if not nil, is called after each character, key and wait, in
	// the goroutine that called Play; with a Pacer only after the last of
	// those that went together.
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
	// Taken is how many of those the guest is known to have taken, which only
	// a Pacer or a Gate can tell; without either it is 0.
	Taken int
	At    Pos // where the one that failed stands in the source
	Err   error
}

// Error names the place and the cause.
func (e *PlayError) Error() string {
	var known string
	if e.Taken > 0 && e.Taken < e.Index {
		known = fmt.Sprintf(" (the guest has taken %d for certain)", e.Taken)
	}
	return fmt.Sprintf("keyseq: play %s, after %d keys and waits%s: %v", e.At, e.Index, known, e.Err)
}

// Unwrap returns the cause.
func (e *PlayError) Unwrap() error { return e.Err }

// LayoutError lists the characters of a sequence that a layout cannot type.
type LayoutError struct {
	Layout  string    // the layout's name
	Untyped []Untyped // all of them, in the order of the text
	// Secret leaves the characters out of the error's text.
	Secret bool
}

// Untyped is a character that a layout cannot type.
type Untyped struct {
	At   Pos  // where in the command
	Rune rune // the character
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

// Check returns nil if the layout (nil is us) can type the whole sequence, all
// keys exist and all waits make sense, and else a [*LayoutError] or an error
// that names the key or the wait. A character that takes a dead key cannot be
// held.
func (s Sequence) Check(l *Layout) error {
	for _, st := range s {
		if k, ok := keyOf(st); ok && k.Name != "" && lookup(k.Name) == nil {
			return fmt.Errorf("keyseq: check %s: there is no key %q; see the package documentation for the names", st.Pos(), k.Name)
		}
		if w, ok := st.(WaitFor); ok {
			if err := w.check(); err != nil {
				return err
			}
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

// check finds what Parse would refuse, in waits made by hand.
func (w WaitFor) check() error {
	msg := "it waits for nothing; set Fact"
	if w.Fact != nil {
		msg = w.Fact.check()
	}
	if w.Limit < 0 {
		msg = "its Limit is below 0; 0 means none"
	}
	if msg == "" {
		return nil
	}
	return fmt.Errorf("keyseq: check %s: a wait: %s", w.At, msg)
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
// [Sequence.Check], before the first key is sent, and so is a wait for a fact
// without a Wait. When Play returns, with or
// without an error and also when ctx is done, no key that it pressed is down:
// those that the sequence holds and does not release are released last. An
// error in the middle is a [*PlayError], joined with those of the releases.
//
// Play uses one goroutine, the caller's.
func (p *Player) Play(ctx context.Context, seq Sequence) error {
	switch {
	case p.Keyboard == nil:
		return errors.New("keyseq: play: Player.Keyboard is nil; set it to what takes the keys, such as a *vnc.Conn")
	case p.Interval < 0:
		return fmt.Errorf("keyseq: play: Player.Interval: %v is below 0; 0 means no pause", p.Interval)
	}
	if err := p.check(seq); err != nil {
		return err
	}
	r := run{Player: p, ctx: ctx}
	for range seq.atoms(p.Layout) {
		r.total++
	}
	play := r.play
	if p.Pacer != nil {
		play = r.paced
	}
	return errors.Join(play(seq), r.release())
}

func (p *Player) check(seq Sequence) error {
	err := seq.Check(p.Layout)
	var le *LayoutError
	if errors.As(err, &le) {
		le.Secret = p.Secret
	}
	if err != nil {
		return err
	}
	return p.canWait(seq)
}

// canWait finds a wait for a fact that nobody can tell of.
func (p *Player) canWait(seq Sequence) error {
	if p.Wait != nil {
		return nil
	}
	for _, st := range seq {
		if w, ok := st.(WaitFor); ok {
			return fmt.Errorf("keyseq: play %s: nobody can tell when %s is over; set Player.Wait", w.At, w)
		}
	}
	return nil
}

// run is one call of Play.
type run struct {
	*Player
	ctx          context.Context
	index, total int
	held         []Event // the keys that are down, in the order of their pressing

	at           Pos     // with a Pacer: where the next stroke stands
	given, waits int     // strokes that the Pacer has let go, waits that are done
	batch        []Event // what goes in one write
}

func (r *run) play(seq Sequence) error {
	for a := range seq.atoms(r.Layout) {
		if err := r.atom(a); err != nil {
			taken := 0
			if r.Gate != nil {
				taken = r.index
			}
			return &PlayError{Index: r.index, Taken: taken, At: a.at, Err: err}
		}
		r.index++
		r.progress(a.at)
	}
	return nil
}

func (r *run) progress(at Pos) {
	if r.Observe != nil {
		r.Observe(Progress{Index: r.index, Total: r.total, At: at})
	}
}

func (r *run) atom(a atom) error {
	if err := r.pause(a); err != nil {
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
	if e.Down {
		r.note(e)
	}
	err := r.Keyboard.Key(e.Keysym, e.Code, e.Down)
	if err == nil && !e.Down {
		r.note(e)
	}
	return err
}

// note keeps account of what is down.
func (r *run) note(e Event) {
	same := func(h Event) bool { return h.Keysym == e.Keysym && h.Code == e.Code }
	switch i := slices.IndexFunc(r.held, same); {
	case e.Down && i < 0:
		r.held = append(r.held, e)
	case !e.Down && i >= 0:
		r.held = slices.Delete(r.held, i, i+1)
	}
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

// pause waits for the time or the fact of an atom, if it has one.
func (r *run) pause(a atom) error {
	if a.fact.Fact == nil {
		return r.sleep(a.wait)
	}
	ctx := r.ctx
	if a.fact.Limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, a.fact.Limit, limitError{a.fact})
		defer cancel()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return r.Wait(ctx, a.fact)
}

// limitError is why the context of a wait ends.
type limitError struct{ wait WaitFor }

// Error names the wait and its limit.
func (e limitError) Error() string {
	return fmt.Sprintf("%s is not so within %v", e.wait, e.wait.Limit)
}

// Unwrap makes it a context.DeadlineExceeded.
func (e limitError) Unwrap() error { return context.DeadlineExceeded }

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
