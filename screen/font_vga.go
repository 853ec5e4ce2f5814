package screen

import (
	"bytes"
	"fmt"
)

// VGAFont makes a font of a VGA's glyph table in code page 437: 256 bitmaps of
// eight pixels' width, one after the other, as a guest has them in memory. The
// real-mode interrupt vector 0x43 points to the one in use, and the byte at
// 0x485 is its height.
func VGAFont(name string, table []byte) (*Font, error) {
	height := len(table) / 256
	if len(table)%256 != 0 || height < 1 || height > maxSide {
		return nil, fmt.Errorf("screen: font %q: %d bytes are no glyph table; 256 times the height are needed, such as 4096", name, len(table))
	}
	f := &Font{Name: name, Width: 8, Height: height, Glyphs: make([]Glyph, 256)}
	for code := range f.Glyphs {
		f.Glyphs[code] = Glyph{cp437[code], make([]uint32, height)}
		unpack(f.Glyphs[code].Rows, table[code*height:], 8)
	}
	return f, nil
}

// smiley is the top of the face that has code 1 in every VGA font, from its
// first row that is not empty.
var smiley = []byte{0x7E, 0x81, 0xA5, 0x81}

// ReadVGAROM finds the glyph tables in the image of a VGA BIOS, such as
// SeaBIOS's vgabios-stdvga.bin: usually those of 8×16, 8×14 and 8×8 pixels, the
// largest first. It is an error if there is none.
func ReadVGAROM(name string, rom []byte) ([]*Font, error) {
	var fonts []*Font
	for _, height := range []int{16, 14, 8} {
		if table := findTable(rom, height); table != nil {
			f, err := VGAFont(name, table)
			if err != nil {
				return nil, err
			}
			fonts = append(fonts, f)
		}
	}
	if fonts == nil {
		return nil, fmt.Errorf("screen: %s: no glyph table found; is it the image of a VGA BIOS?", name)
	}
	return fonts, nil
}

// findTable looks for 256 glyphs of a height: the smiley second, and blanks
// where code page 437 has them.
func findTable(rom []byte, height int) []byte {
	for at := 0; ; at++ {
		i := bytes.Index(rom[at:], smiley)
		if i < 0 {
			return nil
		}
		at += i
		for pad := range 4 {
			start := at - pad - height
			if start < 0 || start+256*height > len(rom) {
				continue
			}
			if table := rom[start : start+256*height]; plausible(table, height) {
				return table
			}
		}
	}
}

// plausible tells whether the codes 0, 32 and 255 are blank, those that must
// not be are not, and the letters A to Z differ from each other.
func plausible(table []byte, height int) bool {
	glyph := func(code int) []byte { return table[code*height : (code+1)*height] }
	blank := func(code int) bool { return len(bytes.Trim(glyph(code), "\x00")) == 0 }
	if !blank(0) || !blank(' ') || !blank(255) {
		return false
	}
	if full := glyph(0xDB); bytes.Count(full, []byte{0xFF}) != height {
		return false
	}
	for code := '!'; code < 127; code++ {
		if blank(int(code)) || code > '!' && bytes.Equal(glyph(int(code)), glyph(int(code)-1)) {
			return false
		}
	}
	return true
}
