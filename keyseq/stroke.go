package keyseq

import (
	"context"
	"slices"
)

// Stroke is what a guest must get whole: all makes and breaks of one character
// or key, in their order. A key that is held, or released later, is a stroke of
// one event.
type Stroke struct {
	At     Pos     // where it stands in the source
	Events []Event // keys only, no waits
}

// Pacer says how fast a guest takes keys. Its methods are called by one
// goroutine at a time, the one that called [Player.Play].
type Pacer interface {
	// Pace waits until the guest has room for at least the first of next, and
	// returns how many of them can be sent now; the caller then sends them.
	// With nothing in next it waits until the guest has taken all that was
	// sent, and returns 0.
	Pace(ctx context.Context, next []Stroke) (n int, err error)

	// Untaken returns how many of the strokes that Pace let go are not known
	// to have been taken by the guest.
	Untaken() int
}

// strokesAhead is how many strokes are made before they are sent: more than any
// keyboard holds, so that the pacer is never short of them.
const strokesAhead = 256

// paced plays the sequence as fast as the pacer allows.
func (r *run) paced(seq Sequence) error {
	next := make([]Stroke, 0, strokesAhead)
	for a := range seq.atoms(r.Layout) {
		if !a.pauses() {
			next = append(next, Stroke{At: a.at, Events: slices.Clone(a.events)})
			if len(next) < strokesAhead {
				continue
			}
		}
		if err := r.strokes(next, true); err != nil {
			return err
		}
		next = next[:0]
		if a.pauses() {
			if err := r.pacedWait(a); err != nil {
				return err
			}
		}
	}
	if err := r.strokes(next, true); err != nil {
		return err
	}
	if err := r.letGo(); err != nil {
		return err
	}
	return r.drain()
}

// strokes sends strokes in as few writes as the pacer allows. They count for
// the progress unless they are not of the sequence.
func (r *run) strokes(next []Stroke, count bool) error {
	for len(next) > 0 {
		r.at = next[0].At
		n, err := r.Pacer.Pace(r.ctx, next)
		if err != nil {
			return r.failed(err)
		}
		r.given += n
		if err := r.write(next[:n]); err != nil {
			return r.failed(err)
		}
		last := next[n-1].At
		next = next[n:]
		if count {
			r.index += n
			r.progress(last)
		}
	}
	return nil
}

// write sends strokes, in one write where that can be.
func (r *run) write(strokes []Stroke) error {
	r.batch = r.batch[:0]
	for _, s := range strokes {
		r.batch = append(r.batch, s.Events...)
	}
	if r.Send == nil {
		for _, e := range r.batch {
			if err := r.key(e); err != nil {
				return err
			}
		}
		return nil
	}
	// Until it is known better, all that goes down in a write that failed is
	// down, and all that was down before it is too.
	before := slices.Clone(r.held)
	for _, e := range r.batch {
		r.note(e)
	}
	err := r.Send(r.batch)
	if err != nil {
		after := r.held
		r.held = before
		for _, e := range append(slices.Clone(r.batch), after...) {
			if e.Down {
				r.note(e)
			}
		}
	}
	return err
}

// pacedWait plays a wait: it begins when the guest has taken all keys.
func (r *run) pacedWait(a atom) error {
	if err := r.drain(); err != nil {
		return err
	}
	r.at = a.at
	if err := r.pause(a); err != nil {
		return r.failed(err)
	}
	r.index++
	r.waits++
	r.progress(a.at)
	return nil
}

func (r *run) drain() error {
	if _, err := r.Pacer.Pace(r.ctx, nil); err != nil {
		return r.failed(err)
	}
	return nil
}

// letGo releases what the sequence holds and does not release, at the pace of
// all other keys. What fails here is tried once more, without a pace.
func (r *run) letGo() error {
	if len(r.held) == 0 {
		return nil
	}
	s := Stroke{At: r.held[0].At}
	for _, e := range slices.Backward(r.held) {
		e.Down = false
		s.Events = append(s.Events, e)
	}
	return r.strokes([]Stroke{s}, false)
}

// failed is a failure at the place where the run stands.
func (r *run) failed(err error) error {
	taken := r.waits + r.given - r.Pacer.Untaken()
	return &PlayError{Index: r.index, Taken: max(0, min(taken, r.index)), At: r.at, Err: err}
}
