package screen

// Characters that take two cells, as those of East Asia do in GRUB's font, are
// more than all others. They are asked for when something could not be read, and
// looked for only there.

// wideFont is a font that has such characters.
type wideFont struct {
	font   int32
	name   string
	glyphs func() []Glyph
	index  *index // nil until it is needed
	err    error
}

// load makes the index of the characters, once.
func (w *wideFont) load(width, height int) (*index, error) {
	if w.index != nil || w.err != nil {
		return w.index, w.err
	}
	f := &Font{Name: w.name + ", Wide", Width: width, Height: height, Glyphs: w.glyphs()}
	if w.err = f.check(); w.err != nil {
		return nil, w.err
	}
	w.index = newIndex(width, height)
	w.index.add(f)
	return w.index, nil
}

// pairs reads pairs of cells that could not be read one by one, in a font that
// then explains most of the grid. Where more is in many colours than in two there
// is a picture, and no such text.
func (s *scanner) pairs(r *scan) error {
	g := r.grid.index
	if two, more := r.unread(); len(g.wide) == 0 || two == 0 || two < more {
		return nil
	}
	votes := r.votes()
	best := most(votes)
	for _, w := range g.wide {
		cells := r.unexplained(best, w.font)
		if !touch(cells) || votes[w.font]+len(cells)*wideWeight < votes[best] {
			continue
		}
		x, err := w.load(2*g.width, g.height)
		if err != nil {
			return err
		}
		if pairs := s.look(r, x, cells); votes[w.font]+len(pairs)*wideWeight >= votes[best] {
			r.wideFont = w.font
			for _, p := range pairs {
				r.put(p)
			}
			return nil
		}
	}
	return nil
}

// unexplained returns the cells of two colours that two fonts do not have.
func (r *scan) unexplained(a, b int32) (all []int) {
	for i, c := range r.cells {
		if c.kind == odd || c.kind == glyph && r.foreign(c, a) && r.foreign(c, b) {
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

// pair is a character of two cells.
type pair struct {
	at     int // the left one
	r      rune
	fg, bg uint32
}

// look looks for pairs among cells. One half of a character may be blank, or look
// like another one. It gives up if none of many is there.
func (s *scanner) look(r *scan, x *index, cells []int) (pairs []pair) {
	const many = 64
	next := 0 // behind the last pair
	for tried, i := range cells {
		if tried == many && len(pairs) == 0 {
			break
		}
		for at := i; at >= max(i-1, next); at-- {
			if p, ok := s.pair(r.grid, x, at); ok {
				pairs, next = append(pairs, p), at+2
				break
			}
		}
	}
	return pairs
}

// pair reads two cells as one character.
func (s *scanner) pair(g grid, x *index, at int) (pair, bool) {
	column, row := at%g.columns, at/g.columns
	if column+1 == g.columns {
		return pair{}, false
	}
	c := s.flat(x, g.x+column*g.index.width, g.y+row*g.index.height)
	if c.kind != glyph {
		return pair{}, false
	}
	return pair{at, x.bitmaps[c.hit].means[0].r, c.fg, c.bg}, true
}

// put takes a pair for what its cells were before.
func (r *scan) put(p pair) {
	c := scanned{kind: wide, r: p.r, hit: none, other: none, fg: p.fg, bg: p.bg}
	for i := range 2 {
		r.count(r.cells[p.at+i], -1)
		r.cells[p.at+i] = c
		r.count(c, 1)
		c.kind, c.r = wideRest, 0
	}
}
