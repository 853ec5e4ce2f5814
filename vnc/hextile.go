package vnc

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"image"
	"io"
)

// Subencoding bits of a Hextile tile, RFC 6143 section 7.7.4.
const (
	tileRaw = 1 << iota
	tileBackground
	tileForeground
	tileSubrects
	tileColoured
)

// hextile decodes one rectangle; the colours last from tile to tile.
type hextile struct {
	in     *bufio.Reader
	m      *image.RGBA
	bg, fg uint32
}

// readHextile takes a rectangle in tiles of 16x16 pixels.
func readHextile(in *bufio.Reader, m *image.RGBA, r image.Rectangle) error {
	h := hextile{in: in, m: m, bg: swapPixel(0), fg: swapPixel(0)}
	for y := r.Min.Y; y < r.Max.Y; y += 16 {
		for x := r.Min.X; x < r.Max.X; x += 16 {
			if err := h.tile(image.Rect(x, y, x+16, y+16).Intersect(r)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (h *hextile) tile(r image.Rectangle) error {
	mask, err := h.in.ReadByte()
	if err != nil {
		return err
	}
	if mask&tileRaw != 0 {
		return readRaw(h.in, h.m, r)
	}
	if mask&tileBackground != 0 {
		if h.bg, err = h.colour(); err != nil {
			return err
		}
	}
	if mask&tileForeground != 0 {
		if h.fg, err = h.colour(); err != nil {
			return err
		}
	}
	fill(h.m, r, h.bg)
	if mask&tileSubrects == 0 {
		return nil
	}
	return h.subrects(r, mask&tileColoured != 0)
}

func (h *hextile) subrects(tile image.Rectangle, coloured bool) error {
	n, err := h.in.ReadByte()
	if err != nil {
		return err
	}
	for range n {
		colour := h.fg
		if coloured {
			if colour, err = h.colour(); err != nil {
				return err
			}
		}
		var b [2]byte
		if _, err := io.ReadFull(h.in, b[:]); err != nil {
			return err
		}
		at := tile.Min.Add(image.Pt(int(b[0]>>4), int(b[0]&15)))
		r := image.Rectangle{Min: at, Max: at.Add(image.Pt(int(b[1]>>4)+1, int(b[1]&15)+1))}
		if !r.In(tile) {
			return fmt.Errorf("the server sent a Hextile part at %v, outside of its tile at %v", r, tile)
		}
		fill(h.m, r, colour)
	}
	return nil
}

func (h *hextile) colour() (uint32, error) {
	var b [4]byte
	_, err := io.ReadFull(h.in, b[:])
	return swapPixel(binary.LittleEndian.Uint32(b[:])), err
}

// fill paints a rectangle, which is not empty, in one colour.
func fill(m *image.RGBA, r image.Rectangle, colour uint32) {
	start, n := m.PixOffset(r.Min.X, r.Min.Y), 4*r.Dx()
	first := m.Pix[start : start+n]
	for i := 0; i < n; i += 4 {
		binary.LittleEndian.PutUint32(first[i:], colour)
	}
	for y := 1; y < r.Dy(); y++ {
		copy(m.Pix[start+y*m.Stride:][:n], first)
	}
}
