package vnc

import (
	"context"
	"encoding/binary"
	"fmt"

	govnc "github.com/mitchellh/go-vnc"
)

// KeyEvent is a key that goes down or up.
type KeyEvent struct {
	// Keysym is the X Window System's number of what the key means, for
	// example 'a' or 0xff0d for Enter. Servers without extended key events
	// see only this, and derive the key from it.
	Keysym uint32

	// Code is the physical key: its scan code in set 1, with 0x80 added for
	// keys whose scan code has the prefix 0xe0, as QEMU numbers them. 0xe0xx
	// is taken for the same. Examples are 0x1e for the key marked A on a US
	// keyboard and 0x9d, or 0xe01d, for the right Control key. Zero means
	// that the key is known by its keysym only.
	Code uint16

	// Down is true when the key goes down and false when it goes up.
	Down bool
}

// Key sends one key event; see [KeyEvent] for its parts. It returns when the
// event is written, which does not mean that the guest, or even the server,
// has taken it: see [Conn.Fence].
func (c *Conn) Key(keysym uint32, code uint16, down bool) error {
	return c.Keys(KeyEvent{Keysym: keysym, Code: code, Down: down})
}

// Keys sends several key events in one write, with nothing in between, so
// that the server finds them together. If one of them cannot be sent to this
// server, none is. Any other failure means that the connection has ended,
// and that the server has all of the events, or a first part, or none.
func (c *Conn) Keys(events ...KeyEvent) error {
	if len(events) == 0 {
		return nil
	}
	extended := c.ExtendedKeys()
	err := c.send(func() error {
		for i, e := range events {
			if err := c.writeKey(e, extended); err != nil {
				return fmt.Errorf("event %d: %w", i, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("vnc: send %d key events: %w", len(events), err)
	}
	c.mu.Lock()
	c.keys += uint64(len(events))
	c.mu.Unlock()
	return nil
}

// KeysSent returns how many key events have been written since the
// connection was opened, so that one that broke can say how far it got.
func (c *Conn) KeysSent() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.keys
}

// ExtendedKeys reports whether the server takes QEMU's extended key events.
// Without them the server finds the key by its keysym, in a layout of its
// own. It is known when the connection opens.
func (c *Conn) ExtendedKeys() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.acked > 0
}

// writeKey gathers a key event. The extended one is of QEMU's own: message
// 255, submessage 0, u16 down, u32 keysym, u32 scan code.
func (c *Conn) writeKey(e KeyEvent, extended bool) error {
	if !extended || e.Code == 0 {
		if e.Keysym == 0 {
			return fmt.Errorf("key %#x has no keysym, and the server takes only keysyms here: set KeyEvent.Keysym", e.Code)
		}
		return c.gv.KeyEvent(e.Keysym, e.Down)
	}
	code, err := qemuCode(e.Code)
	if err != nil {
		return err
	}
	b := [12]byte{0: 255, 1: 0}
	if e.Down {
		b[3] = 1
	}
	binary.BigEndian.PutUint32(b[4:], e.Keysym)
	binary.BigEndian.PutUint32(b[8:], uint32(code))
	_, err = c.wire.Write(b[:])
	return err
}

// qemuCode is the scan code as QEMU numbers it.
func qemuCode(code uint16) (uint16, error) {
	switch {
	case code < 0x100:
		return code, nil
	case code>>8 == 0xe0 && code&0x80 == 0:
		return code&0xff | 0x80, nil
	}
	return 0, fmt.Errorf("key %#x is no scan code: use 0x01 to 0xff, or 0xe001 to 0xe07f", code)
}

// Pointer moves the pointer to a pixel of the screen and says which buttons
// are down: bit 0 is the left one, 1 the middle, 2 the right, 3 and 4 the
// wheel up and down.
func (c *Conn) Pointer(x, y int, buttons uint8) error {
	w, h := c.Size()
	if x < 0 || y < 0 || x >= w || y >= h {
		return fmt.Errorf("vnc: pointer: (%d,%d) is not on the screen of %dx%d pixels", x, y, w, h)
	}
	err := c.send(func() error {
		return c.gv.PointerEvent(govnc.ButtonMask(buttons), uint16(x), uint16(y))
	})
	if err != nil {
		return fmt.Errorf("vnc: pointer: %w", err)
	}
	return nil
}

// Fence returns when the server has read all that was sent before it, which
// takes about 40 microseconds with QEMU on the same machine. With QEMU's
// option key-delay-ms=0 the keys are then in the queue of the guest's
// keyboard; whether the guest has taken them is not known.
//
// Where the server offers no fence the error is [ErrNoFence], at once.
// Servers other than QEMU may acknowledge only the first fence of a
// connection, which is used up when it is opened: give a context that ends.
func (c *Conn) Fence(ctx context.Context) error {
	if !c.ExtendedKeys() {
		return fmt.Errorf("vnc: fence: %w", ErrNoFence)
	}
	var mine uint64
	err := c.send(func() error {
		err := c.writeEncodings()
		c.mu.Lock()
		mine = c.asked
		c.mu.Unlock()
		return err
	})
	if err == nil {
		err = c.wait(ctx, func() bool { return c.acked >= mine })
	}
	if err != nil {
		return fmt.Errorf("vnc: fence: %w", err)
	}
	return nil
}
