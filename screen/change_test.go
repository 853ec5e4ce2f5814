package screen_test

import (
	"image"
	"image/color"
	"runtime"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/screen"
)

func clone(m *image.RGBA) *image.RGBA {
	c := *m
	c.Pix = append([]uint8(nil), m.Pix...)
	return &c
}

func TestChanged(t *testing.T) {
	a := rgba(picture(t, "menu"))
	b := clone(a)
	if r := screen.Changed(a, b); !r.Empty() || screen.Hash(a) != screen.Hash(b) {
		t.Errorf("same pictures: %v", r)
	}
	b.SetRGBA(10, 20, color.RGBA{1, 2, 3, 255})
	b.SetRGBA(30, 25, color.RGBA{1, 2, 3, 255})
	if r := screen.Changed(a, b); r != image.Rect(10, 20, 31, 26) || screen.Hash(a) == screen.Hash(b) {
		t.Errorf("two pixels: %v", r)
	}
	if r := screen.Changed(nil, b); r != b.Rect {
		t.Errorf("nothing before: %v", r)
	}
	if r := screen.Changed(a.SubImage(image.Rect(0, 0, 9, 9)), b); r != b.Rect {
		t.Errorf("other size: %v", r)
	}
	part := image.Rect(5, 5, 15, 25)
	if r := screen.Changed(a.SubImage(part), b.SubImage(part)); r != image.Rect(10, 20, 11, 21) {
		t.Errorf("part: %v", r)
	}
}

// Frames are large: to compare them takes no memory of their size.
func TestChangedMemory(t *testing.T) {
	a := rgba(picture(t, "menu"))
	b := clone(a)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	screen.Changed(a, b)
	screen.Hash(a)
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > uint64(len(a.Pix))/20 {
		t.Errorf("%d bytes were allocated for two frames of %d", n, len(a.Pix))
	}
}

func TestSettled(t *testing.T) {
	a := rgba(picture(t, "menu"))
	cursor := clone(a)
	for x := range 8 {
		cursor.SetRGBA(x, 300, color.RGBA{255, 255, 255, 255})
	}
	other := clone(cursor)
	other.SetRGBA(700, 20, color.RGBA{1, 2, 3, 255})
	start := time.Unix(0, 0)
	s := screen.Settled{For: time.Second, Ignore: 16}
	for i, step := range []struct {
		m    *image.RGBA
		at   time.Duration
		want bool
	}{
		{a, 0, false},
		{cursor, 500 * time.Millisecond, false},
		{a, 999 * time.Millisecond, false},
		{cursor, time.Second, true},
		{other, 1100 * time.Millisecond, false},
		{other, 2000 * time.Millisecond, false},
		{other, 2100 * time.Millisecond, true},
	} {
		if got := s.See(step.m, start.Add(step.at)); got != step.want {
			t.Errorf("step %d: %v", i, got)
		}
	}
	if s.Since() != start.Add(1100*time.Millisecond) {
		t.Error("since", s.Since())
	}
}

func TestFindImage(t *testing.T) {
	m := rgba(picture(t, "ovmf-bootmanager"))
	place := image.Rect(24, 130, 170, 160)
	n := screen.Needle{Image: clone(m).SubImage(place)}
	if at, ok, err := screen.FindImage(m, n, image.Rectangle{}); !ok || err != nil || at != place {
		t.Errorf("found %v %v %v", at, ok, err)
	}
	if _, ok, _ := screen.FindImage(m, n, image.Rect(0, 0, 640, 150)); ok {
		t.Error("found outside the region")
	}
	faded := clone(m)
	for i := range faded.Pix {
		faded.Pix[i] = uint8(int(faded.Pix[i]) * 9 / 10)
	}
	if _, ok, _ := screen.FindImage(faded, n, image.Rectangle{}); ok {
		t.Error("found what differs without tolerance")
	}
	n.Tolerance = 26
	if at, ok, _ := screen.FindImage(faded, n, image.Rectangle{}); !ok || at != place {
		t.Errorf("with tolerance: %v %v", at, ok)
	}

	// A tenth of the needle is another picture, or transparent.
	changed := clone(m)
	for y := 130; y < 133; y++ {
		for x := 24; x < 170; x++ {
			changed.SetRGBA(x, y, color.RGBA{0, 255, 0, 255})
		}
	}
	if _, ok, _ := screen.FindImage(changed, n, image.Rectangle{}); ok {
		t.Error("found what differs in a tenth")
	}
	n.Wrong = 0.1
	if at, ok, _ := screen.FindImage(changed, n, image.Rectangle{}); !ok || at != place {
		t.Errorf("with a tenth wrong: %v %v", at, ok)
	}
	mask := clone(m)
	for y := 130; y < 133; y++ {
		for x := 24; x < 170; x++ {
			mask.SetRGBA(x, y, color.RGBA{})
		}
	}
	if at, ok, _ := screen.FindImage(changed, screen.Needle{Image: mask.SubImage(place)}, image.Rectangle{}); !ok || at != place {
		t.Errorf("masked: %v %v", at, ok)
	}
	for _, bad := range []image.Image{nil, image.NewRGBA(image.Rectangle{}), image.NewRGBA(image.Rect(0, 0, 3, 3))} {
		if _, _, err := screen.FindImage(m, screen.Needle{Image: bad}, image.Rectangle{}); err == nil {
			t.Errorf("%T: no error", bad)
		}
	}
}
