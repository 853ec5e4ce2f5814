package view

import (
	"bytes"
	"fmt"
	"image"
	"io"
	"math"

	"github.com/bootscribe/bootscribe/screen"
)

// What a GIF may be: it is for a README or a chat, where a report does not fit.
const (
	gifWidth  = 720     // pixels
	gifFrames = 120     // at most
	gifBytes  = 8 << 20 // at most, unless two frames are larger
	gifLength = 3000    // hundredths of a second, at most as long without the last picture
	gifLast   = 300     // how long the last picture stays
	gifShort  = 6       // the shortest that viewers respect
	gifLong   = 150     // a picture that stays longer in the build is not worth more
)

// GIF writes an animation of a trace: its pictures, at most 120 of them, up to
// 720 pixels wide, in at most half a minute and 8 MiB. It is an error if the
// trace has no picture.
func GIF(w io.Writer, traceDir string) error {
	t, err := readTrace(traceDir)
	if err != nil {
		return err
	}
	seen, err := t.shots()
	if err != nil {
		return err
	}
	if len(seen.Frames) == 0 {
		return fmt.Errorf("view: GIF of %s: it has no picture of the screen", traceDir)
	}
	b, err := seen.within(gifBytes, t.length())
	if err != nil {
		return fmt.Errorf("view: GIF of %s: %w", traceDir, err)
	}
	_, err = b.WriteTo(w)
	return err
}

// within returns a GIF of so many bytes or less, with as many of the pictures as
// fit; with two of them if even those are more.
func (s *shots) within(room int, length int64) (*bytes.Buffer, error) {
	for most := min(gifFrames, len(s.Frames)); ; {
		b := measured{room: room}
		if most <= 2 {
			b.room = math.MaxInt
		}
		if err := s.animate(&b, most, length); err != nil {
			return nil, err
		}
		if b.size <= b.room {
			return &b.kept, nil
		}
		most = max(2, min(most*3/4, most*room*9/10/b.size))
	}
}

// animate writes at most so many pictures as a GIF.
func (s *shots) animate(w io.Writer, most int, length int64) error {
	chosen := s.choose(most)
	size, err := s.canvas(chosen)
	if err != nil {
		return err
	}
	stay := delays(chosen, length)
	out := newGIF(w, size)
	before := image.NewRGBA(size)
	for i, f := range chosen {
		now, err := s.draw(f, size)
		if err != nil {
			return err
		}
		changed := screen.Changed(before, now)
		if i == 0 {
			changed = size
		}
		if changed.Empty() {
			changed = image.Rect(0, 0, 1, 1)
		}
		out.add(quantize(now, changed), stay[i])
		before = now
	}
	return out.end()
}

// choose returns frames that are evenly spread over their number, the first and
// the last among them.
func (s *shots) choose(most int) [][2]int64 {
	if len(s.Frames) <= most {
		return s.Frames
	}
	list := make([][2]int64, most)
	for i := range list {
		list[i] = s.Frames[i*(len(s.Frames)-1)/(most-1)]
	}
	return list
}

// delays returns how long each picture stays. All of them are shown faster than
// they came, if that took more than half a minute.
func delays(chosen [][2]int64, length int64) []int {
	list := make([]int, len(chosen))
	sum := 0
	for i := range chosen {
		if i == len(chosen)-1 {
			list[i] = gifLast
			break
		}
		real := (chosen[i+1][0] - chosen[i][0]) / 10
		list[i] = max(gifShort, min(gifLong, int(real*gifLength/max(gifLength, length/10))))
		sum += list[i]
	}
	if sum > gifLength { // many short ones
		for i := range list[:len(list)-1] {
			list[i] = max(2, list[i]*gifLength/sum)
		}
	}
	return list
}
