package screen

import (
	"image"
	"image/color"
	"slices"
)

// pixels is a picture as one number a pixel: red, green, blue from the top of
// the lower three bytes. All of it is in memory, or only some rows at a time,
// which is enough to go through it from the top and a quarter of the memory that
// the picture itself takes.
type pixels struct {
	width, height int
	pix           []uint32 // the rows, or room for a band of them
	fill          func(dst []uint32, y int)
	band          []int // which row is in each place of the band; nil if all are there
}

// bandRows is how many rows are in memory at a time: those of a cell and more.
const bandRows = 2 * maxSide

// line returns a row, which is good until bandRows others were asked for.
func (p *pixels) line(y int) []uint32 {
	if p.band == nil {
		return p.pix[y*p.width : (y+1)*p.width]
	}
	i := y % bandRows
	row := p.pix[i*p.width : (i+1)*p.width]
	if p.band[i] != y {
		p.fill(row, y)
		p.band[i] = y
	}
	return row
}

func (p *pixels) at(x, y int) uint32 { return p.line(y)[x] }

// open takes a picture, reusing p's memory. Its rows are taken when they are
// asked for.
func (p *pixels) open(img image.Image) {
	b := img.Bounds()
	p.width, p.height, p.fill = b.Dx(), b.Dy(), rowsOf(img)
	p.room(min(p.height, bandRows))
	p.band = slices.Grow(p.band[:0], bandRows)[:bandRows]
	for i := range p.band {
		p.band[i] = -1
	}
}

// close lets go of the picture.
func (p *pixels) close() { p.fill = nil }

// load takes a picture's pixels, all at once.
func (p *pixels) load(img image.Image) {
	p.open(img)
	p.whole()
	p.close()
}

// whole takes all rows, for who jumps from one end of the picture to the other.
func (p *pixels) whole() {
	if p.band == nil {
		return
	}
	p.band = nil
	p.room(p.height)
	for y := range p.height {
		p.fill(p.line(y), y)
	}
}

// room makes room for some rows.
func (p *pixels) room(rows int) {
	if n := p.width * rows; cap(p.pix) < n {
		p.pix = make([]uint32, n)
	} else {
		p.pix = p.pix[:n]
	}
}

// rowsOf returns a function that fills in the row of a picture that is so many
// below its first. Frames of package vnc and decoded PNGs have fast ways.
func rowsOf(img image.Image) func(dst []uint32, y int) {
	b := img.Bounds()
	switch m := img.(type) {
	case *image.RGBA:
		return rowsRGBA(m.Pix, m.Stride, m.PixOffset(b.Min.X, b.Min.Y))
	case *image.NRGBA:
		if m.Opaque() {
			return rowsRGBA(m.Pix, m.Stride, m.PixOffset(b.Min.X, b.Min.Y))
		}
	case *image.Paletted:
		return rowsPaletted(m)
	}
	return func(dst []uint32, y int) {
		for x := range dst {
			dst[x] = rgb(img.At(b.Min.X+x, b.Min.Y+y))
		}
	}
}

func rowsRGBA(pix []uint8, stride, offset int) func(dst []uint32, y int) {
	return func(dst []uint32, y int) {
		src := pix[offset+y*stride:][:4*len(dst)]
		for x := range dst {
			s := src[4*x : 4*x+4 : 4*x+4]
			dst[x] = uint32(s[0])<<16 | uint32(s[1])<<8 | uint32(s[2])
		}
	}
}

func rowsPaletted(m *image.Paletted) func(dst []uint32, y int) {
	var colours [256]uint32
	for i, c := range m.Palette {
		colours[i&0xFF] = rgb(c)
	}
	offset := m.PixOffset(m.Rect.Min.X, m.Rect.Min.Y)
	return func(dst []uint32, y int) {
		src := m.Pix[offset+y*m.Stride:][:len(dst)]
		for x := range dst {
			dst[x] = colours[src[x]]
		}
	}
}

func rgb(c color.Color) uint32 {
	r, g, b, _ := c.RGBA()
	return r>>8<<16 | g>>8<<8 | b>>8
}

// rgba is the inverse of rgb.
func rgba(c uint32) color.RGBA {
	return color.RGBA{uint8(c >> 16), uint8(c >> 8), uint8(c), 255}
}

// distance is the largest difference of two colours in red, green or blue.
func distance(a, b uint32) int {
	d := 0
	for shift := 0; shift < 24; shift += 8 {
		c := int(a>>shift&0xFF) - int(b>>shift&0xFF)
		d = max(d, c, -c)
	}
	return d
}

func luma(c uint32) int {
	return 2*int(c>>16) + 5*int(c>>8&0xFF) + int(c&0xFF)
}
