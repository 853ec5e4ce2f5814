package vnc

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"weak"
)

// Screen returns a copy of the newest complete frame. A frame is complete
// when every pixel of it has come since the guest last changed its
// resolution; until then the frame before it stays. Before the first frame
// it is black, and [Conn.Seq] is 0. It goes on to work after the connection
// has ended.
func (c *Conn) Screen() (own *image.RGBA) {
	c.Look(func(frame *image.RGBA, _ uint64) {
		own = &image.RGBA{Pix: bytes.Clone(frame.Pix), Stride: frame.Stride, Rect: frame.Rect}
	})
	return own
}

// Frame returns the newest complete frame as [Conn.Screen] does, and its number,
// but no copy: all that ask before the next frame share the picture, which
// nobody may change, the connection included. It costs next to nothing as long
// as the screen is still, and then the memory of a frame; [Conn.Look] has less.
func (c *Conn) Frame() (frame *image.RGBA, seq uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lent = true
	return c.front, c.seq
}

// Look calls see with the newest complete frame and its number. The picture is
// nobody's to change, and good until see returns: its memory is used again. The
// connection goes on meanwhile. Several goroutines may look at once.
func (c *Conn) Look(see func(frame *image.RGBA, seq uint64)) {
	c.mu.Lock()
	frame, seq := c.front, c.seq
	if c.lookers == nil {
		c.lookers = map[*image.RGBA]int{}
	}
	c.lookers[frame]++
	c.mu.Unlock()
	defer c.looked(frame)
	see(frame, seq)
}

// looked ends a look at a frame.
func (c *Conn) looked(frame *image.RGBA) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lookers[frame]--; c.lookers[frame] > 0 {
		return
	}
	delete(c.lookers, frame)
	if frame != c.front && !c.kept[frame] {
		c.spare = weak.Make(frame)
	}
	delete(c.kept, frame)
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
		c.advance()
		c.seq++
	})
	if c.missing == 0 {
		c.dirty = image.Rectangle{}
	}
}

// advance makes the newest frame of what has come, in the memory of the last one
// unless somebody may still look at that. The caller holds c.mu.
func (c *Conn) advance() {
	looked := c.lookers[c.front] > 0
	if !looked && !c.lent && c.front.Rect == c.back.Rect {
		copyRect(c.front, c.back, c.dirty)
		return
	}
	var pix []uint8
	if !looked && !c.lent {
		pix = c.front.Pix
	} else if spare := c.spare.Value(); spare != nil {
		pix = spare.Pix
	}
	if looked && c.lent { // it is not free when nobody looks any more
		if c.kept == nil {
			c.kept = map[*image.RGBA]bool{}
		}
		c.kept[c.front] = true
	}
	c.spare, c.lent = weak.Pointer[image.RGBA]{}, false
	c.front = &image.RGBA{Pix: append(pix[:0], c.back.Pix...), Stride: c.back.Stride, Rect: c.back.Rect}
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
