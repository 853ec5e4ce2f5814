package view

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"slices"
)

// canvas returns a size that all pictures fit in.
func (s *shots) canvas(chosen [][2]int64) (image.Rectangle, error) {
	var most image.Point
	for _, f := range chosen {
		data, err := s.picture(f)
		if err != nil {
			return image.Rectangle{}, err
		}
		c, err := png.DecodeConfig(bytes.NewReader(data))
		if err != nil {
			return image.Rectangle{}, err
		}
		most.X, most.Y = max(most.X, c.Width), max(most.Y, c.Height)
	}
	return fit(most, image.Rect(0, 0, gifWidth, gifWidth)), nil
}

// picture returns the bytes of a frame's picture.
func (s *shots) picture(f [2]int64) ([]byte, error) { return s.trace.picture(s.Pictures[f[1]]) }

// fit returns where in a box a picture of some size goes: in the middle, whole,
// and never larger than it is. In the box that canvas starts from, only the size
// matters.
func fit(size image.Point, box image.Rectangle) image.Rectangle {
	w, h := size.X, size.Y
	if w > box.Dx() {
		w, h = box.Dx(), h*box.Dx()/w
	}
	if h > box.Dy() {
		w, h = w*box.Dy()/h, box.Dy()
	}
	return image.Rect(0, 0, max(1, w), max(1, h))
}

// draw returns a picture in the middle of the canvas, on black.
func (s *shots) draw(f [2]int64, size image.Rectangle) (*image.RGBA, error) {
	data, err := s.picture(f)
	if err != nil {
		return nil, err
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	out := image.NewRGBA(size)
	draw.Draw(out, size, image.Black, image.Point{}, draw.Src)
	at := fit(img.Bounds().Size(), size)
	at = at.Add(size.Size().Sub(at.Size()).Div(2))
	if at.Size() == img.Bounds().Size() {
		draw.Draw(out, at, img, img.Bounds().Min, draw.Src)
	} else {
		shrink(out, at, toRGBA(img))
	}
	return out, nil
}

// shrink draws a picture into a smaller place. Each pixel is the mean of those
// that it stands for, so that thin strokes stay.
func shrink(out *image.RGBA, at image.Rectangle, img *image.RGBA) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	for y := range at.Dy() {
		top, bottom := y*h/at.Dy(), max((y+1)*h/at.Dy(), y*h/at.Dy()+1)
		for x := range at.Dx() {
			left, right := x*w/at.Dx(), max((x+1)*w/at.Dx(), x*w/at.Dx()+1)
			out.SetRGBA(at.Min.X+x, at.Min.Y+y, mean(img, image.Rect(left, top, right, bottom)))
		}
	}
}

func mean(img *image.RGBA, part image.Rectangle) color.RGBA {
	var r, g, b int
	for y := part.Min.Y; y < part.Max.Y; y++ {
		row := img.Pix[img.PixOffset(part.Min.X, y):img.PixOffset(part.Max.X, y)]
		for i := 0; i < len(row); i += 4 {
			r, g, b = r+int(row[i]), g+int(row[i+1]), b+int(row[i+2])
		}
	}
	n := part.Dx() * part.Dy()
	return color.RGBA{uint8(r / n), uint8(g / n), uint8(b / n), 0xff}
}

// quantize returns a part of a picture with at most 256 colours: its own if it
// has no more, and else such as stand for those that 5 bits a channel tell apart.
func quantize(img *image.RGBA, part image.Rectangle) *image.Paletted {
	cut := image.NewRGBA(image.Rectangle{Max: part.Size()})
	draw.Draw(cut, cut.Rect, img, part.Min, draw.Src)
	out := paletted(cut)
	if out == nil {
		out = reduced(cut)
	}
	out.Rect = part
	return out
}

func reduced(img *image.RGBA) *image.Paletted {
	bucket := func(i int) int {
		return int(img.Pix[i]>>3)<<10 | int(img.Pix[i+1]>>3)<<5 | int(img.Pix[i+2]>>3)
	}
	var count, index [1 << 15]int
	for i := 0; i < len(img.Pix); i += 4 {
		count[bucket(i)]++
	}
	var all []int
	for b, n := range count {
		if n > 0 {
			all = append(all, b)
		}
	}
	out := image.NewPaletted(img.Rect, nil)
	for i, box := range split(all, &count) {
		for _, b := range box {
			index[b] = i
		}
		out.Palette = append(out.Palette, average(box, &count))
	}
	for i := range out.Pix {
		out.Pix[i] = uint8(index[bucket(4*i)])
	}
	return out
}

// split divides colours into at most 256 boxes by median cut (Heckbert, 1982):
// again and again that with the widest channel, in two halves with as many
// pixels each.
func split(all []int, count *[1 << 15]int) [][]int {
	boxes := [][]int{all}
	for len(boxes) < 256 {
		most, at, shift := 0, 0, 0
		for i, box := range boxes {
			if width, s := widest(box); width > most {
				most, at, shift = width, i, s
			}
		}
		if most == 0 {
			break // each box is one colour
		}
		box := boxes[at]
		slices.SortFunc(box, func(a, b int) int { return cmp.Or(a>>shift&31-b>>shift&31, a-b) })
		cut := median(box, count)
		boxes[at] = box[:cut]
		boxes = append(boxes, box[cut:])
	}
	return boxes
}

// widest returns how wide a box is in its widest channel, and where that begins.
func widest(box []int) (width, shift int) {
	for _, s := range []int{10, 5, 0} {
		low, high := 31, 0
		for _, b := range box {
			low, high = min(low, b>>s&31), max(high, b>>s&31)
		}
		if high-low > width {
			width, shift = high-low, s
		}
	}
	return width, shift
}

// median returns where the second half of the pixels begins; neither half is empty.
func median(box []int, count *[1 << 15]int) int {
	sum, half := 0, 0
	for _, b := range box {
		sum += count[b]
	}
	for i, b := range box[:len(box)-1] {
		if half += count[b]; 2*half >= sum {
			return i + 1
		}
	}
	return len(box) - 1
}

func average(box []int, count *[1 << 15]int) color.RGBA {
	var r, g, b, n int
	for _, c := range box {
		w := wide(c)
		r, g, b, n = r+int(w.R)*count[c], g+int(w.G)*count[c], b+int(w.B)*count[c], n+count[c]
	}
	return color.RGBA{uint8(r / n), uint8(g / n), uint8(b / n), 0xff}
}

// wide returns the colour of three times 5 bits.
func wide(b int) color.RGBA {
	eight := func(five int) uint8 { return uint8(five&31<<3 | five&31>>2) }
	return color.RGBA{eight(b >> 10), eight(b >> 5), eight(b), 0xff}
}
