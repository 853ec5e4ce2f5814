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
	pixel, order := f.pixel, binary.AppendByteOrder(binary.LittleEndian)
	if f == native {
		pixel = nativePixel
	}
	if f.bigEndian {
		order = binary.BigEndian
	}
	for y := r.Min.Y; y < r.Max.Y; y++ {
		inside := image.Rect(r.Min.X, y, r.Max.X, y+1).Intersect(m.Rect)
		n := inside.Dx()
		var row []byte
		if n > 0 {
			row = m.Pix[m.PixOffset(inside.Min.X, y):][:4*n]
		}
		for ; len(row) >= 4; row = row[4:] {
			b = order.AppendUint32(b, pixel(row))
		}
		b = append(b, make([]byte, 4*(r.Dx()-n))...)
	}
	return b
}

func (f pixelFormat) pixel(p []byte) uint32 {
	var v uint32
	for i, part := range p[:3] {
		v |= uint32(part) * uint32(f.max[i]) / 255 << f.shift[i]
	}
	return v
}

func nativePixel(p []byte) uint32 { return uint32(p[0])<<16 | uint32(p[1])<<8 | uint32(p[2]) }

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
