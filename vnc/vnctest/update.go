package vnctest

import (
	"encoding/binary"
	"image"
)

// write is the goroutine that sends what the client does not know yet.
func (c *client) write() {
	for {
		c.s.mu.Lock()
		ended, changed, msg := c.ended, c.s.changed, c.news()
		c.s.mu.Unlock()
		if ended {
			return
		}
		if msg == nil {
			<-changed
			continue
		}
		if _, err := c.nc.Write(msg); err != nil {
			c.nc.Close() // ends the reader, which ends this
		}
	}
}

// news returns a FramebufferUpdate with all that the client should be told
// now, or nil. The caller holds c.s.mu.
func (c *client) news() []byte {
	var rects [][]byte
	for ; c.acks > 0; c.acks-- {
		rects = append(rects, appendRect(nil, image.Rectangle{}, encExtKey))
	}
	if c.tellLEDs || c.leds != c.s.leds && c.encs[encLED] && !c.s.cfg.Plain {
		c.tellLEDs, c.leds = false, c.s.leds
		rects = append(rects, append(appendRect(nil, image.Rectangle{}, encLED), c.leds))
	}
	if c.wanted {
		rects = append(rects, c.pixelNews()...)
	}
	if len(rects) == 0 {
		return nil
	}
	msg := binary.BigEndian.AppendUint16([]byte{0, 0}, uint16(len(rects)))
	for _, r := range rects {
		msg = append(msg, r...)
	}
	return msg
}

// pixelNews answers the client's request: a new size, as QEMU does it, in an
// update of its own, or the pixels that have changed.
func (c *client) pixelNews() [][]byte {
	m := c.s.screen
	size := m.Rect.Size()
	if size != c.size && c.encs[encDesktopSize] {
		c.size, c.full, c.wanted = size, true, false
		return [][]byte{appendRect(nil, m.Rect, encDesktopSize)}
	}
	r := difference(c.shown, m)
	if c.full || c.shown == nil {
		r = image.Rectangle{Max: c.size}
	}
	r = r.Intersect(image.Rectangle{Max: c.size})
	c.shown = m
	if r.Empty() {
		return nil
	}
	c.full, c.wanted = false, false
	b := make([]byte, 0, 12+4*r.Dx()*r.Dy())
	return [][]byte{c.format.appendPixels(appendRect(b, r, encRaw), m, r)}
}

// appendRect adds the head of a rectangle.
func appendRect(b []byte, r image.Rectangle, encoding int32) []byte {
	return binary.BigEndian.AppendUint32(appendSize(b, r), uint32(encoding))
}

// appendSize adds the place and the size of a rectangle.
func appendSize(b []byte, r image.Rectangle) []byte {
	for _, v := range []int{r.Min.X, r.Min.Y, r.Dx(), r.Dy()} {
		b = binary.BigEndian.AppendUint16(b, uint16(v))
	}
	return b
}
