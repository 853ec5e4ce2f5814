package qemu

import (
	"context"
	"errors"
	"fmt"
)

// Why typing ends, found in the chain of a [PaceError].
var (
	// ErrKeysStalled says that the guest runs and takes no keys.
	ErrKeysStalled = errors.New("the guest has taken no key")
	// ErrKeysLost says that keys which were sent did not reach the guest, or
	// not whole.
	ErrKeysLost = errors.New("keys were lost")
	// ErrForeignKeys says that the guest got keys that were not sent here:
	// somebody else types too.
	ErrForeignKeys = errors.New("the guest got a key that was not sent")
	// ErrGuestReset says that the machine was reset while keys were on their
	// way.
	ErrGuestReset = errors.New("the machine was reset")
)

var errNoAnswer = fmt.Errorf("%w: QEMU does not answer", ErrKeysStalled)

// errDoubt is for keys that leave no trace where they are watched, when the
// machine was stopped before they were known to be with QEMU.
var errDoubt = fmt.Errorf("%w, or not: the machine was stopped while they were on their way, and what is watched does not tell", ErrKeysLost)

// PaceError says that typing has ended early, and where.
type PaceError struct {
	Mode    Mode  // how the guest was observed; empty if that was not known yet
	Sent    int   // strokes that were let go
	Untaken int   // of these, the last ones that are not known to have been taken
	Err     error // the cause
}

// Error names the mode, how much was typed, and the cause.
func (e *PaceError) Error() string {
	mode := "keys"
	if e.Mode != "" {
		mode += " (" + string(e.Mode) + ")"
	}
	return fmt.Sprintf("qemu: %s: %d of %d sent were taken: %v", mode, e.Sent-e.Untaken, e.Sent, e.Err)
}

// Unwrap returns the cause.
func (e *PaceError) Unwrap() error { return e.Err }

// lostError says that strokes on their way, all from the one with that index,
// are proven never to have reached the guest, not even in part.
type lostError struct {
	from int
	what string
}

func (e *lostError) Error() string { return ErrKeysLost.Error() + comma(e.what) }

func (e *lostError) Unwrap() error { return ErrKeysLost }

// repair sends again what a stopped machine has thrown away: nothing of it has
// reached the guest and nothing was sent since, so that no key can come twice.
// Any other loss has a reason that would strike again.
func (p *Pacer) repair(ctx context.Context, lost *lostError) error {
	if err := p.arrive(ctx); err != nil {
		return err
	}
	if p.c.Send == nil || !p.cut {
		return lost
	}
	b, _ := p.vm.pulse.read()
	if b.stopped {
		return nil // it is found again when the machine runs
	}
	p.stops, p.arrived, p.cut = b.stops, false, false
	p.idle, p.pause = 0, 0
	var keys []Key
	for _, s := range p.flying[lost.from:] {
		keys = append(keys, s...)
	}
	return p.c.Send(keys)
}
