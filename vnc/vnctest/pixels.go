package vnctest

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/draw"
)

// pixelFormat is a PIXEL_FORMAT, RFC 6143 section 7.4.
type pixelFormat struct {
	bits       byte
	bigEndian  bool
	trueColour bool
	max        [3]uint16 // red, green, blue
	shift      [3]byte
}

// native is the format of a client that has asked for none.
var native = pixelFormat{bits: 32, trueColour: true, max: [3]uint16{255, 255, 255}, shift: [3]byte{16, 8, 0}}

func parseFormat(b []byte) pixelFormat {
	f := pixelFormat{bits: b[0], bigEndian: b[2] != 0, trueColour: b[3] != 0}
	for i := range 3 {
		f.max[i] = binary.BigEndian.Uint16(b[4+2*i:])
		f.shift[i] = b[10+i] & 31
	}
	return f
}

func (f pixelFormat) bytes() []byte {
	b := []byte{f.bits, 24, 0, 1}
	for _, m := range f.max {
		b = binary.BigEndian.AppendUint16(b, m)
	}
	return append(append(b, f.shift[:]...), 0, 0, 0)
}

// appendPixels adds a rectangle of the picture, black where it has none.
func (f pixelFormat) appendPixels(b []byte, m *image.RGBA, r image.Rectangle) []byte {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			v := f.pixel(m, x, y)
			if f.bigEndian {
				b = binary.BigEndian.AppendUint32(b, v)
			} else {
				b = binary.LittleEndian.AppendUint32(b, v)
			}
		}
	}
	return b
}

func (f pixelFormat) pixel(m *image.RGBA, x, y int) uint32 {
	p := m.RGBAAt(x, y)
	var v uint32
	for i, part := range [3]uint8{p.R, p.G, p.B} {
		v |= uint32(part) * uint32(f.max[i]) / 255 << f.shift[i]
	}
	return v
}

// copyOf returns a copy of the picture with its corner at (0,0).
func copyOf(m image.Image) *image.RGBA {
	c := image.NewRGBA(image.Rectangle{Max: m.Bounds().Size()})
	draw.Draw(c, c.Rect, m, m.Bounds().Min, draw.Src)
	return c
}

// difference returns a rectangle that holds all pixels in which two pictures
// differ: whole rows of it.
func difference(a, b *image.RGBA) image.Rectangle {
	if a == b {
		return image.Rectangle{}
	}
	if a == nil || a.Rect != b.Rect {
		return b.Rect
	}
	var diff image.Rectangle
	for y := range b.Rect.Dy() {
		from, to := b.PixOffset(0, y), b.PixOffset(b.Rect.Max.X, y)
		if !bytes.Equal(a.Pix[from:to], b.Pix[from:to]) {
			diff = diff.Union(image.Rect(0, y, b.Rect.Max.X, y+1))
		}
	}
	return diff
}
