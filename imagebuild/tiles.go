package imagebuild

import (
	"hash/maphash"
	"image"
	"slices"
)

// tiles are hashes of the squares of a frame: enough to know where two frames
// differ, in a hundredth of the memory.
type tiles struct {
	size    image.Point // of the frame
	columns int
	hashes  []uint64
}

// tileSide is the side of a square in pixels.
const tileSide = 16

// newTiles hashes a frame. Only tiles of the same seed can be compared.
func newTiles(seed maphash.Seed, f frame) tiles {
	t := tiles{size: f.size, columns: (f.size.X + tileSide - 1) / tileSide}
	t.hashes = make([]uint64, t.columns*((f.size.Y+tileSide-1)/tileSide))
	y := 0
	for row := range f.rows {
		below := t.hashes[y/tileSide*t.columns:]
		for i := range t.columns {
			part := row[4*tileSide*i : min(4*tileSide*(i+1), len(row))]
			below[i] = below[i]*31 + maphash.Bytes(seed, part)
		}
		y++
	}
	return t
}

func (t tiles) equal(o tiles) bool { return t.size == o.size && slices.Equal(t.hashes, o.hashes) }

// changed returns the smallest rectangle of whole squares that holds all that
// two frames differ in; all of it if they have different sizes.
func (t tiles) changed(o tiles) (r image.Rectangle) {
	if t.size != o.size {
		return image.Rectangle{Max: o.size}
	}
	for i, h := range t.hashes {
		if h != o.hashes[i] {
			at := image.Pt(i%t.columns, i/t.columns).Mul(tileSide)
			r = r.Union(image.Rectangle{at, at.Add(image.Pt(tileSide, tileSide))})
		}
	}
	return r
}
