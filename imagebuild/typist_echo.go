package imagebuild

import (
	"context"
	"fmt"
	"time"

	"github.com/bootscribe/bootscribe/keyseq"
	"github.com/bootscribe/bootscribe/screen"
)

const (
	// echoChars and echoBytes go in one batch: half of what a BIOS's ring
	// holds, and what a PS/2 or USB keyboard does apart from the release of
	// the keys before, which may still be there when their echo is seen.
	echoChars = 7
	echoBytes = 12
	// echoProbe is how long the first character may take to appear.
	echoProbe = 5 * time.Second
	// echoDoubt is how long the screen must contradict what was typed before
	// that is no picture half drawn.
	echoDoubt = 2 * time.Second
	// echoCursor is how long the cursor is waited for where only spaces were
	// typed: a PC's blinks within 1.1 s.
	echoCursor = 1500 * time.Millisecond
	// echoTries is how often characters may not appear before nobody waits for
	// them any more: a password's do not, and the command's after it may.
	echoTries = 2
)

// echoWay waits until what was typed is seen on the screen.
type echoWay struct {
	p     *vncPacer
	typed []rune // the batch on its way

	// Where the last character that was seen stands in base, which is the
	// screen as it was then; -1 if what comes next may appear anywhere.
	base *screen.Text
	at   int
	gap  int // spaces that were typed behind it

	fails int
}

// forget says that the cursor may be anywhere.
func (w *echoWay) forget() { w.at, w.gap = -1, 0 }

// batch lets some characters go which end with one that can be seen. The first
// goes alone, apart from spaces before it, to find out where it appears.
func (w *echoWay) batch(ctx context.Context, next []keyseq.Stroke, shows []rune) (int, error) {
	if w.at < 0 {
		var err error
		if w.base, err = w.p.sight.still(ctx); err != nil {
			return 0, w.unreadable(ctx, err)
		}
	}
	n, seen, bytes := 0, 0, 0
	for i, s := range next {
		bytes += cost(s)
		if shows[i] == 0 || i > 0 && (i >= echoChars-w.gap || bytes > echoBytes) {
			break
		}
		n = i + 1
		if shows[i] == ' ' {
			continue
		}
		seen = n
		if w.at < 0 {
			break
		}
	}
	if seen == 0 && w.at < 0 {
		return 0, unfitError("spaces cannot be seen")
	}
	if seen > 0 {
		n = seen
	}
	w.typed = append(w.typed[:0], shows[:n]...)
	return n, nil
}

// unreadable turns an error of the screen's reader into a mode that does not hold.
func (w *echoWay) unreadable(ctx context.Context, err error) error {
	if ctx.Err() != nil || w.p.t.VNC.Err() != nil {
		return err
	}
	return unfitError("the screen cannot be read: " + err.Error())
}

func (w *echoWay) settle(ctx context.Context) (bool, error) {
	switch {
	case w.at < 0:
		return true, w.find(ctx)
	case w.spaces():
		return w.cursor(ctx)
	}
	return true, w.follow(ctx)
}

func (w *echoWay) spaces() bool {
	for _, r := range w.typed {
		if r != ' ' {
			return false
		}
	}
	return true
}

// find waits until the first character appears, and takes note of where.
func (w *echoWay) find(ctx context.Context) error {
	c := w.typed[len(w.typed)-1]
	limit := w.p.patience
	if w.p.asked == "" {
		limit = min(limit, echoProbe)
	}
	deadline := time.Now().Add(limit)
	for {
		now, seq, err := w.p.sight.look()
		if err != nil {
			return w.unreadable(ctx, err)
		}
		if at := appeared(w.base, now, c); at >= 0 {
			w.base, w.at, w.gap, w.fails = now, at, 0, 0
			return nil
		}
		left := time.Until(deadline)
		if left <= 0 {
			w.fails++
			return unfitError("what was typed has not appeared on the screen")
		}
		if err := w.p.sight.next(ctx, seq, left); err != nil {
			return err
		}
	}
}

// follow waits until all of the batch is seen where it belongs.
func (w *echoWay) follow(ctx context.Context) error {
	var doubt time.Time // since when the screen contradicts
	begin, best := time.Now(), 0
	for {
		now, seq, err := w.p.sight.look()
		if err != nil {
			return w.unreadable(ctx, err)
		}
		s := w.compare(now)
		if s.all {
			w.base, w.at, w.gap = now, s.at, 0
			return nil
		}
		if s.seen > best {
			begin, best = time.Now(), s.seen
		}
		wait := w.p.patience - time.Since(begin)
		if wait <= 0 {
			return w.p.stalled(fmt.Sprintf("the screen shows %d of the last %d characters", best, len(w.typed)))
		}
		if s.wrong == nil {
			doubt = time.Time{}
		} else {
			if doubt.IsZero() {
				doubt = time.Now()
			}
			left := echoDoubt - time.Since(doubt)
			if left <= 0 {
				return s.wrong
			}
			wait = min(wait, left)
		}
		if err := w.p.sight.next(ctx, seq, wait); err != nil {
			return err
		}
	}
}

// cursor waits until the cursor has moved over the spaces. Where there is none
// to be seen time must do; the next character tells whether they were taken.
func (w *echoWay) cursor(ctx context.Context) (bool, error) {
	w.gap += len(w.typed)
	deadline := time.Now().Add(echoCursor)
	for {
		now, seq, err := w.p.sight.look()
		if err != nil {
			return false, w.unreadable(ctx, err)
		}
		if s, ok := w.scrolled(now); ok && cursorAt(now, w.at-s*now.Columns, w.gap) {
			return true, nil
		}
		left := time.Until(deadline)
		if left <= 0 {
			return false, nil
		}
		if err := w.p.sight.next(ctx, seq, left); err != nil {
			return false, err
		}
	}
}

// cursorAt reports whether the cursor is gap cells behind a character, or in a
// row below it.
func cursorAt(t *screen.Text, at, gap int) bool {
	for i, c := range t.Cells {
		if c.Cursor {
			return i == at+1+gap || i > at && i/t.Columns > at/t.Columns
		}
	}
	return false
}
