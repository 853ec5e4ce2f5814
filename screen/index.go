package screen

import (
	"fmt"
	"math/bits"
	"slices"
	"unicode"
	"unicode/utf8"
)

// index finds glyphs of one size by their bitmap.
type index struct {
	width, height int
	mask          uint32 // a full row
	fonts         []string
	bitmaps       []bitmap
	room          []uint32           // for the rows of bitmaps
	byHash        map[uint64]int32   // the first bitmap with a hash
	shadows       map[uint64][]int32 // the bitmaps that cast a shadow; made when needed
	wide          []*wideFont        // those that have characters of two cells
	twins         map[int32]twins    // by font
}

// bitmap is one pattern and what it means in each font that has it.
type bitmap struct {
	rows   []uint32
	ink    int  // pixels set
	letter bool // a letter or digit of ASCII in some font
	next   int32
	means  []meaning
}

// meaning is a character of a font.
type meaning struct {
	font int32
	r    rune
}

const none = int32(-1)

func newIndex(width, height int) *index {
	return &index{width: width, height: height, mask: 1<<width - 1, byHash: map[uint64]int32{}}
}

// add enters a font, of which nothing else is kept.
func (x *index) add(f *Font) {
	id := x.name(f)
	for _, g := range f.Glyphs {
		x.enter(g, id)
	}
	if f.Wide != nil {
		x.wide = append(x.wide, &wideFont{font: id, name: f.Name, glyphs: f.Wide})
	}
}

// addNine enters a font as a VGA shows it in cells of nine pixels: the ninth
// column is empty, but repeats the eighth for the codes 0xC0 to 0xDF, whose
// lines are to join ("line graphics enable" of the attribute controller); in
// QEMU's VGA for those from 0xB0 on. Where that differs both are there.
func (x *index) addNine(f *Font) {
	id, rows := x.name(f), make([]uint32, f.Height)
	for code, g := range f.Glyphs {
		nine := func(last uint32) Glyph {
			for y, row := range g.Rows {
				rows[y] = row<<1 | row&last
			}
			return Glyph{g.Rune, rows}
		}
		if code&0xE0 != 0xC0 {
			x.enter(nine(0), id)
		}
		if code &= 0xFF; code >= 0xB0 && code < 0xE0 {
			x.enter(nine(1), id)
		}
	}
}

func (x *index) name(f *Font) (id int32) {
	x.fonts = append(x.fonts, f.Name)
	return int32(len(x.fonts) - 1)
}

func (x *index) uniform(rows []uint32) bool {
	return (rows[0] == 0 || rows[0] == x.mask) && !slices.ContainsFunc(rows, func(r uint32) bool { return r != rows[0] })
}

// enter enters a glyph. What is blank or full is left out: it is read as a cell
// of one colour.
func (x *index) enter(g Glyph, font int32) {
	if g.Rune == utf8.RuneError || g.Rune == 0 || x.uniform(g.Rows) {
		return
	}
	h := hashRows(g.Rows)
	i := x.find(h, g.Rows)
	if i == none {
		i = int32(len(x.bitmaps))
		next, ok := x.byHash[h]
		if !ok {
			next = none
		}
		x.byHash[h] = i
		x.bitmaps = append(x.bitmaps, bitmap{rows: x.keep(g.Rows), ink: inkOf(g.Rows), next: next})
	}
	b := &x.bitmaps[i]
	b.letter = b.letter || letter(g.Rune)
	for k, m := range b.means {
		if m.font == font {
			other := g.Rune
			if rarity(g.Rune) < rarity(m.r) {
				b.means[k].r, other = g.Rune, m.r
			}
			x.twin(i, font, other)
			return
		}
	}
	b.means = append(b.means, meaning{font, g.Rune})
}

// keep returns a copy of rows. Copies share memory with others: they are many
// and small.
func (x *index) keep(rows []uint32) []uint32 {
	const together = 64
	if cap(x.room)-len(x.room) < len(rows) {
		x.room = make([]uint32, 0, together*x.height)
	}
	from := len(x.room)
	x.room = append(x.room, rows...)
	return x.room[from:len(x.room):len(x.room)]
}

// find returns the place of a bitmap, or none.
func (x *index) find(h uint64, rows []uint32) int32 {
	i, ok := x.byHash[h]
	if !ok {
		return none
	}
	for i != none && !slices.Equal(x.bitmaps[i].rows, rows) {
		i = x.bitmaps[i].next
	}
	return i
}

func letter(r rune) bool {
	return r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// rarity orders characters that look the same: ASCII, then Latin and the
// lines and blocks of menus, then Greek and Cyrillic, then the rest, such as the
// archaic letters of these two.
func rarity(r rune) int {
	switch {
	case r < utf8.RuneSelf:
		return 0
	case r < 0x180, r >= 0x2500 && r < 0x2600:
		return 1
	case r >= 0x386 && r < 0x460, r >= 0x48A && r < 0x530:
		return 2
	}
	return 3
}

// in returns what a bitmap means in one font.
func (b *bitmap) in(font int32) (rune, bool) {
	for _, m := range b.means {
		if m.font == font {
			return m.r, true
		}
	}
	return 0, false
}

const hashSeed, hashPrime = 14695981039346656037, 0x9E3779B97F4A7C15

func hashRow(h uint64, row uint32) uint64 {
	h = (h ^ uint64(row)) * hashPrime
	return h ^ h>>29
}

func hashRows(rows []uint32) uint64 {
	h := uint64(hashSeed)
	for _, r := range rows {
		h = hashRow(h, r)
	}
	return h
}

// indexes sorts fonts by the size of their cells, in the order of the fonts.
func indexes(fonts []*Font) (sizes, error) {
	all := make(sizes, 0, len(fonts))
	for _, f := range fonts {
		if f == nil {
			return nil, fmt.Errorf("screen: Reader.Fonts: holds nil; leave it out")
		}
		if err := f.check(); err != nil {
			return nil, err
		}
		all.addNarrow(f)
		all.addNine(f)
	}
	return all, nil
}

// sizes are the indexes of fonts, one for each size.
type sizes []*index

// addNarrow enters a font as it is.
func (s *sizes) addNarrow(f *Font) { s.of(f.Width, f.Height).add(f) }

// addNine enters a font of eight pixels' width as a VGA shows it, and no other.
func (s *sizes) addNine(f *Font) {
	if f.Width == 8 {
		s.of(f.Width+1, f.Height).addNine(f)
	}
}

func (s *sizes) of(width, height int) *index {
	for _, x := range *s {
		if x.width == width && x.height == height {
			return x
		}
	}
	x := newIndex(width, height)
	*s = append(*s, x)
	return x
}

func inkOf(rows []uint32) int {
	n := 0
	for _, r := range rows {
		n += bits.OnesCount32(r)
	}
	return n
}
