package vnc

import (
	"context"
	"fmt"
	"strings"
)

// LEDs are the lights of the guest's keyboard that are on.
type LEDs uint8

// The bits of QEMU's LED state.
const (
	ScrollLock LEDs = 1 << iota
	NumLock
	CapsLock
)

// String names the lights that are on, as in "NumLock+CapsLock", or says
// "none".
func (l LEDs) String() string {
	var names []string
	for i, name := range []string{"ScrollLock", "NumLock", "CapsLock"} {
		if l&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, "+")
}

// LEDs returns the lights of the guest's keyboard as the server last told
// them, and how often they have changed so far. Zero changes means that the
// server has told nothing yet; a server that is not QEMU may never do.
func (c *Conn) LEDs() (leds LEDs, changes uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leds, c.ledSeq
}

// WaitLEDs returns the lights as soon as they have changed more often than
// after, a number that LEDs or WaitLEDs has returned. The first time that
// the server tells them counts as a change, and its telling the same again
// does not. It fails when the connection or the context ends.
func (c *Conn) WaitLEDs(ctx context.Context, after uint64) (leds LEDs, changes uint64, err error) {
	err = c.wait(ctx, func() bool { leds, changes = c.leds, c.ledSeq; return changes > after })
	if err != nil {
		return leds, changes, fmt.Errorf("vnc: wait for the keyboard's lights to change: %w", err)
	}
	return leds, changes, nil
}

func (c *Conn) readLEDs() error {
	b, err := c.wire.in.ReadByte()
	if err != nil {
		return err
	}
	c.update(func() {
		if leds := LEDs(b & 7); c.ledSeq == 0 || leds != c.leds {
			c.leds = leds
			c.ledSeq++
		}
	})
	return nil
}
