package screen

import (
	"cmp"
	"errors"
	"image"
	"slices"
	"sync"
	"unicode/utf8"
	"weak"
)

// Reader reads texts from pictures. The zero Reader knows the fonts of this
// machine. It remembers where the cells of the last picture were, which makes
// the next one cheap, and so is best kept for one guest. Its methods may be
// called from several goroutines at once, one after the other being served.
type Reader struct {
	// Fonts are the fonts that the guest may use, the likeliest first. A
	// picture is read in the one that explains most of it. Nil
	// means what SystemFonts finds, and what MoreSystemFonts finds if that
	// does not explain a picture. It must not be changed after the first Read.
	Fonts []*Font

	mu sync.Mutex
	// pix is memory for pixels, which the garbage collector may have back.
	pix            weak.Pointer[pixels]
	first          sizes // the fonts to look in first
	nine, narrow   sizes // those of last resort, for text mode and for all else; nil until needed
	last           grid  // where the cells were in the picture before
	size           image.Point
	known, unknown int // cells with ink in it
	loadErr        error
}

// ErrNoFonts says that a Reader was given no fonts and found none.
var ErrNoFonts = errors.New("screen: no fonts found; install QEMU's VGA BIOS (package seabios) or set Reader.Fonts")

// maxPixels bounds the pictures that are read: 8192 times 8192.
const maxPixels = 1 << 26

// Read reads the text of a picture: of the grid of cells that explains most of
// it. A picture without any text is a Text of cells that are blank or not
// known. The picture is not changed and not kept.
func (r *Reader) Read(img image.Image) (*Text, error) {
	if img == nil {
		return nil, errors.New("screen: read: the picture is nil")
	}
	if b := img.Bounds(); b.Empty() || b.Dx() > maxPixels/b.Dy() {
		return nil, errors.New("screen: read: the picture is empty or absurdly large: " + b.String())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.prepare(); err != nil {
		return nil, err
	}
	pix := r.pix.Value()
	if pix == nil {
		pix = new(pixels)
		r.pix = weak.Make(pix)
	}
	pix.open(img)
	defer pix.close()
	s := &scanner{pix: pix}
	best := r.best(s)
	if best == nil {
		return &Text{Source: FromGlyphs}, nil
	}
	if best.err != nil {
		return nil, best.err
	}
	r.last, r.size = best.grid, image.Pt(pix.width, pix.height)
	r.known, r.unknown = best.known, best.unknown
	t := best.text(s)
	t.Origin = t.Origin.Add(img.Bounds().Min)
	return t, nil
}

// prepare sorts the fonts, once.
func (r *Reader) prepare() error {
	if r.first != nil || r.loadErr != nil {
		return r.loadErr
	}
	fonts := r.Fonts
	if fonts == nil {
		if fonts = SystemFonts(); len(fonts) == 0 {
			fonts = MoreSystemFonts()
		}
	}
	if len(fonts) == 0 {
		r.loadErr = ErrNoFonts
		return r.loadErr
	}
	first, err := indexes(fonts)
	if err != nil {
		r.loadErr = err
		return err
	}
	r.first = first
	return nil
}

// rare returns the fonts of last resort if they may explain anything: they are
// looked for on plain ground only, and a picture that is far more than that, such
// as a firmware's logo, is not worth the time to load them.
func (r *Reader) rare(s *scanner) sizes {
	for _, x := range r.first {
		if (x.width == 9) != vgaText(s.pix) || x.width > s.pix.width || x.height > s.pix.height {
			continue
		}
		s.plain = true
		plain, coloured := s.scan(gridAt(x, s.pix, 0, 0)).unread()
		s.plain = false
		if coloured > 2*plain {
			return nil
		}
		break
	}
	return r.more(s.pix)
}

// more returns the fonts of last resort for a picture. Only those of the kind
// that searchGrid takes are loaded: they are many.
func (r *Reader) more(p *pixels) sizes {
	fonts, enter := &r.narrow, (*sizes).addNarrow
	if vgaText(p) {
		fonts, enter = &r.nine, (*sizes).addNine
	}
	if *fonts == nil {
		*fonts = make(sizes, 0)
		if r.Fonts == nil {
			for f := range consoleFonts { // not all of them at once
				enter(fonts, f)
			}
		}
	}
	return *fonts
}

// best returns the scan that explains most: of the grid of the picture before,
// or of the first usual one that is good, or else of what a search finds.
func (r *Reader) best(s *scanner) *scan {
	var best *scan
	try := func(g grid) *scan {
		n := s.scan(g)
		if n.better(best) {
			best = n
		}
		return n
	}
	if r.last.index != nil && r.size == image.Pt(s.pix.width, s.pix.height) {
		n := try(r.last)
		// Where more is unknown than before, the cells may have moved: with
		// another mode, or because the first text was good in two fonts.
		explained := (n.good() || n.fair()) && n.unknown <= r.unknown
		if explained || n.empty() || n.known == r.known && n.unknown == r.unknown {
			return best
		}
	}
	for i, g := range usual(r.first, s.pix) {
		if n := try(g); n.good() || i == 0 && n.empty() {
			return best
		}
	}
	if best != nil && best.fair() {
		return best
	}
	r.search(s, func(g grid) bool { try(g); return best.good() || best.fair() })
	return best
}

// search tries grids wherever they may be: first for text on plain ground, then
// for text on pictures, then for that in fonts of last resort.
func (r *Reader) search(s *scanner, found func(grid) bool) {
	defer func() { s.plain = false }()
	s.pix.whole()
	anchors := edges(s.pix, 64)
	for _, pass := range []struct {
		plain bool
		fonts func() sizes
	}{
		{true, func() sizes { return r.first }},
		{false, func() sizes { return r.first }},
		{true, func() sizes { return r.rare(s) }},
	} {
		for _, x := range pass.fonts() {
			s.plain = pass.plain
			g, ok := searchGrid(s, x, anchors)
			s.plain = false
			if ok && found(g) {
				return
			}
		}
	}
}

// text makes a text of a scan: most cells are in one font, which decides where
// a bitmap means different things in different fonts.
func (r *scan) text(s *scanner) *Text {
	x := r.grid.index
	font, trusted := r.font(), r.good() || r.fair()
	r.turn(font)
	r.reconsider(s, font)
	r.cursors(s, font)
	r.doubt(font, trusted)
	r.cover()
	t := &Text{Source: FromGlyphs, Columns: r.grid.columns, Rows: r.grid.rows, Cells: make([]Cell, len(r.cells)),
		Origin: image.Pt(r.grid.x, r.grid.y), Cell: image.Pt(x.width, x.height)}
	r.settle()
	r.scripts(font)
	for i := range r.cells {
		t.Cells[i] = r.cells[i].cell(x, font)
		if r.cells[i].hit != none || r.cells[i].kind == wide {
			t.Font = x.fonts[font]
		}
	}
	return t
}

// font returns the font that explains most cells.
func (r *scan) font() int32 { return most(r.votes()) }

// most returns the font that has most of the votes.
func most(votes []int) (best int32) {
	for i, n := range votes {
		if n > votes[best] {
			best = int32(i)
		}
	}
	return best
}

// votes returns how much of the cells each font explains.
func (r *scan) votes() []int {
	x := r.grid.index
	uses, votes := make([]int, len(x.bitmaps)), make([]int, len(x.fonts))
	for _, c := range r.cells {
		switch {
		case c.hit != none:
			uses[c.hit]++
		case c.kind == wide:
			votes[r.wideFont] += wideWeight
		}
	}
	for i, n := range uses {
		if n == 0 {
			continue
		}
		for _, m := range x.bitmaps[i].means {
			votes[m.font] += n * weight(m.r)
		}
	}
	return votes
}

// wideWeight is the vote of a character of two cells: that of two letters.
const wideWeight = 2 * letterWeight

const letterWeight = 4

// weight is the vote of a character for a font: letters, which differ from
// font to font, count more than lines and dots.
func weight(r rune) int {
	if letter(r) {
		return letterWeight
	}
	return 1
}

// turn exchanges the colours of bitmaps that are one either way, as those of
// shades are, where only the other one is in the font that most cells are in.
func (r *scan) turn(font int32) {
	for i := range r.cells {
		c := &r.cells[i]
		if c.other == none || !r.foreign(*c, font) {
			continue
		}
		if _, ok := r.grid.index.bitmaps[c.other].in(font); ok {
			c.hit, c.other = c.other, none
			c.fg, c.bg = c.bg, c.fg
		}
	}
}

// settle decides about bitmaps that are one with their colours either way, as
// those of half blocks are: the background is what most of the row has.
func (r *scan) settle() {
	for row := range r.grid.rows {
		line := r.cells[row*r.grid.columns:][:r.grid.columns]
		if !slices.ContainsFunc(line, func(c scanned) bool { return c.other != none }) {
			continue
		}
		grounds := map[uint32]int{}
		for _, c := range line {
			if c.other == none {
				grounds[c.bg]++
			}
		}
		for i := range line {
			if c := &line[i]; c.other != none && grounds[c.fg] > grounds[c.bg] {
				c.hit, c.other = c.other, c.hit
				c.fg, c.bg = c.bg, c.fg
			}
		}
	}
}

func (c *scanned) cell(x *index, font int32) Cell {
	cell := Cell{Rune: utf8.RuneError, FG: rgba(c.fg), BG: rgba(c.bg), Cursor: c.cursor}
	switch c.kind {
	case wide, wideRest:
		cell.Rune, cell.Known = c.r, true
	case blank:
		cell.Rune, cell.FG, cell.Known = ' ', cell.BG, true
	case glyph, overlay:
		if r, ok := x.bitmaps[c.hit].in(font); ok {
			cell.Rune, cell.Known = cmp.Or(c.r, r), true
		}
	}
	return cell
}
