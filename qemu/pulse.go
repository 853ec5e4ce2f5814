package qemu

import "sync"

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
	switch name {
	case "RESET":
		p.update(func(b *beat) {
			b.resets++
			if guest {
				b.itself++
			}
		})
	case "STOP":
		p.update(func(b *beat) { b.stops, b.stopped = b.stops+1, true })
	case "RESUME":
		p.update(func(b *beat) { b.stopped = false })
	}
}
