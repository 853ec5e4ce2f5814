package imagebuild

import (
	"hash/maphash"
	"image"
	"image/color"
	"testing"
)

func TestTiles(t *testing.T) {
	seed := maphash.MakeSeed()
	a := image.NewRGBA(image.Rect(0, 0, 100, 40)) // neither side is a multiple of 16
	of := func(change ...image.Point) tiles {
		b := image.NewRGBA(a.Rect)
		for _, p := range change {
			b.SetRGBA(p.X, p.Y, color.RGBA{1, 2, 3, 255})
		}
		return newTiles(seed, frameOf(b))
	}
	before := newTiles(seed, frameOf(a))
	if now := of(); !before.equal(now) || !before.changed(now).Empty() {
		t.Error("the same pictures differ")
	}
	for _, tt := range []struct {
		change []image.Point
		want   image.Rectangle
	}{
		{[]image.Point{{0, 0}}, image.Rect(0, 0, 16, 16)},
		{[]image.Point{{99, 39}}, image.Rect(96, 32, 112, 48)},
		{[]image.Point{{15, 15}, {16, 16}}, image.Rect(0, 0, 32, 32)},
	} {
		now := of(tt.change...)
		if got := before.changed(now); got != tt.want || before.equal(now) {
			t.Errorf("%v: %v, want %v", tt.change, got, tt.want)
		}
	}
	if other := newTiles(seed, frameOf(image.NewRGBA(image.Rect(0, 0, 40, 100)))); before.equal(other) || before.changed(other) != image.Rect(0, 0, 40, 100) {
		t.Error("pictures of other sizes are the same")
	}
}
