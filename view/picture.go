package view

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
	"weak"

	"github.com/bootscribe/bootscribe/screen"
)

// encoder writes pictures. The memory that it works in is some MiB for large
// ones, and the garbage collector may have it back in between. The zero encoder
// is ready. One picture at a time.
type encoder struct {
	palette weak.Pointer[image.Paletted]
	buffer  weak.Pointer[png.EncoderBuffer]
}

// Get and Put are for package png.
func (e *encoder) Get() *png.EncoderBuffer  { return e.buffer.Value() }
func (e *encoder) Put(b *png.EncoderBuffer) { e.buffer = weak.Make(b) }

// write writes a picture as PNG. Most screens of an installation have few colours,
// and are a fraction of the size with a palette of them.
func (e *encoder) write(img image.Image, level png.CompressionLevel) ([]byte, error) {
	var b bytes.Buffer
	err := (&png.Encoder{CompressionLevel: level, BufferPool: e}).Encode(&b, img)
	return b.Bytes(), err
}

// quickly writes a picture for someone who is watching: exactly where that is
// quick, and else as JPEG.
func (e *encoder) quickly(img *image.RGBA) (data []byte, mime string, err error) {
	if p := e.paletted(img); p != nil {
		data, err := e.write(p, png.BestSpeed)
		return data, "image/png", err
	}
	var b bytes.Buffer
	err = jpeg.Encode(&b, img, &jpeg.Options{Quality: 80})
	return b.Bytes(), "image/jpeg", err
}

// paletted is the function of that name with memory that is there.
func (e *encoder) paletted(img *image.RGBA) *image.Paletted {
	out := e.palette.Value()
	if out == nil {
		out = new(image.Paletted)
		e.palette = weak.Make(out)
	}
	if !screen.Index(out, img) {
		return nil
	}
	return out
}

// paletted returns the picture with a palette, or nil if it has more than 256
// colours.
func paletted(img *image.RGBA) *image.Paletted {
	out := new(image.Paletted)
	if !screen.Index(out, img) {
		return nil
	}
	return out
}
