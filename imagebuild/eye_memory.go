package imagebuild

import (
	"context"
	"image"
	"time"
	"unicode/utf8"

	"github.com/bootscribe/bootscribe/screen"
)

// memoryPatience is how long QEMU may take to tell what is in the VGA's memory,
// which takes it some milliseconds.
const memoryPatience = time.Second

// fromMemory returns what a view says by the VGA's text memory, where a PC's BIOS
// is in charge, for what its letters do not tell: a guest may have letters of its
// own, and a host no copy of the VGA's. It returns nil if there is no such memory,
// or if the screen has changed meanwhile. The caller holds e.mu.
func (e *eye) fromMemory(v *view, read *screen.Text) *screen.Text {
	ctx, cancel := context.WithTimeout(context.Background(), memoryPatience)
	defer cancel()
	cells, columns, err := e.vm.VGAText(ctx)
	if err != nil {
		return nil
	}
	text, err := screen.VGAMemory(cells, columns)
	if err != nil {
		return nil
	}
	// What is in memory now is what the view shows if the screen still does.
	if now, err := e.dumpTiles(ctx); err != nil || !small(now.changed(v.tiles)) {
		return nil
	}
	text.Cell = image.Pt(v.tiles.size.X/text.Columns, v.tiles.size.Y/text.Rows)
	if !merge(text, cells, read) {
		return nil
	}
	return text
}

// dumpTiles returns the tiles of what QEMU would show at this moment.
func (e *eye) dumpTiles(ctx context.Context) (tiles, error) {
	d, err := e.vm.OpenScreendump(ctx)
	if err != nil {
		return tiles{}, err
	}
	defer d.Close()
	f, failed := dumped(d)
	t := newTiles(e.seed, f)
	return t, *failed
}

// small reports whether a change can be that of a cursor.
func small(changed image.Rectangle) bool {
	return max(changed.Dx(), changed.Dy()) <= largestCell+tileSide
}

// merge makes of the text in memory what is certain: what was read on the screen
// stays, and of the rest only ASCII is the same in all fonts. It reports whether
// the two agree, without which memory is not what the screen shows.
func merge(text *screen.Text, codes []byte, read *screen.Text) bool {
	for i := range text.Cells {
		code := codes[2*i]
		plain := code == 0 || code >= ' ' && code <= '~'
		seen := screen.Cell{}
		if read.Columns == text.Columns && read.Rows == text.Rows {
			seen = read.Cells[i]
		}
		c := &text.Cells[i]
		switch {
		case seen.Known && !seen.Cursor && plain && seen.Rune != c.Rune:
			return false
		case seen.Known:
			*c = seen
		case !plain:
			c.Rune, c.Known = utf8.RuneError, false
		}
	}
	return true
}
