package screen

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
)

// The layout is that of the kbd project's psf.h.
const (
	psf1Magic      = 0x0436
	psf1Mode512    = 0x01
	psf1ModeTable  = 0x02 | 0x04
	psf1Separator  = 0xFFFF
	psf1Sequence   = 0xFFFE
	psf2Magic      = 0x864ab572
	psf2HasTable   = 0x01
	psf2Separator  = 0xFF
	psf2Sequence   = 0xFE
	maxPSF         = 4 << 20
	maxPSFGlyphs   = 1 << 16
	psf1HeaderSize = 4
	psf2HeaderSize = 32
)

// ReadPSF reads a console font of Linux, PSF version 1 or 2, also compressed by
// gzip. A font without a Unicode table is taken to be in code page 437.
func ReadPSF(name string, r io.Reader) (*Font, error) {
	return new(psfReader).read(name, r)
}

// psfReader reads fonts one after the other, in the same memory: a font is good
// until the next is read.
type psfReader struct {
	file, plain bytes.Buffer
	zip         gzip.Reader
	glyphs      []Glyph
	rows        []uint32
}

func (p *psfReader) read(name string, r io.Reader) (*Font, error) {
	data, err := p.data(r)
	if err != nil {
		return nil, fmt.Errorf("screen: font %q: %w", name, err)
	}
	file := psf{data: data}
	if err := file.header(); err != nil {
		return nil, fmt.Errorf("screen: font %q: %w", name, err)
	}
	f := &Font{Name: name, Width: file.width, Height: file.height}
	if err := f.check(); err != nil {
		return nil, err
	}
	p.glyphs, p.rows = sized(p.glyphs, file.count), sized(p.rows, file.count*file.height)
	f.Glyphs = p.glyphs
	file.draw(f.Glyphs, p.rows)
	return f, nil
}

// sized returns a slice of a length, in the memory of an old one if that is
// enough.
func sized[T any](old []T, length int) []T { return slices.Grow(old[:0], length)[:length] }

// data returns what a file holds, decompressed.
func (p *psfReader) data(r io.Reader) ([]byte, error) {
	data, err := fill(&p.file, r)
	if err != nil || !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return data, err
	}
	if err := p.zip.Reset(bytes.NewReader(data)); err != nil {
		return nil, err
	}
	return fill(&p.plain, &p.zip)
}

func fill(b *bytes.Buffer, r io.Reader) ([]byte, error) {
	b.Reset()
	_, err := b.ReadFrom(io.LimitReader(r, maxPSF))
	return b.Bytes(), err
}

// psf is a font file that is being read.
type psf struct {
	data                 []byte
	version              int
	start, count, size   int // of the bitmaps: offset, number, bytes each
	width, height, flags int
}

func (p *psf) header() error {
	d := p.data
	switch {
	case len(d) >= psf1HeaderSize && binary.LittleEndian.Uint16(d) == psf1Magic:
		p.version, p.start, p.count = 1, psf1HeaderSize, 256
		p.flags, p.size = int(d[2]), int(d[3])
		p.width, p.height = 8, p.size
		if p.flags&psf1Mode512 != 0 {
			p.count = 512
		}
	case len(d) >= psf2HeaderSize && binary.LittleEndian.Uint32(d) == psf2Magic:
		field := func(i int) int { return int(binary.LittleEndian.Uint32(d[4*i:])) }
		p.version, p.start, p.flags = 2, field(2), field(3)
		p.count, p.size, p.height, p.width = field(4), field(5), field(6), field(7)
	default:
		return fmt.Errorf("not a PSF font: it begins with % x", d[:min(len(d), 4)])
	}
	if p.count > maxPSFGlyphs || p.width > maxSide || p.height > maxSide || p.size < (p.width+7)/8*p.height {
		return fmt.Errorf("absurd header: %d glyphs of %dx%d pixels in %d bytes each", p.count, p.width, p.height, p.size)
	}
	if p.start < 0 || p.start > len(d) || len(d)-p.start < p.count*p.size {
		return fmt.Errorf("cut short: %d bytes, but %d glyphs of %d bytes are announced", len(d), p.count, p.size)
	}
	return nil
}

// draw fills in the font's glyphs, with memory for their rows. One without a
// meaning is U+FFFD.
func (p *psf) draw(glyphs []Glyph, rows []uint32) {
	runes := p.runes()
	for i := range glyphs {
		g := Glyph{Rune: utf8.RuneError, Rows: rows[:p.height:p.height]}
		rows = rows[p.height:]
		unpack(g.Rows, p.data[p.start+i*p.size:], p.width)
		if runes != nil {
			g.Rune = runes[i]
		} else if i < len(cp437) {
			g.Rune = cp437[i]
		}
		glyphs[i] = g
	}
}

// runes returns the character of each glyph, U+FFFD for one that has none, or
// nil if the font does not say. Sequences of combining characters are left out.
func (p *psf) runes() []rune {
	table := p.data[p.start+p.count*p.size:]
	switch {
	case p.version == 1 && p.flags&psf1ModeTable != 0:
		return psf1Table(table, p.count)
	case p.version == 2 && p.flags&psf2HasTable != 0:
		return psf2Table(table, p.count)
	}
	return nil
}

// meanings are the characters of glyphs.
type meanings []rune

func newMeanings(count int) meanings { return slices.Repeat(meanings{utf8.RuneError}, count) }

// add enters a character of a glyph. Of several the ASCII one is meant, or else
// the first.
func (m meanings) add(i int, r rune) {
	if had := m[i]; had == utf8.RuneError || had >= utf8.RuneSelf && r < utf8.RuneSelf {
		m[i] = r
	}
}

func psf1Table(table []byte, count int) meanings {
	all := newMeanings(count)
	sequence := false
	for i := 0; i < count && len(table) >= 2; table = table[2:] {
		switch u := binary.LittleEndian.Uint16(table); {
		case u == psf1Separator:
			i, sequence = i+1, false
		case u == psf1Sequence:
			sequence = true
		case !sequence:
			all.add(i, rune(u))
		}
	}
	return all
}

func psf2Table(table []byte, count int) meanings {
	all := newMeanings(count)
	sequence := false
	for i := 0; i < count && len(table) > 0; {
		r, n := utf8.DecodeRune(table)
		switch {
		case table[0] == psf2Separator:
			i, sequence = i+1, false
		case table[0] == psf2Sequence:
			sequence = true
		case !sequence && r != utf8.RuneError:
			all.add(i, r)
		}
		table = table[n:]
	}
	return all
}
