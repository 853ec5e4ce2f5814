package screen

import (
	"image"
	"time"
)

// Hash returns a number that is the same for pictures of the same size with
// the same pixels, and practically never for others. It takes about a
// millisecond for a million pixels of an *image.RGBA.
func Hash(img image.Image) uint64 {
	size := img.Bounds().Size()
	h := (uint64(hashSeed) ^ uint64(size.X)<<32 ^ uint64(size.Y)) * hashPrime
	fill, row := rowsOf(img), make([]uint32, size.X)
	for y := range size.Y {
		fill(row, y)
		for _, c := range row {
			h = (h ^ uint64(c)) * hashPrime
			h ^= h >> 32
		}
	}
	return h
}

// Changed returns the smallest rectangle that holds every pixel in which two
// pictures differ, in b's coordinates; it is empty if there is none. Of
// pictures of different sizes it is all of b.
func Changed(a, b image.Image) image.Rectangle {
	if a == nil || a.Bounds().Size() != b.Bounds().Size() {
		return b.Bounds()
	}
	size := b.Bounds().Size()
	fillA, fillB := rowsOf(a), rowsOf(b)
	rowA, rowB := make([]uint32, size.X), make([]uint32, size.X)
	var r image.Rectangle
	for y := range size.Y {
		fillA(rowA, y)
		fillB(rowB, y)
		if from, to := differing(rowA, rowB); from < to {
			r = r.Union(image.Rect(from, y, to, y+1))
		}
	}
	return r.Add(b.Bounds().Min)
}

// differing returns the part of two rows in which they differ.
func differing(a, b []uint32) (from, to int) {
	for from < len(a) && a[from] == b[from] {
		from++
	}
	for to = len(a); to > from && a[to-1] == b[to-1]; to-- {
	}
	return from, to
}

// Settled tells when a screen has come to rest. Give every picture to See. The
// zero Settled waits for nothing but two equal pictures; it must not be used by
// several goroutines at once.
type Settled struct {
	// For is how long the screen must not change.
	For time.Duration
	// Ignore is the number of pixels that may change all the same, for
	// instance those of a blinking cursor: the largest rectangle around what
	// differs counts. Zero means none.
	Ignore int

	last  image.Image
	since time.Time
}

// See takes the picture as it is at a time, and tells whether the screen has
// been at rest for so long now. The picture is kept, and must not change.
func (s *Settled) See(img image.Image, now time.Time) bool {
	if s.last == nil || s.last != img && area(Changed(s.last, img)) > s.Ignore {
		s.last, s.since = img, now
		return false
	}
	return now.Sub(s.since) >= s.For
}

// Since returns when the screen last changed; the zero Time before the first
// picture.
func (s *Settled) Since() time.Time { return s.since }

func area(r image.Rectangle) int { return r.Dx() * r.Dy() }
