package vnctest

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"image"
	"io"
	"net"
	"sync"
	"time"
)

// Encodings that the server knows, by their numbers in the RFB registry.
const (
	encRaw         = 0
	encDesktopSize = -223
	encExtKey      = -258
	encLED         = -261
)

// client is the server's side of one connection: one goroutine reads, the
// other writes, so that neither side can stall the other.
type client struct {
	s  *Server
	nc net.Conn
	in *bufio.Reader

	// All below is under s.mu; s.changed tells of changes.
	ended    bool
	format   pixelFormat
	encs     map[int32]bool
	acks     int         // SetEncodings not acknowledged yet
	tellLEDs bool        // SetEncodings asked for them
	leds     uint8       // as the client knows them
	wanted   bool        // an update was requested
	full     bool        // with all pixels
	shown    *image.RGBA // what the client has; nil at first
	size     image.Point // of the client's framebuffer
	keys     int         // events so far
}

func newClient(s *Server, nc net.Conn) *client {
	return &client{s: s, nc: nc, in: bufio.NewReader(nc), format: native}
}

func (c *client) run() {
	defer c.s.update(func() { delete(c.s.clients, c) })
	defer c.nc.Close()
	if c.handshake() != nil {
		return
	}
	var writer sync.WaitGroup
	writer.Go(c.write)
	for c.message() == nil {
	}
	c.s.update(func() { c.ended = true })
	c.nc.Close() // ends a write in progress
	writer.Wait()
}

// message reads and obeys one message of the client, RFC 6143 section 7.5.
func (c *client) message() error {
	kind, err := c.in.ReadByte()
	if err != nil {
		return err
	}
	switch kind {
	case 0:
		return c.setPixelFormat()
	case 2:
		return c.setEncodings()
	case 3:
		return c.updateRequest()
	case 4:
		return c.keyEvent()
	case 5:
		return c.pointerEvent()
	case 6:
		return c.cutText()
	case 255:
		return c.qemuMessage()
	}
	return fmt.Errorf("vnctest: client message %d", kind)
}

func (c *client) take(n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(c.in, b)
	return b, err
}

func (c *client) setPixelFormat() error {
	b, err := c.take(19)
	if err != nil {
		return err
	}
	format := parseFormat(b[3:])
	if format.bits != 32 || !format.trueColour {
		return fmt.Errorf("vnctest: %d bits a pixel; only 32 in true colour are served", format.bits)
	}
	c.s.update(func() { c.format, c.full = format, true })
	return nil
}

func (c *client) setEncodings() error {
	b, err := c.take(3)
	if err != nil {
		return err
	}
	list, err := c.take(4 * int(binary.BigEndian.Uint16(b[1:])))
	if err != nil {
		return err
	}
	encs := make(map[int32]bool)
	for ; len(list) > 0; list = list[4:] {
		encs[int32(binary.BigEndian.Uint32(list))] = true
	}
	c.s.update(func() {
		c.encs = encs
		if c.encs[encExtKey] && !c.s.cfg.Plain {
			c.acks++
		}
		c.tellLEDs = c.encs[encLED] && !c.s.cfg.Plain
	})
	return nil
}

func (c *client) updateRequest() error {
	b, err := c.take(9)
	if err != nil {
		return err
	}
	c.s.update(func() {
		c.wanted = true
		c.full = c.full || b[0] == 0
	})
	return nil
}

func (c *client) keyEvent() error {
	b, err := c.take(7)
	if err != nil {
		return err
	}
	return c.key(Key{Keysym: binary.BigEndian.Uint32(b[3:]), Down: b[0] != 0})
}

// qemuMessage reads an extended key event, the one message of QEMU's that
// the server offers.
func (c *client) qemuMessage() error {
	b, err := c.take(11)
	if err != nil {
		return err
	}
	if b[0] != 0 || c.s.cfg.Plain {
		return fmt.Errorf("vnctest: QEMU client message %d", b[0])
	}
	return c.key(Key{
		Down:     binary.BigEndian.Uint16(b[1:]) != 0,
		Keysym:   binary.BigEndian.Uint32(b[3:]),
		Code:     uint16(binary.BigEndian.Uint32(b[7:])),
		Extended: true,
	})
}

func (c *client) key(k Key) error {
	k.Time = time.Now()
	c.keys++
	c.s.update(func() { c.s.keys = append(c.s.keys, k) })
	if c.s.cfg.OnKey != nil {
		c.s.cfg.OnKey(c.s, k)
	}
	if c.keys == c.s.cfg.CloseAfter {
		return net.ErrClosed
	}
	return nil
}

func (c *client) pointerEvent() error {
	b, err := c.take(5)
	if err != nil {
		return err
	}
	p := Pointer{
		X: int(binary.BigEndian.Uint16(b[1:])), Y: int(binary.BigEndian.Uint16(b[3:])),
		Buttons: b[0], Time: time.Now(),
	}
	c.s.update(func() { c.s.pointers = append(c.s.pointers, p) })
	return nil
}

func (c *client) cutText() error {
	b, err := c.take(7)
	if err != nil {
		return err
	}
	_, err = io.CopyN(io.Discard, c.in, int64(binary.BigEndian.Uint32(b[3:])))
	return err
}
