package screen

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"
)

// maxPF2 bounds a font file; Unifont's has 2.4 MB.
const maxPF2 = 16 << 20

// ReadPF2 reads a font of GRUB, such as unicode.pf2. Marks that combine with
// others are left out. The file is kept in memory for Font.Wide.
func ReadPF2(name string, r io.Reader) (*Font, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxPF2))
	if err != nil {
		return nil, fmt.Errorf("screen: font %q: %w", name, err)
	}
	p := pf2{data: data}
	if err := p.sections(); err != nil {
		return nil, fmt.Errorf("screen: font %q: %w", name, err)
	}
	f := &Font{Name: name, Height: p.ascent + p.descent}
	if f.Width = p.advance('M'); f.Width == 0 {
		return nil, fmt.Errorf("screen: font %q: has no letter M", name)
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	f.Glyphs = p.glyphs(f.Width, f.Height)
	if width, height := 2*f.Width, f.Height; width <= maxSide {
		f.Wide = func() []Glyph { return p.glyphs(width, height) }
	}
	return f, nil
}

// The layout is that of GRUB's font.c: sections of a name, a length and data,
// all numbers big-endian; the index has a character, a byte of flags and an
// offset in the file; a glyph has width, height, two offsets and its advance.
const (
	pf2Entry  = 9
	pf2Header = 10
)

// pf2 is a font file that is being read.
type pf2 struct {
	data, index     []byte
	ascent, descent int
}

func (p *pf2) sections() error {
	if !bytes.HasPrefix(p.data, []byte("FILE\x00\x00\x00\x04PFF2")) {
		return fmt.Errorf("not a font of GRUB: it begins with % x", p.data[:min(len(p.data), 4)])
	}
	for rest := p.data; len(rest) >= 8; {
		name, size := string(rest[:4]), int(binary.BigEndian.Uint32(rest[4:]))
		if name == "DATA" {
			break
		}
		if rest = rest[8:]; size > len(rest) {
			return fmt.Errorf("cut short in section %q", name)
		}
		switch body := rest[:size]; {
		case name == "ASCE" && size == 2:
			p.ascent = int(binary.BigEndian.Uint16(body))
		case name == "DESC" && size == 2:
			p.descent = int(binary.BigEndian.Uint16(body))
		case name == "CHIX":
			p.index = body
		}
		rest = rest[size:]
	}
	if p.index == nil {
		return fmt.Errorf("has no index of characters")
	}
	return nil
}

// header returns an entry's character and what stands at its offset, nil if
// that is outside the file.
func (p *pf2) header(entry []byte) (rune, []byte) {
	r, at := rune(binary.BigEndian.Uint32(entry)), int(binary.BigEndian.Uint32(entry[5:]))
	if at < 0 || at > len(p.data)-pf2Header {
		return r, nil
	}
	return r, p.data[at:]
}

// advance returns the width of a character's cell, 0 if it is not there.
func (p *pf2) advance(want rune) int {
	for i := 0; i+pf2Entry <= len(p.index); i += pf2Entry {
		if r, h := p.header(p.index[i:]); r == want && h != nil {
			return int(binary.BigEndian.Uint16(h[8:]))
		}
	}
	return 0
}

// glyphs returns the characters of one width.
func (p *pf2) glyphs(width, height int) (all []Glyph) {
	for i := 0; i+pf2Entry <= len(p.index); i += pf2Entry {
		if g, ok := p.glyph(p.index[i:], width, height); ok && !unicode.In(g.Rune, unicode.M, unicode.C) {
			all = append(all, g)
		}
	}
	return all
}

// glyph draws a character into a cell. A glyph's offsets are those of its lower
// left corner from the cell's left edge and the base line.
func (p *pf2) glyph(entry []byte, cellWidth, cellHeight int) (Glyph, bool) {
	r, h := p.header(entry)
	if h == nil || !utf8.ValidRune(r) { // GRUB has the forms of Arabic letters beyond Unicode
		return Glyph{}, false
	}
	half := func(i int) int { return int(int16(binary.BigEndian.Uint16(h[i:]))) }
	width, height, left, bottom, advance := half(0), half(2), half(4), half(6), half(8)
	top := p.ascent - bottom - height
	bitmap := h[pf2Header:]
	if advance != cellWidth || width < 0 || height < 0 || left < 0 || left+width > cellWidth || top < 0 || top+height > cellHeight ||
		(width*height+7)/8 > len(bitmap) {
		return Glyph{}, false
	}
	g := Glyph{r, make([]uint32, cellHeight)}
	for i := range width * height { // a bitmap's rows follow each other without padding
		if bitmap[i/8]&(0x80>>(i%8)) != 0 {
			g.Rows[top+i/width] |= 1 << (cellWidth - 1 - left - i%width)
		}
	}
	return g, true
}
