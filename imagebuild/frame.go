package imagebuild

import (
	"bytes"
	"image"
	"iter"

	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/screen"
)

// frame is a picture of the screen whose rows, in the form of image.RGBA, can be
// gone through again and again: it need not be in memory.
type frame struct {
	size image.Point
	rows iter.Seq[[]byte]
}

func frameOf(img *image.RGBA) frame {
	return frame{img.Rect.Size(), func(yield func([]byte) bool) {
		for y := range img.Rect.Dy() {
			if !yield(img.Pix[y*img.Stride:][:4*img.Rect.Dx()]) {
				return
			}
		}
	}}
}

// dumped returns the frame in a dump, and where the error is if its rows cannot
// be read; they are black then.
func dumped(d *qemu.Dump) (frame, *error) {
	failed := new(error)
	row := bytes.Repeat([]byte{0, 0, 0, 0xff}, d.Size.X)
	return frame{d.Size, func(yield func([]byte) bool) {
		more := true
		err := d.Rows(func(rgb []byte) {
			for x := range d.Size.X {
				row[4*x], row[4*x+1], row[4*x+2] = rgb[3*x], rgb[3*x+1], rgb[3*x+2]
			}
			more = more && yield(row)
		})
		if err != nil {
			*failed = err
		}
	}}, failed
}

// picture returns a copy: a small one if there are few colours.
func (f frame) picture() image.Image {
	size := image.Rectangle{Max: f.size}
	small := new(image.Paletted)
	if screen.IndexRows(small, size, f.rows) {
		return small
	}
	small.Pix = nil
	large := image.NewRGBA(size)
	y := 0
	for row := range f.rows {
		y += copy(large.Pix[y:], row)
	}
	return large
}
