package imagebuild

import (
	"testing"
	"unicode/utf8"

	"github.com/bootscribe/bootscribe/screen"
)

// field is a screen of one line, on which ~ is a cursor that hides what is below.
func field(line string) *screen.Text {
	t := screen.Lines(screen.FromGlyphs, []string{line})
	for i, c := range t.Cells {
		if c.Rune == '~' {
			t.Cells[i] = screen.Cell{Rune: utf8.RuneError, Cursor: true}
		}
	}
	return t
}

// In a field of underscores the cursor hides one of them. What is typed there is
// seen all the same, and neither the cursor nor its blinking is news.
func TestEchoInField(t *testing.T) {
	before, first := field("Name: ~____"), field("Name: a~___")
	if at := appeared(before, first, 'a'); at != 6 {
		t.Fatalf("the first character appeared at %d", at)
	}
	for _, tt := range []struct {
		now  string
		seen int
	}{
		{"Name: a~___", 0}, {"Name: a____", 0}, {"Name: ab~__", 1}, {"Name: ab___", 1}, {"Name: abc~_", 2}, {"Name: abc__", 2},
	} {
		w := echoWay{base: first, at: 6, typed: []rune("bc")}
		if got := w.compare(field(tt.now)); got.wrong != nil || got.seen != tt.seen || got.all != (tt.seen == 2) {
			t.Errorf("%q: %+v", tt.now, got)
		}
	}
}
