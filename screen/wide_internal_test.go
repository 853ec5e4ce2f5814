package screen

import (
	"image"
	"image/color"
	"image/draw"
	"testing"

	"github.com/bootscribe/bootscribe/internal/need"
)

// TestPairsCount looks that characters of two cells count as read: by that grids
// are compared.
func TestPairsCount(t *testing.T) {
	rows := []uint32{0, 0x13CD, 0x5A3C, 0}
	f := &Font{Name: "f", Width: 8, Height: 4, Glyphs: []Glyph{{'a', []uint32{0, 0x3C, 0x24, 0}}}}
	f.Wide = func() []Glyph { return []Glyph{{'中', rows}} }
	m := image.NewRGBA(image.Rect(0, 0, 80, 4))
	draw.Draw(m, m.Rect, image.Black, image.Point{}, draw.Src)
	for y, row := range rows {
		for x := range 32 { // twice
			if row&(0x8000>>(x%16)) != 0 {
				m.SetRGBA(16+x, y, color.RGBA{255, 255, 255, 255})
			}
		}
	}
	all, err := indexes([]*Font{f})
	if err != nil {
		t.Fatal(err)
	}
	pix := new(pixels)
	pix.open(m)
	defer pix.close()
	r := (&scanner{pix: pix}).scan(gridAt(all[0], pix, 0, 0))
	if r.err != nil || r.known != 4 || r.unknown != 0 || r.letters != 4 {
		t.Errorf("%v, %d known, %d unknown, %d letters", r.err, r.known, r.unknown, r.letters)
	}
}

// TestEastAsian looks that no character is there twice because some other code had
// it, which would be read in the place of the usual one.
func TestEastAsian(t *testing.T) {
	need.File(t, "/usr/share/grub/unicode.pf2", "install package grub-common")
	fonts := SystemFonts()
	kangxi, compatible := 0, 0
	for _, g := range fonts[len(fonts)-1].Wide() {
		if g.Rune >= 0x2E80 && g.Rune < 0x2FE0 {
			kangxi++
		}
		if g.Rune >= 0xF900 && g.Rune < 0xFB00 {
			compatible++
		}
	}
	if kangxi+compatible > 0 {
		t.Errorf("%d radicals and %d ideographs for compatibility are there", kangxi, compatible)
	}
}
