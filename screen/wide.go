package screen

import (
	"slices"
)

// Characters that take two cells, as those of East Asia do in GRUB's font, are
// more than all others. They are asked for when something could not be read, and
// looked for only there.

// wideFont is a font that has such characters.
type wideFont struct {
	font   int32
	name   string
	glyphs func() []Glyph
	index  *index // nil until it is needed
}

// load returns an index of the characters.
func (w *wideFont) load(width, height int) (*index, error) {
	if w.index != nil {
		return w.index, nil
	}
	f := &Font{Name: w.name + ", Wide", Width: width, Height: height, Glyphs: w.glyphs()}
	if err := f.check(); err != nil {
		return nil, err
	}
	w.index = newIndex(width, height)
	w.index.add(f)
	return w.index, nil
}

// pairs reads pairs of cells that could not be read one by one, in the font that
// most others are in. A grid where most cannot be read is in the wrong place.
func (s *scanner) pairs(r *scan) error {
	g := r.grid.index
	if len(g.wide) == 0 || r.known < r.unknown {
		return nil
	}
	font := r.font()
	of := slices.IndexFunc(g.wide, func(w *wideFont) bool { return w.font == font })
	cells := r.unexplained(font)
	if of < 0 || !touch(cells) {
		return nil
	}
	x, err := g.wide[of].load(2*g.width, g.height)
	if err != nil {
		return err
	}
	for _, i := range cells {
		// One half may be blank, or look like a character of its own.
		if r.cells[i].kind != wideRest && !s.pair(r, x, i) && i > 0 && r.cells[i-1].kind != wideRest {
			s.pair(r, x, i-1)
		}
	}
	return nil
}

// unexplained returns the cells of two colours that a font does not have.
func (r *scan) unexplained(font int32) (all []int) {
	for i, c := range r.cells {
		if c.kind == odd || r.foreign(c, font) {
			all = append(all, i)
		}
	}
	return all
}

// touch tells whether two numbers follow each other.
func touch(sorted []int) bool {
	for i := 1; i < len(sorted); i++ {
		if sorted[i] == sorted[i-1]+1 {
			return true
		}
	}
	return false
}

// pair reads two cells as one character.
func (s *scanner) pair(r *scan, x *index, at int) bool {
	g := r.grid
	column, row := at%g.columns, at/g.columns
	if column+1 == g.columns {
		return false
	}
	c := s.flat(x, g.x+column*g.index.width, g.y+row*g.index.height)
	if c.kind != glyph {
		return false
	}
	c.kind, c.r = wide, x.bitmaps[c.hit].means[0].r
	c.hit, c.other = none, none
	r.put(at, c)
	c.kind, c.r = wideRest, 0
	r.put(at+1, c)
	return true
}

// put takes a cell for another.
func (r *scan) put(at int, c scanned) {
	r.count(r.cells[at], -1)
	r.cells[at] = c
	r.count(c, 1)
}
