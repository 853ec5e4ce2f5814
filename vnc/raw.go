package vnc

import (
	"encoding/binary"
	"fmt"
	"image"
	"io"
)

// readRaw takes rows of pixels straight into the frame.
func readRaw(in io.Reader, m *image.RGBA, r image.Rectangle) error {
	if r.Empty() {
		return nil
	}
	rows, height := 1, r.Dy()
	if r.Dx() == m.Rect.Dx() { // the rows are one piece
		rows, height = height, 1
	}
	for i := range height {
		start := m.PixOffset(r.Min.X, r.Min.Y+i)
		pix := m.Pix[start : start+4*r.Dx()*rows]
		if _, err := io.ReadFull(in, pix); err != nil {
			return err
		}
		swapPixels(pix)
	}
	return nil
}

// swapPixels turns pixels of the wire, which are blue, green, red and
// nothing, into those of an image.RGBA.
func swapPixels(pix []byte) {
	for ; len(pix) >= 8; pix = pix[8:] {
		v := binary.LittleEndian.Uint64(pix)
		v = v&0x0000ff000000ff00 | v&0x000000ff000000ff<<16 | v>>16&0x000000ff000000ff | 0xff000000ff000000
		binary.LittleEndian.PutUint64(pix, v)
	}
	if len(pix) >= 4 {
		binary.LittleEndian.PutUint32(pix, swapPixel(binary.LittleEndian.Uint32(pix)))
	}
}

func swapPixel(v uint32) uint32 {
	return v&0x0000ff00 | v&0xff<<16 | v>>16&0xff | 0xff000000
}

// readCopyRect moves pixels within the framebuffer.
func (c *Conn) readCopyRect(r image.Rectangle) error {
	b, err := c.take(4)
	if err != nil {
		return err
	}
	at := image.Pt(int(binary.BigEndian.Uint16(b)), int(binary.BigEndian.Uint16(b[2:])))
	from := image.Rectangle{Min: at, Max: at.Add(r.Size())}
	if !from.In(c.back.Rect) {
		return fmt.Errorf("the server copied pixels from %v, outside of its framebuffer of %v", from, c.back.Rect.Size())
	}
	if !r.Empty() {
		moveRect(c.back, r.Min, from)
	}
	return nil
}

// moveRect moves a rectangle of the frame, not an empty one, which may overlap
// its new place.
func moveRect(m *image.RGBA, to image.Point, from image.Rectangle) {
	n := 4 * from.Dx()
	for i := range from.Dy() {
		row := i
		if to.Y > from.Min.Y { // downwards: the last row first
			row = from.Dy() - 1 - i
		}
		src, dst := m.PixOffset(from.Min.X, from.Min.Y+row), m.PixOffset(to.X, to.Y+row)
		copy(m.Pix[dst:dst+n], m.Pix[src:src+n])
	}
}
