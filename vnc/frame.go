package vnc

import (
	"bytes"
	"context"
	"fmt"
	"image"
)

// Screen returns a copy of the newest complete frame. A frame is complete
// when every pixel of it has come since the guest last changed its
// resolution; until then the frame before it stays. Before the first frame
// it is black, and [Conn.Seq] is 0. It goes on to work after the connection
// has ended.
func (c *Conn) Screen() *image.RGBA {
	frame, _ := c.Frame()
	return &image.RGBA{Pix: bytes.Clone(frame.Pix), Stride: frame.Stride, Rect: frame.Rect}
}

// Frame returns the newest complete frame as [Conn.Screen] does, and its number,
// but no copy: all that ask before the next frame share the picture, which
// nobody may change, the connection included. It costs next to nothing as long
// as the screen is still, and memory for as long as somebody keeps it.
func (c *Conn) Frame() (frame *image.RGBA, seq uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lent = true
	return c.front, c.seq
}

// Size returns the size of the frame that [Conn.Screen] would return.
func (c *Conn) Size() (width, height int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.front.Rect.Dx(), c.front.Rect.Dy()
}

// Seq returns the number of the newest complete frame: it grows by one with
// each update of the screen, and is 0 before the first frame. It costs next
// to nothing.
func (c *Conn) Seq() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seq
}

// WaitUpdate returns the number of the newest frame as soon as it is larger
// than after. With 0 it waits for the first frame. It fails when the
// connection or the context ends.
func (c *Conn) WaitUpdate(ctx context.Context, after uint64) (seq uint64, err error) {
	err = c.wait(ctx, func() bool { seq = c.seq; return seq > after })
	if err != nil {
		return seq, fmt.Errorf("vnc: wait for a frame after number %d: %w", after, err)
	}
	return seq, nil
}

// resize begins a new framebuffer. The old frame stays to be seen until the
// new one is complete.
func (c *Conn) resize(width, height int) {
	if c.back != nil && c.back.Rect.Dx() == width && c.back.Rect.Dy() == height {
		return
	}
	c.back = blank(c.back, image.Rect(0, 0, width, height))
	c.dirty = image.Rectangle{}
	c.missing = width * height
}

// touch notes that the pixels of a rectangle have come. That a rectangle
// which comes twice counts twice is no harm: servers send a new framebuffer
// whole.
func (c *Conn) touch(r image.Rectangle) {
	c.dirty = c.dirty.Union(r)
	c.missing = max(0, c.missing-r.Dx()*r.Dy())
}

// publish makes what has come the newest frame, if it is complete. The
// reader decodes without holding c.mu, so that a slow server never makes
// [Conn.Screen] wait.
func (c *Conn) publish() {
	if c.dirty.Empty() {
		return
	}
	c.update(func() {
		c.pixels = true
		if c.missing > 0 {
			return
		}
		switch {
		case c.lent: // somebody may still look at it
			c.front = &image.RGBA{Pix: bytes.Clone(c.back.Pix), Stride: c.back.Stride, Rect: c.back.Rect}
			c.lent = false
		case c.front.Rect != c.back.Rect:
			c.front = blank(c.front, c.back.Rect)
			copy(c.front.Pix, c.back.Pix)
		default:
			copyRect(c.front, c.back, c.dirty)
		}
		c.seq++
	})
	if c.missing == 0 {
		c.dirty = image.Rectangle{}
	}
}

// copyRect copies a rectangle between two frames of the same size.
func copyRect(dst, src *image.RGBA, r image.Rectangle) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		from, to := src.PixOffset(r.Min.X, y), src.PixOffset(r.Max.X, y)
		copy(dst.Pix[from:to], src.Pix[from:to])
	}
}

// blank returns a black frame, in the memory of an old one if it is large
// enough, so that a server that changes its size all the time makes no
// garbage. A nil one has no memory.
func blank(old *image.RGBA, r image.Rectangle) *image.RGBA {
	n := 4 * r.Dx() * r.Dy()
	if old == nil || cap(old.Pix) < n {
		old = &image.RGBA{Pix: make([]uint8, n)}
	}
	m := &image.RGBA{Pix: old.Pix[:n], Stride: 4 * r.Dx(), Rect: r}
	clear(m.Pix)
	for i := 3; i < n; i += 4 {
		m.Pix[i] = 0xff // opaque, as a screen is
	}
	return m
}
