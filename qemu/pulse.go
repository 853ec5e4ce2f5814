package qemu

import (
	"context"
	"sync"
)

// pulse is what the machine's events say about its processor, for those that
// must not act on a guest that has changed under them.
type pulse struct {
	mu      sync.Mutex
	now     beat
	changed chan struct{} // closed at the next change
}

// beat is a state of the processor.
type beat struct {
	resets  int // how often the machine was reset
	itself  int // how many of these were the guest's own doing
	stops   int // how often it was stopped
	stopped bool
	events  uint64 // how many events all this is known from
}

// read returns the state, and a channel that is closed when it changes.
func (p *pulse) read() (beat, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.changed == nil {
		p.changed = make(chan struct{})
	}
	return p.now, p.changed
}

func (p *pulse) update(change func(*beat)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.now)
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// follow takes note of an event of QMP.
func (p *pulse) follow(name string, guest bool) {
	p.update(func(b *beat) {
		b.events++
		switch name {
		case "RESET":
			b.resets++
			if guest {
				b.itself++
			}
		case "STOP":
			b.stops, b.stopped = b.stops+1, true
		case "RESUME":
			b.stopped = false
		}
	})
}

// catchUp returns when the pulse tells of all that has happened to the machine
// so far: an event may be on its way for long on a busy host.
func (vm *VM) catchUp(ctx context.Context) error {
	if err := vm.qmp.Execute(ctx, "query-name", nil, nil); err != nil {
		return err
	}
	for total := vm.events.Total(); ; {
		b, changed := vm.pulse.read()
		if b.events >= total {
			return nil
		}
		select {
		case <-changed:
		case <-vm.proc.done:
			return ErrNotRunning
		case <-ctx.Done():
			return ctxError(ctx)
		}
	}
}
