package qemu

import (
	"context"
	"time"
)

// idleKeyboard finds out whether the machine's keyboard has nothing more for
// the guest: by the controller's status where there is one, else by waiting.
type idleKeyboard struct {
	p     *Pacer
	looks int           // how often the keyboard was found empty in a row
	since time.Duration // the first time of these, of the pacer's idle time
}

// blindIdle is when a keyboard that cannot be asked counts as empty: a USB
// keyboard sends a key event every 10 ms.
const blindIdle = 8 * 20 * time.Millisecond

// reset forgets what was seen, since keys are sent or have moved.
func (k *idleKeyboard) reset() { *k = idleKeyboard{p: k.p} }

// look reports whether the keyboard is empty. One look is not enough: a guest
// that talks to the controller hides the waiting byte for a moment.
func (k *idleKeyboard) look(ctx context.Context) (bool, error) {
	if err := k.p.arrive(ctx); err != nil {
		return false, err
	}
	status := byte(statusNone)
	if k.p.target == inputPS2 {
		var err error
		if status, err = k.p.vm.port(ctx); err != nil {
			return false, err
		}
	}
	if status != statusNone && status&statusFull != 0 && status&statusMouse == 0 {
		k.looks = 0
		k.p.seen = "the keyboard controller holds keys"
		return false, nil
	}
	if k.looks == 0 || k.p.idle < k.since {
		k.since = k.p.idle
	}
	k.looks++
	return k.sure(), nil
}

// sure reports whether the last looks prove that the keyboard is empty.
func (k *idleKeyboard) sure() bool {
	if k.p.target != inputPS2 {
		return k.looks > 1 && k.lasts(blindIdle)
	}
	return k.looks > 1 && k.lasts(2*time.Millisecond)
}

// lasts reports whether it was found empty for that long while the guest ran.
func (k *idleKeyboard) lasts(d time.Duration) bool {
	return k.looks > 0 && k.p.idle-k.since >= d
}

// fence returns when QEMU has all that was sent.
func (p *Pacer) fence(ctx context.Context) error {
	if p.c.Fence == nil {
		return nil
	}
	return p.c.Fence(ctx)
}
