package imagebuild

import (
	"context"
	"fmt"
	"image"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bootscribe/bootscribe/keyseq"
	"github.com/bootscribe/bootscribe/screen"
)

// Screen returns a copy of what is on the guest's screen; nil if it has none.
func (g *Guest) Screen() *image.RGBA {
	if g.VNC == nil {
		return nil
	}
	return g.VNC.Screen()
}

// Text returns what the guest's screen says now; see package screen for what
// can be read.
func (g *Guest) Text(ctx context.Context) (*screen.Text, error) {
	if g.VNC == nil {
		return nil, errNoScreen
	}
	v, _ := g.eye.fresh(ctx)
	return g.eye.recognise(ctx, v)
}

// WaitText waits until a region of the screen (the zero Region is all of it)
// shows what matches re, and returns the first match. It returns at once if the
// screen already does. The expression sees the rows as [screen.Text.Find] says
// and, where nothing matches so, with the spaces at their ends. The screen is
// looked at when it has changed, and at most ten times a second.
func (g *Guest) WaitText(ctx context.Context, re *regexp.Regexp, in keyseq.Region) (*screen.Match, error) {
	var match *screen.Match
	what := fmt.Sprintf("%q", strings.TrimPrefix(re.String(), rowFlag))
	err := g.waitText(ctx, what, []*regexp.Regexp{re}, func(t *screen.Text) bool {
		match = find(t, re, in)
		return match != nil
	})
	return match, err
}

// rowFlag is what the expressions of boot commands and steps begin with.
const rowFlag = "(?m)"

// waitText waits until seen is true of the screen's text, which is so by some
// regular expressions.
func (g *Guest) waitText(ctx context.Context, what string, res []*regexp.Regexp, seen func(*screen.Text) bool) error {
	if g.VNC == nil {
		return errNoScreen
	}
	defer g.run.sentry.expect(res...)()
	err := g.wait(ctx, func(ctx context.Context) error { return g.eye.watch(ctx, seen) })
	if err != nil {
		return fmt.Errorf("waiting for %s on the screen: %w; %s", what, err, g.says())
	}
	return nil
}

// says tells what the screen says, for an error.
func (g *Guest) says() string {
	v, _ := g.eye.look()
	text, err := g.eye.read(v)
	if err != nil {
		return err.Error()
	}
	lines := lastLines(text)
	if len(lines) == 0 {
		return "there is no text on the screen"
	}
	return fmt.Sprintf("the screen ends with %q", strings.Join(lines, "\n"))
}

// Of a screen an error has some lines, and some characters of each.
const (
	errorLines = 5
	errorWidth = 100
)

// lastLines returns the last lines of a screen that say something.
func lastLines(text *screen.Text) []string {
	var lines []string
	for _, line := range text.Lines() {
		if strings.Trim(line, " \uFFFD") == "" {
			continue
		}
		if r := []rune(strings.TrimSpace(line)); len(r) > errorWidth {
			line = string(r[:errorWidth]) + "…"
		}
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines[max(0, len(lines)-errorLines):]
}

// find returns the first match in a region, or nil.
func find(t *screen.Text, re *regexp.Regexp, in keyseq.Region) *screen.Match {
	cells := in.Cells(t.Columns, t.Rows)
	if cells.Empty() {
		return nil
	}
	if found := t.Find(re, cells); len(found) > 0 {
		return &found[0]
	}
	// People write a prompt with the space that it ends with.
	m := re.FindStringSubmatch(padded(t, cells))
	if len(m) == 0 || m[0] == "" {
		return nil
	}
	return &screen.Match{Text: m[0], Groups: m[1:], Cells: cells}
}

// padded returns cells as text with the spaces at the ends of rows.
func padded(t *screen.Text, cells image.Rectangle) string {
	var b strings.Builder
	for row := cells.Min.Y; row < cells.Max.Y; row++ {
		for column := cells.Min.X; column < cells.Max.X; column++ {
			switch c := t.At(column, row); {
			case !c.Known:
				b.WriteRune(utf8.RuneError)
			case c.Rune != 0: // which the right half of a wide character has
				b.WriteRune(c.Rune)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// WaitStill waits until the screen has not changed for a time. A cursor that
// blinks is no change.
//
// A still screen is no proof of a menu: the firmware's is still too while it
// looks for something to boot, and so is a boot loader's that reads from a slow
// medium. [Guest.WaitText] waits for what the menu says.
func (g *Guest) WaitStill(ctx context.Context, still time.Duration) error {
	if g.VNC == nil {
		return errNoScreen
	}
	if still <= 0 {
		return errNotStill
	}
	if err := g.wait(ctx, func(ctx context.Context) error { return g.eye.still(ctx, still) }); err != nil {
		return fmt.Errorf("waiting for the screen to be still for %v: %w", still, err)
	}
	return nil
}

func (e *eye) still(ctx context.Context, still time.Duration) error {
	if _, err := e.conn.WaitUpdate(ctx, 0); err != nil {
		return ended(ctx, err)
	}
	last, seq := e.fresh(ctx)
	since := time.Now()
	for {
		if left := still - time.Since(since); left > 0 {
			if err := e.update(ctx, seq, left); err != nil {
				return err
			}
		}
		v, next := e.look()
		if time.Since(since) >= still {
			v, next = e.fresh(ctx) // no news may be news that were not sent yet
		}
		seq = next
		if e.differ(last, v) {
			last, since = v, time.Now()
		} else if time.Since(since) >= still {
			return ended(ctx, nil)
		}
	}
}

// update waits for a frame, but no longer than d, and a while so that there are
// not too many.
func (e *eye) update(ctx context.Context, seq uint64, d time.Duration) error {
	quiet, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	if _, err := e.conn.WaitUpdate(quiet, seq); err != nil && (quiet.Err() == nil || ctx.Err() != nil) {
		return ended(ctx, err)
	}
	_ = pause(quiet, betweenLooks)
	return ended(ctx, nil)
}

// WaitChange waits until the screen shows anything else than now. A cursor that
// blinks is no change.
func (g *Guest) WaitChange(ctx context.Context) error {
	if g.VNC == nil {
		return errNoScreen
	}
	before, _ := g.eye.fresh(ctx)
	if err := g.wait(ctx, func(ctx context.Context) error { return g.eye.change(ctx, before) }); err != nil {
		return fmt.Errorf("waiting for the screen to change: %w", err)
	}
	return nil
}

func (e *eye) change(ctx context.Context, before *view) error {
	for {
		v, seq := e.look()
		if e.differ(before, v) {
			return nil
		}
		if _, err := e.conn.WaitUpdate(ctx, seq); err != nil {
			return ended(ctx, err)
		}
		if err := pause(ctx, betweenLooks/4); err != nil {
			return err
		}
	}
}

// waitFor waits for what a boot command waits for.
func (g *Guest) waitFor(ctx context.Context, w keyseq.WaitFor) error {
	defer g.run.sentry.mayNotAnswer()()
	switch f := w.Fact.(type) {
	case keyseq.Shows:
		re, err := f.Regexp()
		if err != nil {
			return err
		}
		_, err = g.WaitText(ctx, re, f.In)
		return err
	case keyseq.Still:
		return g.WaitStill(ctx, f.For)
	case keyseq.Changed:
		return g.WaitChange(ctx)
	case keyseq.Fetched:
		_, err := g.WaitFetch(ctx, f.Path)
		return err
	}
	return fmt.Errorf("a boot command waits for %s, which is not known here", w)
}
