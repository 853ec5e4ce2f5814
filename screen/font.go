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
}

// Glyph is a bitmap and the character that it stands for.
type Glyph struct {
	// Rune is the character that the glyph shows.
	Rune rune
	// Rows are the bitmap's rows from the top. The rightmost pixel of a row is
	// its lowest bit.
	Rows []uint32
}

// maxSide bounds the width and height of glyphs: the largest that consoles use.
const maxSide = 32

// check says what is wrong with a font.
func (f *Font) check() error {
	if f.Width < 1 || f.Width > maxSide || f.Height < 1 || f.Height > maxSide {
		return fmt.Errorf("screen: font %q: size is %dx%d; glyphs have 1 to %d pixels each way", f.Name, f.Width, f.Height, maxSide)
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

// widened returns the font as a VGA shows it in cells of nine pixels: the
// ninth column is empty, but repeats the eighth for the codes 0xC0 to 0xDF,
// whose lines are to join ("line graphics enable" of the attribute controller);
// in QEMU's VGA for those from 0xB0 on. Where that differs both are there.
func (f *Font) widened() *Font {
	w := &Font{Name: f.Name, Width: f.Width + 1, Height: f.Height}
	for code, g := range f.Glyphs {
		plain, joined := Glyph{g.Rune, make([]uint32, len(g.Rows))}, Glyph{g.Rune, make([]uint32, len(g.Rows))}
		for y, row := range g.Rows {
			plain.Rows[y], joined.Rows[y] = row<<1, row<<1|row&1
		}
		if code&0xE0 != 0xC0 {
			w.Glyphs = append(w.Glyphs, plain)
		}
		if code &= 0xFF; code >= 0xB0 && code < 0xE0 {
			w.Glyphs = append(w.Glyphs, joined)
		}
	}
	return w
}

// unpack makes rows of a bitmap whose rows are whole bytes, leftmost pixel first.
func unpack(data []byte, width, height int) []uint32 {
	stride := (width + 7) / 8
	rows := make([]uint32, height)
	for y := range rows {
		var row uint32
		for _, b := range data[y*stride : (y+1)*stride] {
			row = row<<8 | uint32(b)
		}
		rows[y] = row >> (stride*8 - width)
	}
	return rows
}
