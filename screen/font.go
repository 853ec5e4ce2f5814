package screen

import (
	"fmt"
	"math/bits"
)

// Font is a set of bitmaps of one size and what each means.
type Font struct {
	// Name says where the font is from, for people.
	Name string
	// Width and Height are the size of a cell in pixels, each 1 to 32.
	Width, Height int
	// Glyphs are the font's characters. Where two have the same bitmap the
	// ASCII one is read, or else the first. The place of a glyph is its code if
	// the font is one that a VGA shows in text mode, whose ninth column depends
	// on it.
	Glyphs []Glyph
	// Wide, if it is not nil, returns the characters that take two cells, as
	// those of East Asia do; Width is 16 at most then. They may be tens of
	// thousands: a Reader asks for them once, when a screen in this font has
	// something in it that no other character explains.
	Wide func() []Glyph
}

// Glyph is a bitmap and the character that it stands for.
type Glyph struct {
	// Rune is the character that the glyph shows.
	Rune rune
	// Rows are the bitmap's rows from the top. The rightmost pixel of a row is
	// its lowest bit. Those of a character that takes two cells are twice as wide
	// as the font.
	Rows []uint32
}

// maxSide bounds the width and height of glyphs: the largest that consoles use.
const maxSide = 32

// check says what is wrong with a font.
func (f *Font) check() error {
	if f.Width < 1 || f.Width > maxSide || f.Height < 1 || f.Height > maxSide {
		return fmt.Errorf("screen: font %q: size is %dx%d; glyphs have 1 to %d pixels each way", f.Name, f.Width, f.Height, maxSide)
	}
	if f.Wide != nil && 2*f.Width > maxSide {
		return fmt.Errorf("screen: font %q: has characters of two cells, and cells of %d pixels' width; %d is the most then", f.Name, f.Width, maxSide/2)
	}
	for i, g := range f.Glyphs {
		if len(g.Rows) != f.Height {
			return fmt.Errorf("screen: font %q: glyph %d (%q) has %d rows; the font's height is %d", f.Name, i, g.Rune, len(g.Rows), f.Height)
		}
		for _, row := range g.Rows {
			if bits.Len32(row) > f.Width {
				return fmt.Errorf("screen: font %q: glyph %d (%q) is wider than the font's %d pixels", f.Name, i, g.Rune, f.Width)
			}
		}
	}
	return nil
}

// unpack fills in rows from a bitmap whose rows are whole bytes, leftmost pixel
// first.
func unpack(rows []uint32, data []byte, width int) {
	stride := (width + 7) / 8
	for y := range rows {
		var row uint32
		for _, b := range data[y*stride : (y+1)*stride] {
			row = row<<8 | uint32(b)
		}
		rows[y] = row >> (stride*8 - width)
	}
}
