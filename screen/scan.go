package screen

// kind is what a look at a cell's pixels tells.
type kind uint8

const (
	blank    kind = iota // one colour, or a picture's smooth background
	glyph                // a bitmap of some font, in two colours
	overlay              // a bitmap of some font, on a picture
	odd                  // two colours, but no known bitmap
	mixed                // more colours, no known bitmap
	wide                 // the left half of a character that takes two cells
	wideRest             // its right half
)

// scanned is a cell after a look at its pixels.
type scanned struct {
	kind   kind
	hit    int32 // the bitmap, or none
	r      rune  // the character, where the bitmap alone does not say it
	other  int32 // the bitmap with the colours exchanged, if both are one
	fg, bg uint32
	cursor bool
	bar    [2]uint8 // the rows that the cursor hides: the first, and the one behind the last
}

// scanner looks at one picture.
type scanner struct {
	pix  *pixels
	rows [maxSide]uint32 // the cell at hand: what has not its first colour
	flip [maxSide]uint32
	// plain leaves text on pictures aside, which takes much longer to see.
	plain bool
}

// scan looks at every cell of a grid.
func (s *scanner) scan(g grid) *scan {
	r := &scan{grid: g, cells: make([]scanned, 0, g.columns*g.rows)}
	for row := range g.rows {
		for column := range g.columns {
			c := s.cell(g.index, g.x+column*g.index.width, g.y+row*g.index.height)
			r.cells = append(r.cells, c)
			r.count(c, 1)
		}
	}
	r.err = s.pairs(r)
	return r
}

// count counts a cell as often as n says, which is once or taken back once.
func (r *scan) count(c scanned, n int) {
	switch c.kind {
	case glyph, overlay:
		r.known += n
		if r.grid.index.bitmaps[c.hit].letter {
			r.letters += n
		}
	case wide, wideRest:
		r.known += n
		r.letters += n
	case odd, mixed:
		r.unknown += n
	}
}

// scan is what a grid shows.
type scan struct {
	grid           grid
	cells          []scanned
	known, unknown int   // cells with ink
	letters        int   // known ones that are letters or digits
	wideFont       int32 // which characters of two cells are in
	err            error // what is wrong with a font of these
}

// good tells whether no other grid need be tried: nearly all is recognised.
func (r *scan) good() bool {
	return r.known > 0 && (r.unknown == 0 || r.known >= 9*r.unknown && r.letters > r.unknown)
}

// unread returns how many cells could not be read that have two colours, and
// more.
func (r *scan) unread() (two, more int) {
	for _, c := range r.cells {
		switch c.kind {
		case odd:
			two++
		case mixed:
			more++
		}
	}
	return two, more
}

// empty tells whether there is nothing to read.
func (r *scan) empty() bool { return r.known == 0 && r.unknown == 0 }

// fair tells whether so much is recognised that the cells are in their places,
// though there may be pictures between them. Lines and dots do not count: they
// turn up anywhere.
func (r *scan) fair() bool { return r.letters >= 8 && 2*r.letters >= r.unknown }

// better tells whether r explains more of the picture than o.
func (r *scan) better(o *scan) bool {
	if o == nil {
		return true
	}
	const more = 3 // a letter counts for more
	a, b := r.known+more*r.letters-r.unknown, o.known+more*o.letters-o.unknown
	return a > b
}

// cell looks at one cell: the way that nearly all cells go, with two colours
// at most, is short.
func (s *scanner) cell(x *index, left, top int) scanned {
	if c := s.flat(x, left, top); c.kind != mixed || s.plain {
		return c
	}
	return s.overlaid(x, left, top)
}

// flat looks at a cell that is not on a picture.
func (s *scanner) flat(x *index, left, top int) scanned {
	first, second, h1, h2, ok := s.two(x, left, top)
	switch {
	case !ok:
		return scanned{kind: mixed, hit: none, other: none}
	case first == second, distance(first, second) < smooth:
		return scanned{kind: blank, hit: none, other: none, fg: first, bg: first}
	}
	a := x.find(h1, s.rows[:x.height])
	b := x.find(h2, s.flip[:x.height])
	switch {
	case a != none:
		return scanned{kind: glyph, hit: a, other: b, fg: second, bg: first}
	case b != none:
		return scanned{kind: glyph, hit: b, other: none, fg: first, bg: second}
	}
	return scanned{kind: odd, hit: none, other: none, fg: second, bg: first}
}

// two reads a cell of at most two colours into s.rows and, with the colours
// exchanged, s.flip, and returns their hashes; ok is false if it has more.
func (s *scanner) two(x *index, left, top int) (first, second uint32, h1, h2 uint64, ok bool) {
	p := s.pix
	first = p.at(left, top)
	second = first
	h1, h2 = hashSeed, hashSeed
	for y := range x.height {
		line := p.line(top + y)[left : left+x.width]
		var row uint32
		for _, c := range line {
			row <<= 1
			if c != first {
				if c != second {
					if second != first {
						return 0, 0, 0, 0, false
					}
					second = c
				}
				row |= 1
			}
		}
		s.rows[y], s.flip[y] = row, ^row&x.mask
		h1, h2 = hashRow(h1, row), hashRow(h2, ^row&x.mask)
	}
	return first, second, h1, h2, true
}
