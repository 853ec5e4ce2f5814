package qemu

import (
	"context"
	"errors"
	"time"
)

// drainLimit is how long a keyboard may take to give the guest what it holds.
const drainLimit = time.Second

// spoils reports whether a keyboard may have dropped keys, or only their releases:
// others came between, and it was full.
func spoils(err error) bool {
	return errors.Is(err, ErrForeignKeys) || errors.Is(err, ErrKeysLost)
}

// unstick releases the keys on their way once more if their releases may have
// been dropped: the guest would go on with Shift, or repeat a key without end.
func (p *Pacer) unstick(ctx context.Context) error {
	if !p.spoilt {
		return nil
	}
	p.drain(ctx)
	var codes []uint16
	for _, s := range p.flying {
		for _, k := range s {
			if k.Down {
				codes = append(codes, k.Code)
			}
		}
	}
	return p.vm.release(ctx, codes...)
}

// drain waits until the keyboard is empty, or should be.
func (p *Pacer) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, drainLimit)
	defer cancel()
	p.idle, p.last, p.pause = 0, time.Now(), 0
	for k := (idleKeyboard{p: p}); ; {
		if empty, err := k.look(ctx); empty || err != nil {
			return
		}
		if err := p.rest(ctx, true); err != nil {
			return
		}
	}
}
