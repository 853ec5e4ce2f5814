package screen

import (
	"fmt"
	"image/color"
)

// VGAMemory reads the text memory of a VGA, whose first page is at the
// physical address 0xB8000: for each cell the character's code and an attribute
// of two colours. The columns are 80 as a rule (a word at 0x44A); len(memory)
// says the rows. Codes are read as code page 437, in the colours of the
// standard palette. It is what the picture shows as long as the guest uses the
// VGA's own font and palette.
func VGAMemory(memory []byte, columns int) (*Text, error) {
	if columns < 1 || len(memory) == 0 || len(memory)%(2*columns) != 0 {
		return nil, fmt.Errorf("screen: text memory: %d bytes are not whole rows of %d columns with 2 bytes each", len(memory), columns)
	}
	t := &Text{Source: FromMemory, Columns: columns, Rows: len(memory) / 2 / columns, Font: "code page 437"}
	t.Cells = make([]Cell, len(memory)/2)
	for i := range t.Cells {
		code, attribute := memory[2*i], memory[2*i+1]
		t.Cells[i] = seen(cp437[code], vgaPalette[attribute&0xF], vgaPalette[attribute>>4])
	}
	return t, nil
}

// seen returns a cell as an eye sees it: one of a single colour is blank.
func seen(r rune, fg, bg color.RGBA) Cell {
	if r == '█' {
		r, bg = ' ', fg
	}
	if r == ' ' || fg == bg {
		r, fg = ' ', bg
	}
	return Cell{Rune: r, FG: fg, BG: bg, Known: true}
}

// vgaPalette are the sixteen colours of text mode as QEMU shows them, which
// makes eight bits of the palette's six by repeating the lowest.
var vgaPalette = [16]color.RGBA{
	{0x00, 0x00, 0x00, 255}, {0x00, 0x00, 0xA8, 255}, {0x00, 0xA8, 0x00, 255}, {0x00, 0xA8, 0xA8, 255},
	{0xA8, 0x00, 0x00, 255}, {0xA8, 0x00, 0xA8, 255}, {0xA8, 0x57, 0x00, 255}, {0xA8, 0xA8, 0xA8, 255},
	{0x57, 0x57, 0x57, 255}, {0x57, 0x57, 0xFF, 255}, {0x57, 0xFF, 0x57, 255}, {0x57, 0xFF, 0xFF, 255},
	{0xFF, 0x57, 0x57, 255}, {0xFF, 0x57, 0xFF, 255}, {0xFF, 0xFF, 0x57, 255}, {0xFF, 0xFF, 0xFF, 255},
}
