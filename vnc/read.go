package vnc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"os"
	"time"
)

// read is the connection's goroutine: it takes the server's messages until
// the connection ends.
func (c *Conn) read() {
	defer close(c.ended)
	for {
		if err := c.readMessage(); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				err = fmt.Errorf("the server began a message and did not end it within %v (Config.Stall): %w", c.cfg.Stall, err)
			}
			c.fail(ended(err))
			return
		}
	}
}

// readMessage takes one message, RFC 6143 section 7.6.
func (c *Conn) readMessage() error {
	c.nc.SetReadDeadline(time.Time{}) // silence between messages is no fault
	kind, err := c.wire.in.ReadByte()
	if err != nil {
		return err
	}
	c.nc.SetReadDeadline(c.cfg.deadline())
	switch kind {
	case 0:
		return c.readUpdate()
	case 1: // SetColourMapEntries, without a meaning in true colour
		return c.skip(5, func(head []byte) uint32 { return 6 * uint32(binary.BigEndian.Uint16(head[3:])) })
	case 2: // Bell
		return nil
	case 3: // ServerCutText
		return c.skip(7, func(head []byte) uint32 { return binary.BigEndian.Uint32(head[3:]) })
	}
	return fmt.Errorf("the server sent a message of type %d, which was not asked for", kind)
}

// skip takes a message that does not matter here: a head, and as many bytes
// as it says.
func (c *Conn) skip(head int, length func([]byte) uint32) error {
	b, err := c.take(head)
	if err != nil {
		return err
	}
	n := length(b)
	if n > maxCutText {
		return fmt.Errorf("the server announces a text of %d bytes; at most %d are accepted", n, maxCutText)
	}
	_, err = c.wire.in.Discard(int(n))
	return err
}

// take reads n bytes that are good until the next read; n is small.
func (c *Conn) take(n int) ([]byte, error) {
	b, err := c.wire.in.Peek(n)
	if err != nil {
		return nil, err
	}
	_, err = c.wire.in.Discard(n)
	return b, err
}

// readUpdate takes a FramebufferUpdate and asks for the next one. After a
// resize it asks for the whole screen, whatever the server would send by
// itself, so that there is a complete frame soon.
func (c *Conn) readUpdate() error {
	head, err := c.take(3)
	if err != nil {
		return err
	}
	size := c.back.Rect
	for n := binary.BigEndian.Uint16(head[1:]); n > 0; n-- {
		if err := c.cause(); err != nil { // Close does not wait for the rest
			return err
		}
		if err := c.readRect(); err != nil {
			return err
		}
	}
	c.publish()
	return c.tell(func() error { return c.request(c.back.Rect == size, c.back.Rect.Size()) })
}

// readRect takes one rectangle, which may be a pseudo-rectangle that says
// something else.
func (c *Conn) readRect() error {
	b, err := c.take(12)
	if err != nil {
		return err
	}
	x, y := int(binary.BigEndian.Uint16(b)), int(binary.BigEndian.Uint16(b[2:]))
	w, h := int(binary.BigEndian.Uint16(b[4:])), int(binary.BigEndian.Uint16(b[6:]))
	switch enc := int32(binary.BigEndian.Uint32(b[8:])); enc {
	case encRaw, encCopyRect, encHextile:
		return c.readPixels(enc, image.Rect(x, y, x+w, y+h))
	case encDesktopSize:
		return c.readSize(w, h)
	case encExtSize:
		return c.readExtSize(y, w, h)
	case encExtKey:
		c.update(func() { c.acked++ })
		return nil
	case encLED:
		return c.readLEDs()
	default:
		return fmt.Errorf("the server used encoding %d, which was not asked for", enc)
	}
}

// readPixels takes a rectangle of pixels into the back frame.
func (c *Conn) readPixels(enc int32, r image.Rectangle) error {
	if !r.In(c.back.Rect) { // an empty one is in every other
		return fmt.Errorf("the server sent pixels at %v, outside of its framebuffer of %v", r, c.back.Rect.Size())
	}
	var err error
	switch enc {
	case encRaw:
		err = readRaw(c.wire.in, c.back, r)
	case encCopyRect:
		err = c.readCopyRect(r)
	case encHextile:
		err = readHextile(c.wire.in, c.back, r)
	}
	if err != nil {
		return err
	}
	c.touch(r)
	return nil
}

func (c *Conn) readSize(w, h int) error {
	if err := c.cfg.checkSize(w, h); err != nil {
		return err
	}
	c.resize(w, h)
	return nil
}

// readExtSize takes an ExtendedDesktopSize: the layout of the screens, which
// does not matter, and the size, which counts unless the rectangle tells a
// client of a request that failed.
func (c *Conn) readExtSize(status, w, h int) error {
	b, err := c.take(4)
	if err != nil {
		return err
	}
	if _, err := c.wire.in.Discard(16 * int(b[0])); err != nil {
		return err
	}
	if status != 0 {
		return nil
	}
	return c.readSize(w, h)
}
