package qemu

import "context"

// ringFits returns how many of next the BIOS's ring has room for, where a BIOS
// has the keyboard and something else than its ring is watched: it takes keys
// from the keyboard whether or not the program reads them, and drops those for
// which the ring has no room.
func (p *Pacer) ringFits(ctx context.Context, next []Stroke) (int, error) {
	if !p.bios || p.mode == ModeBIOS {
		return len(next), nil
	}
	r, ok, err := p.vm.ringNow(ctx)
	if err != nil || !ok {
		return len(next), err
	}
	room := ringRoom - (r.tail-r.head+ringWords)%ringWords
	for _, s := range p.flying {
		room -= s.presses()
	}
	for n, s := range next {
		if room -= s.presses(); room < 0 && n == 0 {
			return 0, p.ringFull(ctx)
		} else if room < 0 {
			return n, nil
		}
	}
	return len(next), nil
}

// ringFull finds out whether the ring is still a BIOS's: what an operating system
// has left of it looks the same for ever.
func (p *Pacer) ringFull(ctx context.Context) error {
	p.seen = "the BIOS's ring is full"
	c, err := p.vm.cpu(ctx)
	p.bios = !c.kernel()
	return err
}

// presses returns how many keys go down, and so how many words a BIOS makes of
// the stroke at most.
func (s Stroke) presses() int {
	n := 0
	for _, k := range s {
		if k.Down {
			n++
		}
	}
	return n
}
