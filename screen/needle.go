package screen

import (
	"errors"
	"image"
)

// Needle is a picture to look for in another.
type Needle struct {
	// Image is what to look for. Its pixels of no opacity match anything.
	Image image.Image
	// Tolerance is by how much red, green and blue may each differ, 0 to 255.
	// Zero means not at all.
	Tolerance int
	// Wrong is the part of the pixels that may differ by more, 0 to 1. Zero
	// means none.
	Wrong float64
}

// FindImage returns the first place of a needle in a region of a picture, from
// top to bottom; ok is false if there is none. The zero Rectangle is the whole
// picture; the needle must lie in the region whole.
func FindImage(img image.Image, n Needle, region image.Rectangle) (at image.Rectangle, ok bool, err error) {
	if n.Image == nil || n.Image.Bounds().Empty() {
		return image.Rectangle{}, false, errors.New("screen: find image: Needle.Image is nil or empty")
	}
	if region == (image.Rectangle{}) {
		region = img.Bounds()
	}
	region = region.Intersect(img.Bounds()).Sub(img.Bounds().Min)
	var p pixels
	p.load(img)
	points, allowed := n.points()
	if len(points) == 0 {
		return image.Rectangle{}, false, errors.New("screen: find image: Needle.Image is transparent everywhere")
	}
	size := n.Image.Bounds().Size()
	for y := region.Min.Y; y+size.Y <= region.Max.Y; y++ {
		for x := region.Min.X; x+size.X <= region.Max.X; x++ {
			if n.matches(&p, x, y, points, allowed) {
				place := image.Pt(x, y).Add(img.Bounds().Min)
				return image.Rectangle{place, place.Add(size)}, true, nil
			}
		}
	}
	return image.Rectangle{}, false, nil
}

// point is a pixel of a needle.
type point struct {
	x, y   int
	colour uint32
}

// points returns the pixels that count, those first that tell most: where the
// colour changes along a row. allowed is how many of them may be wrong.
func (n Needle) points() (all []point, allowed int) {
	var plain []point
	b := n.Image.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		last := uint32(1 << 31)
		for x := b.Min.X; x < b.Max.X; x++ {
			c := n.Image.At(x, y)
			if _, _, _, opacity := c.RGBA(); opacity == 0 {
				continue
			}
			p := point{x - b.Min.X, y - b.Min.Y, rgb(c)}
			if p.colour == last {
				plain = append(plain, p)
			} else {
				all = append(all, p)
			}
			last = p.colour
		}
	}
	all = append(all, plain...)
	return all, int(n.Wrong * float64(len(all)))
}

func (n Needle) matches(p *pixels, x, y int, points []point, allowed int) bool {
	for _, q := range points {
		if c := p.at(x+q.x, y+q.y); c != q.colour && (n.Tolerance == 0 || distance(c, q.colour) > n.Tolerance) {
			if allowed--; allowed < 0 {
				return false
			}
		}
	}
	return true
}
