package qemu

import (
	"context"
	"fmt"
	"time"
)

// The PC's keyboard as seen from outside. Port 0x64 is the keyboard
// controller's status, which can be read without an effect on the guest; the
// ring is the BIOS's own buffer of 16 keys (IBM PC AT Technical Reference).
const (
	portStatus  = "i /b 0x64"
	statusFull  = 0x01 // a byte waits for the guest
	statusMouse = 0x20 // and it is the mouse's
	statusNone  = 0xff // no such controller

	vectorIRQ1   = 0x09 * 4 // interrupt vector: the handler's offset and segment
	biosSegment  = 0xf000
	ringHead     = 0x41a // the ring's pointers, offsets from 0x400
	ringTail     = 0x41c
	ringStart    = 0x480
	ringEnd      = 0x482
	biosRing     = 0x1e // where SeaBIOS has its ring
	biosRingEnd  = 0x3e
	pagingActive = 1 << 31 // of CR0
)

// Without a keyboard controller to ask, and for a firmware that takes keys one
// a tick, time is all there is.
const (
	blindInterval = 40 * time.Millisecond
	// UEFI's driver empties the controller every 20 ms and takes one key code
	// from what it has each time: a shifted key is two.
	uefiInterval = 40 * time.Millisecond
)

// keyState is what was last seen of the keyboard's ring.
type keyState struct {
	stale      bool // the ring is nobody's any more
	head, tail uint16
}

// KeysTaken waits until the guest has taken every key that QEMU has got for
// it. It is the gate between two keys: a keyboard holds 16 bytes, and loses in
// silence what comes on top.
//
// Taken means: the keyboard controller has no byte left; and while a BIOS
// program runs also that the BIOS's ring of 15 keys is empty, so a boot loader
// has read them. A guest that does not read holds its caller until ctx ends, or
// until nothing has moved for 30 seconds, which is an error; KeysTaken never
// goes on by guessing. What it cannot know it replaces by a fixed wait: 40 ms
// on machines without a keyboard controller that can be asked, and 40 ms more
// with UEFI, whose driver has a queue of its own.
//
// Keys that travel over VNC must have arrived at QEMU before the call, which a
// fence of the VNC connection tells.
func (vm *VM) KeysTaken(ctx context.Context) error {
	select {
	case vm.typing <- struct{}{}:
		defer func() { <-vm.typing }()
	case <-ctx.Done():
		return fmt.Errorf("qemu: keys: %w", ctxError(ctx))
	}
	if err := vm.keysTaken(ctx); err != nil {
		return fmt.Errorf("qemu: keys: %w", err)
	}
	return nil
}

func (vm *VM) keysTaken(ctx context.Context) error {
	if err := vm.mustRun(ctx); err != nil {
		return err
	}
	if !isX86(vm.c.arch()) {
		return vm.pause(ctx, blindInterval)
	}
	w := keyWait{vm: vm, moved: time.Now(), pause: time.Millisecond}
	for {
		taken, err := w.look(ctx)
		if err != nil {
			return err
		}
		if taken {
			break
		}
		if err := w.next(ctx); err != nil {
			return err
		}
	}
	switch {
	case w.absent:
		return vm.pause(ctx, blindInterval)
	case vm.c.uefi():
		return vm.pause(ctx, uefiInterval)
	}
	return nil
}

// mustRun returns an error if the guest stands still, since QEMU then throws
// keys away.
func (vm *VM) mustRun(ctx context.Context) error {
	s, err := vm.runState(ctx)
	if err != nil {
		return err
	}
	if !s.Running {
		return fmt.Errorf("%w: it is in state %s", ErrNotRunning, s.Status)
	}
	return nil
}

// pause lets d pass, unless ctx or the machine ends.
func (vm *VM) pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-vm.proc.done:
		return ErrNotRunning
	case <-ctx.Done():
		return ctxError(ctx)
	}
}

// keyWait is one wait for the keys to be taken.
type keyWait struct {
	vm     *VM
	pause  time.Duration
	moved  time.Time // when anything last changed
	seen   string    // what was seen then
	empty  bool      // the controller was empty at the last look
	absent bool      // there is no controller
}

// next waits for the next look: soon at first, and less often later, since
// each look stops the guest's input and output for a moment.
func (w *keyWait) next(ctx context.Context) error {
	if idle := time.Since(w.moved); idle > w.vm.t.keysPatient {
		if err := w.vm.mustRun(ctx); err != nil {
			return err
		}
		return fmt.Errorf("the guest has taken no key for %v (%s)", idle.Round(time.Second), w.seen)
	}
	err := w.vm.pause(ctx, w.pause)
	w.pause = min(w.pause*2, 5*time.Millisecond)
	return err
}

func (w *keyWait) saw(what string) {
	if what != w.seen {
		w.seen, w.moved = what, time.Now()
	}
}

// look reports whether all keys are taken now.
func (w *keyWait) look(ctx context.Context) (bool, error) {
	status, err := w.vm.port(ctx)
	if err != nil {
		return false, err
	}
	if status == statusNone {
		w.absent = true
		return true, nil
	}
	if status&statusFull != 0 && status&statusMouse == 0 {
		w.empty = false
		w.saw("the keyboard controller holds keys")
		return false, nil
	}
	// A guest that talks to the controller hides the waiting byte for a
	// moment, so one look is not enough.
	if !w.empty {
		w.empty = true
		return false, nil
	}
	return w.ringEmpty(ctx)
}

// ringEmpty reports whether the BIOS's ring is empty, or not in use.
func (w *keyWait) ringEmpty(ctx context.Context) (bool, error) {
	if w.vm.c.uefi() {
		return true, nil
	}
	r, err := w.vm.ring(ctx)
	if err != nil {
		return false, err
	}
	k := &w.vm.keys
	switch {
	case !r.valid:
		return true, nil
	case r.head == r.tail:
		*k = keyState{head: r.head, tail: r.tail}
		return true, nil
	case k.stale && k.head == r.head && k.tail == r.tail:
		return true, nil // still what an operating system left lying
	}
	w.saw(fmt.Sprintf("the BIOS's ring holds keys, head %#x tail %#x", r.head, r.tail))
	paged, err := w.vm.paging(ctx)
	if err != nil {
		return false, err
	}
	// BIOS programs run without paging. Under an operating system the ring is
	// memory that nobody reads.
	if paged {
		*k = keyState{stale: true, head: r.head, tail: r.tail}
	}
	return paged, nil
}
