package keyseq

import (
	"image"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// WaitFor pauses the typing until something is so. It is what [Player.Wait] is
// given.
type WaitFor struct {
	At   Pos  // where in the command
	Fact Fact // what must be so
	// Limit is how long it may take; 0 means as long as the whole command.
	Limit time.Duration
}

// Fact is what a [WaitFor] waits for: a [Shows], [Still], [Changed] or
// [Fetched]. More kinds may be added here, so that a type switch over facts
// needs a default.
type Fact interface {
	// String returns the fact as it stands in a boot command behind <wait.
	String() string
	// note returns the fact in the notation of events.
	note() string
	check() string
}

// Shows is that the screen shows a text.
type Shows struct {
	// Pattern is a regular expression in Go's syntax, RE2. ^ and $ are the
	// beginning and the end of a row.
	Pattern string
	// In is where on the screen; the zero Region is all of it.
	In Region
}

// Still is that the screen has not changed for a time.
type Still struct{ For time.Duration }

// Changed is that the screen shows anything else than when the wait began.
type Changed struct{}

// Fetched is that the guest has fetched a file of that path over HTTP.
type Fetched struct{ Path string }

// Region is a part of a screen in cells of text. The zero Region is all of it.
type Region struct {
	// Column and Row are the first ones, counted from 0; negative numbers
	// count from the end, -1 being the last.
	Column, Row int
	// Width and Height are how many there are; 0 means all the rest.
	Width, Height int
}

// Cells returns the region of a screen of so many columns and rows, which is
// empty if it lies outside.
func (r Region) Cells(columns, rows int) image.Rectangle {
	x0, x1 := span(r.Column, r.Width, columns)
	y0, y1 := span(r.Row, r.Height, rows)
	return image.Rect(x0, y0, x1, y1).Intersect(image.Rect(0, 0, columns, rows))
}

func span(first, n, size int) (from, to int) {
	if first < 0 {
		first += size
	}
	if n == 0 {
		return first, max(first, size)
	}
	return first, first + n
}

// String returns the region as in=COLUMN,ROW,WIDTH,HEIGHT, or row=ROW for one
// whole row; empty for all of the screen.
func (r Region) String() string {
	switch {
	case r == Region{}:
		return ""
	case r.Column == 0 && r.Width == 0 && r.Height == 1:
		return "row=" + strconv.Itoa(r.Row)
	}
	return "in=" + strconv.Itoa(r.Column) + "," + strconv.Itoa(r.Row) + "," + strconv.Itoa(r.Width) + "," + strconv.Itoa(r.Height)
}

// Regexp returns the expression of Pattern, in which ^ and $ match at each row.
func (s Shows) Regexp() (*regexp.Regexp, error) { return regexp.Compile("(?m)" + s.Pattern) }

// String returns the pattern in quotes, and the region if there is one.
func (s Shows) String() string {
	if s.In == (Region{}) {
		return quotePattern(s.Pattern)
	}
	return quotePattern(s.Pattern) + " " + s.In.String()
}

// String returns the fact as still 500ms.
func (s Still) String() string { return "still " + s.For.String() }

// String returns the fact as change.
func (Changed) String() string { return "change" }

// String returns the fact as fetch and the path in quotes.
func (f Fetched) String() string { return "fetch " + quotePath(f.Path) }

func (s Shows) note() string   { return quotePattern(s.Pattern) }
func (s Still) note() string   { return "still" + s.For.String() }
func (Changed) note() string   { return "change" }
func (f Fetched) note() string { return "fetch" + quotePath(f.Path) }

// check returns what is wrong with the fact and what to write instead; empty if
// nothing is.
func (s Shows) check() string {
	if _, err := regexp.Compile(s.Pattern); err != nil {
		return "not a regular expression: " + strings.TrimPrefix(err.Error(), "error parsing regexp: ")
	}
	re, err := s.Regexp()
	switch {
	case err != nil:
		return err.Error()
	case re.MatchString(""):
		return "this matches a screen without any text; write what the screen shows, as in <wait \"boot:\">"
	case s.In.Width < 0 || s.In.Height < 0:
		return "the width and height of a region are at least 0, which means all the rest"
	}
	return ""
}

func (s Still) check() string {
	if s.For <= 0 {
		return "the time that the screen is still is longer than 0; write <wait still 500ms>"
	}
	return ""
}

func (Changed) check() string { return "" }

func (f Fetched) check() string {
	if !strings.HasPrefix(f.Path, "/") {
		return "a path begins with a slash, as in <wait fetch \"/preseed.cfg\">"
	}
	return ""
}

// quotePattern puts a pattern in quotes. Its backslashes are the expression's:
// only a quote that has none gets one.
func quotePattern(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			b.WriteByte('\\')
			i++
		case s[i] == '"':
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	b.WriteByte('"')
	return b.String()
}

func quotePath(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// Pos returns where the step begins in the source.
func (w WaitFor) Pos() Pos { return w.At }

func (WaitFor) step() {}

// String returns the step as <wait "login:" 1m0s>.
func (w WaitFor) String() string {
	s := "<wait " + w.Fact.String()
	if w.Limit != 0 {
		s += " " + w.Limit.String()
	}
	return s + ">"
}
