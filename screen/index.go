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
	byHash        map[uint64]int32   // the first bitmap with a hash
	shadows       map[uint64][]int32 // the bitmaps that cast a shadow; made when needed
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

// add enters a font. What is blank or full is left out: it is read as a cell
// of one colour.
func (x *index) add(f *Font) {
	id := int32(len(x.fonts))
	x.fonts = append(x.fonts, f.Name)
	for _, g := range f.Glyphs {
		if g.Rune != utf8.RuneError && !x.uniform(g.Rows) {
			x.enter(g, id)
		}
	}
}

func (x *index) uniform(rows []uint32) bool {
	return (rows[0] == 0 || rows[0] == x.mask) && !slices.ContainsFunc(rows, func(r uint32) bool { return r != rows[0] })
}

func (x *index) enter(g Glyph, font int32) {
	h := hashRows(g.Rows)
	i := x.find(h, g.Rows)
	if i == none {
		i = int32(len(x.bitmaps))
		next, ok := x.byHash[h]
		if !ok {
			next = none
		}
		x.byHash[h] = i
		x.bitmaps = append(x.bitmaps, bitmap{rows: g.Rows, ink: inkOf(g.Rows), next: next})
	}
	b := &x.bitmaps[i]
	b.letter = b.letter || letter(g.Rune)
	for k, m := range b.means {
		if m.font == font {
			if rarity(g.Rune) < rarity(m.r) {
				b.means[k].r = g.Rune
			}
			return
		}
	}
	b.means = append(b.means, meaning{font, g.Rune})
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
// lines and blocks of menus, then the rest.
func rarity(r rune) int {
	switch {
	case r < utf8.RuneSelf:
		return 0
	case r < 0x250, r >= 0x2500 && r < 0x2600:
		return 1
	}
	return 2
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
// Fonts of eight pixels' width are there once more as a VGA widens them.
func indexes(fonts []*Font) ([]*index, error) {
	var all []*index
	put := func(f *Font) {
		i := slices.IndexFunc(all, func(x *index) bool { return x.width == f.Width && x.height == f.Height })
		if i < 0 {
			i = len(all)
			all = append(all, newIndex(f.Width, f.Height))
		}
		all[i].add(f)
	}
	for _, f := range fonts {
		if f == nil {
			return nil, fmt.Errorf("screen: Reader.Fonts: holds nil; leave it out")
		}
		if err := f.check(); err != nil {
			return nil, err
		}
		put(f)
		if f.Width == 8 {
			put(f.widened())
		}
	}
	return all, nil
}

func inkOf(rows []uint32) int {
	n := 0
	for _, r := range rows {
		n += bits.OnesCount32(r)
	}
	return n
}
