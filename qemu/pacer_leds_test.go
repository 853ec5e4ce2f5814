package qemu

import (
	"context"
	"testing"
)

// lamp is a guest that shows Num Lock at once.
type lamp struct {
	leds    uint8
	changes uint64
	waits   int // for which nothing had changed
}

func (l *lamp) send(keys []Key) error {
	for _, k := range keys {
		if k.Code == codeNumLock && k.Down {
			l.leds ^= ledNumLock
			l.changes++
		}
	}
	return nil
}

func (l *lamp) wait(ctx context.Context, after uint64) (uint8, uint64, error) {
	if l.changes == after {
		l.waits++
		<-ctx.Done()
		return 0, 0, ctx.Err()
	}
	return l.leds, l.changes, nil
}

// The first light that comes ends the probe: nobody waits for another.
func TestLEDProbe(t *testing.T) {
	t.Parallel()
	l := &lamp{}
	p := &Pacer{c: PacerConfig{Send: l.send, LEDs: func() (uint8, uint64) { return l.leds, l.changes }, WaitLEDs: l.wait}}
	w, err := newLEDWay(soon(t), p, acceptance{})
	if err != nil {
		t.Fatal(err)
	}
	if l.waits > 0 || !w.sure || l.changes != 1 {
		t.Errorf("%d waits in vain, sure %v, %d changes", l.waits, w.sure, l.changes)
	}
}
