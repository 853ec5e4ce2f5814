package qemu

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bootscribe/bootscribe/qemu/qmp"
)

// drainLimit is how long a keyboard may take to give the guest what it holds.
const drainLimit = time.Second

// spoils reports whether a keyboard may have dropped keys, or only their releases:
// others came between, and it was full.
func spoils(err error) bool {
	return errors.Is(err, ErrForeignKeys) || errors.Is(err, ErrKeysLost)
}

// press follows which keys are down when strokes have been sent.
func (p *Pacer) press(strokes []Stroke) {
	for _, s := range strokes {
		for _, k := range s {
			p.down = slices.DeleteFunc(p.down, func(c uint16) bool { return c == k.Code })
			if k.Down {
				p.down = append(p.down, k.Code)
			}
		}
	}
}

// sticky returns the keys that may be down for ever: those that were held when
// the typing ended, whose release found a full keyboard or a stopped machine,
// and if the strokes on their way have come in part those of these.
func (p *Pacer) sticky() []uint16 {
	codes := slices.Clone(p.down)
	if !p.spoilt {
		return codes
	}
	for _, s := range p.flying {
		for _, k := range s {
			if k.Down {
				codes = append(codes, k.Code)
			}
		}
	}
	return codes
}

// letUp releases the keys that may be down, once more if they are not: the guest
// would go on with Shift, or repeat a key without end.
func (p *Pacer) letUp(ctx context.Context) error {
	codes := p.sticky()
	if len(codes) == 0 {
		return nil
	}
	for {
		if err := p.runs(ctx); err != nil {
			return err
		}
		p.drain(ctx)
		err := p.vm.release(ctx, codes...)
		if refused := (*qmp.Error)(nil); !errors.As(err, &refused) || !p.vm.halted(ctx) {
			return err
		}
	}
}

// runs waits until the machine runs, by what QEMU says now.
func (p *Pacer) runs(ctx context.Context) error {
	if err := p.vm.catchUp(ctx); err != nil {
		return err
	}
	for b, _ := p.vm.pulse.read(); b.stopped; b, _ = p.vm.pulse.read() {
		if err := p.stopped(ctx); err != nil {
			return fmt.Errorf("the machine is stopped, and its guest has a key down until that is pressed again: %w", err)
		}
	}
	return nil
}

// halted reports whether the machine is stopped, if QEMU tells.
func (vm *VM) halted(ctx context.Context) bool {
	s, err := vm.runState(ctx)
	return err == nil && !s.Running
}

// drain waits until the keyboard is empty, or should be.
func (p *Pacer) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, drainLimit)
	defer cancel()
	p.idle, p.last, p.pause = 0, time.Now(), 0
	if p.arrive(ctx) != nil {
		p.arrived = true // the connection has ended: nothing more comes from there
	}
	for k := (idleKeyboard{p: p}); ; {
		if empty, err := k.look(ctx); empty || err != nil {
			return
		}
		if err := p.rest(ctx, true); err != nil {
			return
		}
	}
}
