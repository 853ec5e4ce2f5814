package screen

import "slices"

// Text on a picture, as ISOLINUX's graphical menu has it: the letters have
// nearly one colour, may let some of the picture through, and may have a
// shadow; all around is something else.
const (
	smooth    = 24 // colours that differ by less from pixel to pixel are background
	clearance = 24 // by which all around must differ more from the letters than these among themselves
)

// overlaid looks at a cell of more than two colours.
func (s *scanner) overlaid(x *index, left, top int) scanned {
	seeds, flat := s.survey(x, left, top)
	if flat {
		c := s.pix.at(left+x.width-1, top+x.height-1)
		return scanned{kind: blank, hit: none, other: none, fg: c, bg: c}
	}
	for i, seed := range seeds {
		if slices.Contains(seeds[:i], seed) {
			continue
		}
		for _, tolerance := range []int{20, 0, 56} {
			if hit, bg, ok := s.near(x, left, top, seed, tolerance); ok {
				c := scanned{kind: overlay, hit: hit, other: none, fg: seed, bg: bg}
				if hit == none {
					from, to := bar(s.rows[:x.height], x.mask)
					c.kind, c.cursor, c.bar = blank, true, [2]uint8{uint8(from), uint8(to)}
				}
				return c
			}
		}
	}
	if hit, ok := s.shadowed(x, left, top, seeds[1]); ok {
		return scanned{kind: overlay, hit: hit, other: none, fg: seeds[1], bg: seeds[0]}
	}
	return scanned{kind: mixed, hit: none, other: none, fg: seeds[0], bg: seeds[1]}
}

// survey returns the colours that letters may have: the brightest, the
// darkest, the most vivid. It is flat if no two neighbours differ much.
func (s *scanner) survey(x *index, left, top int) (seeds [3]uint32, flat bool) {
	// The shadows of the cells above and before may reach into this one.
	flat = true
	bright, dark, vivid := -1, 1<<30, -1
	for y := range x.height {
		line := s.pix.line(top + y)[left : left+x.width]
		for i, c := range line {
			if i > 0 && flat {
				flat = y == 0 || i == 1 || alike(c, line[i-1])
				flat = flat && (y < 2 || alike(c, s.pix.at(left+i, top+y-1)))
			}
			if i > 0 && c == line[i-1] {
				continue
			}
			l, v := luma(c), vividness(c)
			if l > bright {
				bright, seeds[0] = l, c
			}
			if l < dark {
				dark, seeds[1] = l, c
			}
			if v > vivid {
				vivid, seeds[2] = v, c
			}
		}
	}
	return seeds, flat
}

func alike(a, b uint32) bool { return a == b || distance(a, b) < smooth }

func vividness(c uint32) int {
	r, g, b := int(c>>16), int(c>>8&0xFF), int(c&0xFF)
	return max(r, g, b) - min(r, g, b)
}

// near looks for the bitmap of the pixels whose colour is near the seed's, if
// all others are clearly farther. It also returns a colour of those.
func (s *scanner) near(x *index, left, top int, seed uint32, tolerance int) (hit int32, bg uint32, ok bool) {
	h := uint64(hashSeed)
	inside, outside := 0, 1<<30
	for y := range x.height {
		var row uint32
		for _, c := range s.pix.line(top + y)[left : left+x.width] {
			row <<= 1
			if d := distance(c, seed); d <= tolerance {
				row |= 1
				inside = max(inside, d)
			} else {
				if bg == 0 {
					bg = c
				}
				outside = min(outside, d)
			}
		}
		s.rows[y] = row
		h = hashRow(h, row)
	}
	if outside == 1<<30 || outside-inside < clearance {
		return none, 0, false
	}
	hit = x.find(h, s.rows[:x.height])
	return hit, bg, hit != none || underlined(s.rows[:x.height], x.mask)
}

// underlined tells whether rows are nothing but the bar of a cursor.
func underlined(rows []uint32, mask uint32) bool {
	from, to := bar(rows, mask)
	return from != to && from >= len(rows)*3/4 && inkOf(rows) == inkOf(rows[from:to])
}

// reconsider reads what could not be read in two colours, or in another font
// than most, once more as text on a picture, if there is some: two colours may
// be ground and another's shadow.
func (r *scan) reconsider(s *scanner, font int32) {
	text := 0
	for _, c := range r.cells {
		if c.kind == overlay {
			text++
		}
	}
	const enough = 8
	if text < enough {
		return
	}
	x := r.grid.index
	for i, c := range r.cells {
		if c.kind == odd || c.kind == glyph && r.foreign(c, font) {
			r.cells[i] = s.overlaid(x, r.grid.x+i%r.grid.columns*x.width, r.grid.y+i/r.grid.columns*x.height)
		}
	}
}

// foreign tells whether a cell was read in another font than most.
func (r *scan) foreign(c scanned, font int32) bool {
	if c.hit == none {
		return false
	}
	_, ok := r.grid.index.bitmaps[c.hit].in(font)
	return !ok
}

// doubt takes back what was read in another font than most: a screen has one,
// and a torn letter may look like an exotic one. It also takes back what stands
// alone on a picture: a speck may look like a full stop. Words remain, and one
// cursor; if little of the screen is text at all, only words of letters.
func (r *scan) doubt(font int32, trusted bool) {
	cursors := 0
	for i, c := range r.cells {
		if c.cursor {
			cursors++
		}
		if r.foreign(c, font) {
			forget(r.cells[i : i+1])
		}
	}
	for i := range r.cells {
		if c := &r.cells[i]; c.cursor && cursors > 1 {
			c.cursor = false
			forget(r.cells[i : i+1])
		}
	}
	for row := range r.grid.rows {
		line := r.cells[row*r.grid.columns:][:r.grid.columns]
		for i := 0; i < len(line); {
			end, ink, letters := r.word(line, i)
			r.doubtWord(line[i:end], ink, letters, trusted)
			i = max(end, i+1)
		}
	}
	r.doubtBlocks(font)
}

// word returns the end of the word that begins at i, which may have single
// blanks in it, the pixels of its ink, and its letters and digits.
func (r *scan) word(line []scanned, i int) (end, ink, letters int) {
	gap := 0
	for end = i; end < len(line) && gap < 2; end++ {
		switch line[end].kind {
		case overlay, glyph:
			b := &r.grid.index.bitmaps[line[end].hit]
			ink += b.ink
			if b.letter {
				letters++
			}
			gap = 0
		case wide, wideRest:
			letters++
			gap = 0
		case blank:
			gap++
		default:
			gap = 2
		}
	}
	return end, ink, letters
}

// doubtWord takes back a word of too little ink on a picture, and where little
// is text one of too few letters.
func (r *scan) doubtWord(cells []scanned, ink, letters int, trusted bool) {
	const enoughInk, enoughLetters = 12, 3
	for i, c := range cells {
		if c.kind == overlay && ink < enoughInk || !trusted && letters < enoughLetters && c.hit != none {
			forget(cells[i : i+1])
		}
	}
}

// doubtBlocks takes back block characters that touch what is not known: they
// are the edge of a picture.
func (r *scan) doubtBlocks(font int32) {
	var edge []int
	for i, c := range r.cells {
		if c.kind == odd || c.kind == mixed {
			edge = append(edge, i)
		}
	}
	columns := r.grid.columns
	for len(edge) > 0 {
		at := edge[len(edge)-1]
		edge = edge[:len(edge)-1]
		for _, i := range []int{at - columns, at + columns, at - 1, at + 1} {
			if i < 0 || i >= len(r.cells) || (i-at == 1 || at-i == 1) && i/columns != at/columns || r.cells[i].hit == none {
				continue
			}
			if c, _ := r.grid.index.bitmaps[r.cells[i].hit].in(font); c >= 0x2580 && c < 0x25A0 {
				forget(r.cells[i : i+1])
				edge = append(edge, i)
			}
		}
	}
}

// forget makes cells unknown.
func forget(cells []scanned) {
	for i := range cells {
		cells[i].kind, cells[i].hit, cells[i].other = mixed, none, none
	}
}
