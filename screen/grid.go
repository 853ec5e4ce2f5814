package screen

import (
	"image"
	"slices"
)

// grid is where cells are in a picture.
type grid struct {
	index         *index
	x, y          int // of the first cell
	columns, rows int
}

// gridAt returns the grid of all whole cells that a picture has when one of
// them begins at x, y.
func gridAt(x *index, p *pixels, left, top int) grid {
	left, top = left%x.width, top%x.height
	return grid{x, left, top, (p.width - left) / x.width, (p.height - top) / x.height}
}

// Where the cells of graphical boot menus begin: ISOLINUX's vesamenu leaves a
// border of eight pixels, GRUB's gfxterm one of ten.
const (
	vesaBorder  = 8
	gfxtermLeft = 10
	gfxtermTop  = 10
)

// usual returns the grids to try first. A VGA in text mode has nine pixels a
// column where its picture's width says so. Consoles on a framebuffer begin in
// the corner, or else are centred, or both ways by axis.
func usual(indexes []*index, p *pixels) []grid {
	var all []grid
	for _, x := range indexes {
		if x.width > p.width || x.height > p.height || (x.width == 9) != vgaText(p) {
			continue
		}
		all = append(all, gridAt(x, p, 0, 0))
		left, top := p.width%x.width/2, p.height%x.height/2
		if left != 0 || top != 0 {
			all = append(all, gridAt(x, p, left, top))
		}
		if x.width == 8 && x.height == 16 {
			all = append(all, gridAt(x, p, 0, vesaBorder), gridAt(x, p, gfxtermLeft, gfxtermTop))
		}
	}
	return slices.DeleteFunc(all, func(g grid) bool { return g.columns < 1 || g.rows < 1 })
}

// vgaText tells whether a picture has the size of a text mode with cells of
// nine pixels: 80 or 132 columns of 25 to 60 rows.
func vgaText(p *pixels) bool {
	return (p.width == 720 || p.width == 1188) && p.height >= 350 && p.height <= 480
}

// searchGrid looks for the place of the cells by trying all on a sample of the
// picture, its anchors. It returns false if hardly anything is recognised.
func searchGrid(s *scanner, x *index, anchors []image.Point) (grid, bool) {
	if x.width > s.pix.width || x.height > s.pix.height || (x.width == 9) != vgaText(s.pix) {
		return grid{}, false
	}
	const enough = 4
	best, place := enough-1, image.Point{}
	for top := range x.height {
		for left := range x.width {
			if n := s.sample(x, anchors, left, top); n > best {
				best, place = n, image.Pt(left, top)
			}
		}
	}
	return gridAt(x, s.pix, place.X, place.Y), best >= enough
}

// edges returns up to n points of the picture where its colour changes much
// from one pixel to the right one, spread evenly over them all.
func edges(p *pixels, n int) []image.Point {
	const much = 64
	var all []image.Point
	for y := range p.height {
		row := p.line(y)
		for x := 1; x < len(row); x++ {
			if row[x] != row[x-1] && distance(row[x], row[x-1]) >= much {
				all = append(all, image.Pt(x, y))
			}
		}
	}
	if len(all) <= n {
		return all
	}
	spread := make([]image.Point, n)
	for i := range spread {
		spread[i] = all[i*len(all)/n]
	}
	return spread
}

// sample counts the anchors that lie in cells which are recognised when cells
// begin at left, top. Marks of little ink, which turn up anywhere, do not count.
func (s *scanner) sample(x *index, anchors []image.Point, left, top int) int {
	const little = 10
	g := gridAt(x, s.pix, left, top)
	n := 0
	for _, a := range anchors {
		if a.X < left || a.Y < top {
			continue
		}
		column, row := (a.X-left)/x.width, (a.Y-top)/x.height
		if column >= g.columns || row >= g.rows {
			continue
		}
		c := s.cell(x, left+column*x.width, top+row*x.height)
		if c.hit != none && x.bitmaps[c.hit].ink >= little {
			n++
		}
	}
	return n
}
