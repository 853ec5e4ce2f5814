package imagebuild

import (
	"fmt"

	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/screen"
)

// underscore is what the cursor of some consoles looks like.
const underscore = '_'

// cell returns a cell of a text where it is on the grid of another.
func cell(t, grid *screen.Text, i int) screen.Cell {
	if i < 0 || i >= len(t.Cells) || t.Columns != grid.Columns || t.Origin != grid.Origin {
		return screen.Cell{Rune: ' ', Known: true}
	}
	return t.Cells[i]
}

// appeared returns the cell in which a character has appeared, or -1: the only
// new one, or among several the one before the cursor.
func appeared(base, now *screen.Text, c rune) int {
	const few = 4 // cells that a clock changes
	var found []int
	other, cursor := 0, -1
	for i, is := range now.Cells {
		was := cell(base, now, i)
		if is.Cursor {
			cursor = i
		}
		switch {
		case is.Rune == was.Rune || is.Rune == ' ':
		case is.Rune == c && (was.Rune == ' ' || was.Rune == underscore || was.Cursor):
			found = append(found, i)
		case is.Rune != underscore:
			other++
		}
	}
	if len(found) == 1 && other < few {
		return found[0]
	}
	for _, i := range found {
		if i == cursor-1 {
			return i
		}
	}
	return -1
}

// sighting is what of a batch can be seen.
type sighting struct {
	seen  int   // how many of its characters, with the spaces before them
	all   bool  // all of them
	at    int   // the cell of the last one
	wrong error // what contradicts it
}

// fresh is a character that was not on the screen before.
type fresh struct {
	at int
	r  rune
}

// compare looks for the batch behind the character that was seen last. A
// program may begin a new row before the end of one; within a row the number of
// spaces must be right as well.
func (w *echoWay) compare(now *screen.Text) sighting {
	s, ok := w.scrolled(now)
	if !ok {
		return sighting{wrong: fmt.Errorf("%w: the line that was typed is not on the screen any more", qemu.ErrForeignKeys)}
	}
	before, gap, k := w.at-s*now.Columns, w.gap, 0
	got := sighting{at: before}
	news := w.news(now, s)
	for i, f := range news {
		for k < len(w.typed) && w.typed[k] == ' ' {
			k++
			gap++
		}
		row := f.at/now.Columns == before/now.Columns
		fits := k < len(w.typed) && f.r == w.typed[k] && (!row || f.at-before == gap+1)
		if !fits {
			if f.r != underscore || i < len(news)-1 { // else it is the cursor
				got.wrong = w.contradiction(k, f, row && f.at-before != gap+1)
			}
			return got
		}
		before, gap = f.at, 0
		k++
		got.seen, got.at = k, f.at
		got.all = k == len(w.typed)
	}
	return got
}

// contradiction is the error for a character where another was due.
func (w *echoWay) contradiction(k int, f fresh, moved bool) error {
	if k >= len(w.typed) {
		return fmt.Errorf("%w: the screen shows %q behind what was typed", qemu.ErrForeignKeys, f.r)
	}
	for _, r := range w.typed[k+1:] {
		if r == f.r {
			return fmt.Errorf("%w: %q was typed and the screen shows %q, which comes later", qemu.ErrKeysLost, w.typed[k], f.r)
		}
	}
	if moved && f.r == w.typed[k] {
		return fmt.Errorf("%w: the screen shows %q with another number of spaces before it", qemu.ErrKeysLost, f.r)
	}
	return fmt.Errorf("%w: %q was typed and the screen shows %q; is it the guest's layout, or somebody else's key?", qemu.ErrForeignKeys, w.typed[k], f.r)
}

// scrolled returns by how many rows the screen has moved up since the last
// character was seen, and false if its row is not there.
func (w *echoWay) scrolled(now *screen.Text) (int, bool) {
	const most = 3 // rows that a batch can move it
	if now.Columns != w.base.Columns || now.Rows != w.base.Rows || now.Origin != w.base.Origin {
		return 0, false
	}
	begin := w.at / now.Columns * now.Columns
	for s := range most + 1 {
		if s*now.Columns <= begin && w.same(now, begin, s*now.Columns) {
			return s, true
		}
	}
	return 0, false
}

// same reports whether the row of the last character is as it was, up cells
// before.
func (w *echoWay) same(now *screen.Text, begin, up int) bool {
	for i := begin; i <= w.at; i++ {
		was, is := w.base.Cells[i], now.Cells[i-up]
		if was.Rune != is.Rune && !was.Cursor && !is.Cursor {
			return false
		}
	}
	return true
}

// news returns the characters that are new behind the last one, in its row and
// the two below. Cells that cannot be read, which are half drawn, end it.
func (w *echoWay) news(now *screen.Text, scrolled int) []fresh {
	var all []fresh
	up := scrolled * now.Columns
	end := min((w.at/now.Columns+3)*now.Columns-up, len(now.Cells))
	for i := w.at - up + 1; i < end; i++ {
		is, was := now.Cells[i], cell(w.base, now, i+up)
		switch {
		case !is.Known && !is.Cursor && is.Rune != was.Rune:
			return all
		case !is.Known: // a cursor hides what it may be
		case is.Rune == ' ', is.Rune == was.Rune && is.Rune != underscore:
		case is.Rune == was.Rune && i+up != w.at+w.gap+1: // not where the cursor was
		default:
			all = append(all, fresh{i, is.Rune})
		}
	}
	return all
}
