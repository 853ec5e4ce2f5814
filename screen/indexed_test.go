package screen_test

import (
	"image"
	"image/color"
	"math/rand/v2"
	"testing"

	"github.com/bootscribe/bootscribe/screen"
)

// A picture of few colours is the same with a palette, in memory that is used
// again; one of many is refused.
func TestIndex(t *testing.T) {
	noise := func(r image.Rectangle, colours int) *image.RGBA {
		img, source := image.NewRGBA(r), rand.New(rand.NewPCG(1, uint64(colours)))
		for i := range r.Dx() * r.Dy() {
			n := i % colours // each of them
			if i >= colours {
				n = source.IntN(colours)
			}
			img.SetRGBA(r.Min.X+i%r.Dx(), r.Min.Y+i/r.Dx(), color.RGBA{uint8(n), uint8(n >> 4), uint8(3 * n), 255})
		}
		return img
	}
	var dst image.Paletted
	for _, tt := range []struct {
		bounds  image.Rectangle
		colours int
		ok      bool
	}{
		{image.Rect(0, 0, 90, 70), 256, true},
		{image.Rect(3, 5, 40, 30), 2, true},
		{image.Rect(0, 0, 90, 70), 257, false},
		{image.Rect(0, 0, 16, 16), 256, true},
	} {
		img := noise(tt.bounds, tt.colours)
		if ok := screen.Index(&dst, img); ok != tt.ok {
			t.Errorf("%d colours: %v", tt.colours, ok)
		}
		if tt.ok && (dst.Rect != tt.bounds || len(dst.Palette) != tt.colours || !screen.Changed(img, &dst).Empty()) {
			t.Errorf("%d colours in %v: %d in %v, another at %v", tt.colours, tt.bounds, len(dst.Palette), dst.Rect, screen.Changed(img, &dst))
		}
	}
	large := noise(image.Rect(0, 0, 90, 70), 16)
	if n := testing.AllocsPerRun(5, func() { screen.Index(&dst, large) }); n > 40 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkIndex is a screen full of text.
func BenchmarkIndex(b *testing.B) {
	img := image.NewRGBA(image.Rect(0, 0, 1280, 800))
	for i := range img.Pix {
		img.Pix[i] = uint8(i / 4 % 3 * 80)
	}
	var dst image.Paletted
	for b.Loop() {
		screen.Index(&dst, img)
	}
}
