package view

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"weak"
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

// png writes a picture as PNG. Most screens of an installation have few colours,
// and are a fraction of the size with a palette of them.
func (e *encoder) png(img *image.RGBA, level png.CompressionLevel) ([]byte, error) {
	if p := e.paletted(img); p != nil {
		return e.write(p, level)
	}
	return e.write(img, level)
}

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
	if out == nil || cap(out.Pix) < img.Rect.Dx()*img.Rect.Dy() {
		out = image.NewPaletted(img.Rect, nil)
		e.palette = weak.Make(out)
	}
	out.Pix, out.Stride, out.Rect, out.Palette = out.Pix[:img.Rect.Dx()*img.Rect.Dy()], img.Rect.Dx(), img.Rect, out.Palette[:0]
	if !fill(out, img) {
		return nil
	}
	return out
}

// paletted returns the picture with a palette, or nil if it has more than 256
// colours.
func paletted(img *image.RGBA) *image.Paletted {
	out := image.NewPaletted(img.Rect, nil)
	if !fill(out, img) {
		return nil
	}
	return out
}

// fill copies a picture into one of the same size whose palette is empty, and
// reports whether its colours fit into that. It takes every picture as opaque,
// as a screen is.
func fill(out *image.Paletted, img *image.RGBA) bool {
	bounds := img.Bounds()
	index := map[uint32]uint8{}
	last, at := uint32(1)<<24, uint8(0) // no colour is like that
	for y := range bounds.Dy() {
		from := img.Pix[y*img.Stride:][:4*bounds.Dx()]
		to := out.Pix[y*out.Stride:][:bounds.Dx()]
		for x := range to {
			c := uint32(from[4*x])<<16 | uint32(from[4*x+1])<<8 | uint32(from[4*x+2])
			if c != last {
				i, ok := index[c]
				if !ok {
					if len(index) == 256 {
						return false
					}
					i = uint8(len(index))
					index[c] = i
					out.Palette = append(out.Palette, color.RGBA{uint8(c >> 16), uint8(c >> 8), uint8(c), 0xff})
				}
				last, at = c, i
			}
			to[x] = at
		}
	}
	return true
}
