package screen

import (
	"image"
	"iter"
)

// Index makes dst the same picture as src with a palette of src's own colours,
// in a quarter of the memory, and in that which dst has if it is enough. It
// reports whether there are at most 256 colours; if not, dst holds anything.
// Nearly all screens of boot loaders, firmware and text installers have a few.
// Every pixel is taken as opaque, as those of a screen are.
func Index(dst *image.Paletted, src *image.RGBA) bool {
	return IndexRows(dst, src.Rect, func(yield func([]byte) bool) {
		for y := range src.Rect.Dy() {
			if !yield(src.Pix[y*src.Stride:][:4*src.Rect.Dx()]) {
				return
			}
		}
	})
}

// IndexRows is [Index] for a picture of some size whose rows come one by one,
// from the top, in the form of [image.RGBA].
func IndexRows(dst *image.Paletted, size image.Rectangle, rows iter.Seq[[]byte]) bool {
	width, height := size.Dx(), size.Dy()
	if n := width * height; cap(dst.Pix) < n {
		dst.Pix = make([]uint8, n)
	} else {
		dst.Pix = dst.Pix[:n]
	}
	dst.Stride, dst.Rect, dst.Palette = width, size, dst.Palette[:0]
	colours, y := colourIndex{all: map[uint32]uint8{}}, 0
	for row := range rows {
		if !colours.row(dst.Pix[y*width:][:width], row) {
			return false
		}
		y++
	}
	for _, c := range colours.list {
		dst.Palette = append(dst.Palette, rgba(c))
	}
	return true
}

// colourIndex numbers colours in the order in which they come.
type colourIndex struct {
	all  map[uint32]uint8
	list []uint32
	// near has the colours met last, one for each of some of their bits: most
	// pixels are found here.
	near [64]struct {
		colour uint32 // with met set, so that the zero one is no colour
		number uint8
	}
}

// met is set in every colour that has been met.
const met = 1 << 24

// row numbers the pixels of a row; false if there are too many colours.
func (x *colourIndex) row(to, from []uint8) bool {
	last, at := uint32(0), uint8(0)
	for i := range to {
		p := from[4*i : 4*i+4 : 4*i+4]
		c := met | uint32(p[0])<<16 | uint32(p[1])<<8 | uint32(p[2])
		if c != last {
			near := &x.near[c*0x9E3779B1>>26]
			if near.colour != c {
				n, ok := x.number(c)
				if !ok {
					return false
				}
				near.colour, near.number = c, n
			}
			last, at = c, near.number
		}
		to[i] = at
	}
	return true
}

func (x *colourIndex) number(c uint32) (n uint8, ok bool) {
	if n, ok = x.all[c]; ok {
		return n, true
	}
	if len(x.list) == 256 {
		return 0, false
	}
	n = uint8(len(x.list))
	x.all[c] = n
	x.list = append(x.list, c)
	return n, true
}
