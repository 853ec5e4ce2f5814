package view

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
)

// encodePNG writes a picture as PNG. Most screens of an installation have few
// colours, and are a fraction of the size with a palette of them.
func encodePNG(img *image.RGBA, level png.CompressionLevel) ([]byte, error) {
	var picture image.Image = img
	if p := paletted(img); p != nil {
		picture = p
	}
	var b bytes.Buffer
	err := (&png.Encoder{CompressionLevel: level}).Encode(&b, picture)
	return b.Bytes(), err
}

// encodeQuickly writes a picture for someone who is watching: exactly where that
// is quick, and else as JPEG.
func encodeQuickly(img *image.RGBA) (data []byte, mime string, err error) {
	var b bytes.Buffer
	if p := paletted(img); p != nil {
		err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, p)
		return b.Bytes(), "image/png", err
	}
	err = jpeg.Encode(&b, img, &jpeg.Options{Quality: 80})
	return b.Bytes(), "image/jpeg", err
}

// paletted returns the picture with a palette, or nil if it has more than 256
// colours. It takes every picture as opaque, as a screen is.
func paletted(img *image.RGBA) *image.Paletted {
	bounds := img.Bounds()
	out := image.NewPaletted(bounds, nil)
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
						return nil
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
	return out
}
