package view

import (
	"bytes"
	"compress/lzw"
	"encoding/binary"
	"image"
	"image/gif"
	"io"
	"math/bits"
)

// gifWriter writes an animation picture by picture (GIF89a). Package image/gif
// wants all of them at once, which is a lot of memory.
type gifWriter struct {
	out io.Writer
	err error // the first
}

// newGIF begins an animation that is shown again and again.
func newGIF(out io.Writer, size image.Rectangle) *gifWriter {
	w := &gifWriter{out: out}
	head := le16([]byte("GIF89a"), size.Dx(), size.Dy())
	head = append(head, 0x70, 0, 0) // 8 bits a channel, no palette for all, square pixels
	head = append(head, "\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"...)
	w.write(head)
	return w
}

// add adds a picture, which stays under the next one, for some hundredths of a
// second. It has a palette of 1 to 256 colours.
func (w *gifWriter) add(img *image.Paletted, delay int) {
	depth := max(1, bits.Len(uint(len(img.Palette)-1)))
	head := append(le16([]byte{0x21, 0xf9, 4, gif.DisposalNone << 2}, delay), 0, 0)
	head = le16(append(head, 0x2c), img.Rect.Min.X, img.Rect.Min.Y, img.Rect.Dx(), img.Rect.Dy())
	head = append(head, 0x80|byte(depth-1))
	for i := range 1 << depth {
		if i >= len(img.Palette) {
			head = append(head, 0, 0, 0)
			continue
		}
		r, g, b, _ := img.Palette[i].RGBA()
		head = append(head, byte(r>>8), byte(g>>8), byte(b>>8))
	}
	w.write(head)
	w.pixels(img, max(2, depth))
}

// pixels writes the compressed pixels in pieces of at most 255 bytes.
func (w *gifWriter) pixels(img *image.Paletted, depth int) {
	var b bytes.Buffer
	packed := lzw.NewWriter(&b, lzw.LSB, depth)
	for y := range img.Rect.Dy() {
		_, _ = packed.Write(img.Pix[y*img.Stride:][:img.Rect.Dx()]) // a buffer takes all
	}
	_ = packed.Close()
	w.write([]byte{byte(depth)})
	for b.Len() > 0 {
		piece := b.Next(255)
		w.write([]byte{byte(len(piece))})
		w.write(piece)
	}
	w.write([]byte{0})
}

// end ends the animation, and returns the first error of writing it.
func (w *gifWriter) end() error {
	w.write([]byte{0x3b})
	return w.err
}

func (w *gifWriter) write(p []byte) {
	if w.err == nil {
		_, w.err = w.out.Write(p)
	}
}

func le16(b []byte, values ...int) []byte {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint16(b, uint16(v))
	}
	return b
}

// measured keeps what is written up to so many bytes, and counts the rest.
type measured struct {
	room, size int
	kept       bytes.Buffer
}

func (m *measured) Write(p []byte) (int, error) {
	if m.size += len(p); m.size <= m.room {
		m.kept.Write(p)
	}
	return len(p), nil
}
