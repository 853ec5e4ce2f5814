package screen

import (
	"slices"
	"unicode/utf8"
)

// A cursor is a bar of whole rows in the colour of the character below it. It
// hides what is there; the rest may still tell.

// cursors looks for the one cell that a cursor makes unreadable. If several
// look like it, something else is going on and they stay unknown.
func (r *scan) cursors(s *scanner, font int32) {
	at, found := -1, scanned{}
	for i, c := range r.cells {
		if c.kind != odd && !r.foreign(c, font) {
			continue
		}
		g := r.grid
		left, top := g.x+i%g.columns*g.index.width, g.y+i/g.columns*g.index.height
		if c, ok := s.uncover(g.index, left, top, font); ok {
			if at >= 0 {
				return
			}
			at, found = i, c
		}
	}
	if at >= 0 {
		r.cells[at] = found
	}
}

// uncover reads a cell of two colours without the bar in its lower half.
func (s *scanner) uncover(x *index, left, top int, font int32) (scanned, bool) {
	first, second, _, _, ok := s.two(x, left, top)
	if !ok || first == second {
		return scanned{}, false
	}
	rows, c := s.rows[:x.height], scanned{kind: glyph, other: none, fg: second, bg: first, cursor: true}
	from, to := bar(rows, x.mask)
	if from == to { // the first pixel may be the character's
		rows, c.fg, c.bg = s.flip[:x.height], first, second
		from, to = bar(rows, x.mask)
	}
	if from == to {
		return scanned{}, false
	}
	c.bar = [2]uint8{uint8(from), uint8(to)}
	c.hit, ok = x.beside(rows, from, to, font)
	if c.hit == none {
		c.kind = blank
	}
	return c, ok
}

// cover makes a cell unknown that has nothing in it but a cursor if a character
// beside it, of the same colours, is one that the cursor would hide whole: in a
// field of underscores it may be another.
func (r *scan) cover() {
	for i := range r.cells {
		c := &r.cells[i]
		if !c.cursor || c.kind != blank {
			continue
		}
		row := i / r.grid.columns * r.grid.columns
		for _, beside := range []int{i - 1, i + 1} {
			if beside >= row && beside < row+r.grid.columns && r.hides(c, &r.cells[beside]) {
				c.kind = mixed
			}
		}
	}
}

// hides tells whether a bare cursor would hide the character of another cell.
func (r *scan) hides(cursor, c *scanned) bool {
	if c.hit == none || !alike(c.fg, cursor.fg) || c.kind == glyph && !alike(c.bg, cursor.bg) {
		return false
	}
	b := &r.grid.index.bitmaps[c.hit]
	return b.ink == inkOf(b.rows[cursor.bar[0]:cursor.bar[1]])
}

// bar returns the lowest run of full rows, if it is in the lower half.
func bar(rows []uint32, mask uint32) (from, to int) {
	for to = len(rows); to > len(rows)/2 && rows[to-1] != mask; to-- {
	}
	for from = to; from > 0 && rows[from-1] == mask; from-- {
	}
	if from == to || from < len(rows)/2 {
		return 0, 0
	}
	return from, to
}

// beside returns the bitmap of a font that agrees with rows outside a bar, or
// none if they are blank there. It is not ok if there is none, or several among
// which to choose would be a guess.
func (x *index) beside(rows []uint32, from, to int, font int32) (hit int32, ok bool) {
	agree := func(other []uint32) bool {
		return slices.Equal(rows[:from], other[:from]) && slices.Equal(rows[to:], other[to:])
	}
	if agree(make([]uint32, len(rows))) {
		return none, true
	}
	var all, ascii []int32
	for i, b := range x.bitmaps {
		r, ok := b.in(font)
		if !ok || !agree(b.rows) {
			continue
		}
		all = append(all, int32(i))
		if r < utf8.RuneSelf {
			ascii = append(ascii, int32(i))
		}
	}
	// A large font has every letter also with marks below. A plain letter that
	// ends above the bar is it.
	if len(ascii) == 1 && inkOf(x.bitmaps[ascii[0]].rows[from:to]) == 0 {
		return ascii[0], true
	}
	if len(all) != 1 {
		return none, false
	}
	return all[0], true
}
