package screen

import (
	"image"
	"image/color"
)

// pixels is a picture as one number a pixel: red, green, blue from the top of
// the lower three bytes.
type pixels struct {
	width, height int
	pix           []uint32
}

func (p *pixels) at(x, y int) uint32 { return p.pix[y*p.width+x] }

// load takes a picture's pixels, reusing p's memory. Frames of package vnc and
// decoded PNGs have fast ways.
func (p *pixels) load(img image.Image) {
	b := img.Bounds()
	p.width, p.height = b.Dx(), b.Dy()
	if n := p.width * p.height; cap(p.pix) < n {
		p.pix = make([]uint32, n)
	} else {
		p.pix = p.pix[:n]
	}
	switch m := img.(type) {
	case *image.RGBA:
		p.loadRGBA(m.Pix, m.Stride, m.PixOffset(b.Min.X, b.Min.Y))
	case *image.NRGBA:
		if m.Opaque() {
			p.loadRGBA(m.Pix, m.Stride, m.PixOffset(b.Min.X, b.Min.Y))
			return
		}
		p.loadAny(img)
	case *image.Paletted:
		p.loadPaletted(m)
	default:
		p.loadAny(img)
	}
}

func (p *pixels) loadRGBA(pix []uint8, stride, offset int) {
	for y := range p.height {
		src := pix[offset+y*stride:][:4*p.width]
		dst := p.pix[y*p.width:][:p.width]
		for x := range dst {
			s := src[4*x : 4*x+4 : 4*x+4]
			dst[x] = uint32(s[0])<<16 | uint32(s[1])<<8 | uint32(s[2])
		}
	}
}

func (p *pixels) loadPaletted(m *image.Paletted) {
	var colours [256]uint32
	for i, c := range m.Palette {
		colours[i&0xFF] = rgb(c)
	}
	offset := m.PixOffset(m.Rect.Min.X, m.Rect.Min.Y)
	for y := range p.height {
		src := m.Pix[offset+y*m.Stride:][:p.width]
		dst := p.pix[y*p.width:][:p.width]
		for x := range dst {
			dst[x] = colours[src[x]]
		}
	}
}

func (p *pixels) loadAny(img image.Image) {
	b := img.Bounds()
	for y := range p.height {
		for x := range p.width {
			p.pix[y*p.width+x] = rgb(img.At(b.Min.X+x, b.Min.Y+y))
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
