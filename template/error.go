package template

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Error is one thing that is wrong with a template.
type Error struct {
	File    string // as it was given to Load
	Line    int    // from 1; 0 where there is no place to point at
	Column  int    // from 1, in characters
	Text    string // the line itself, without its end
	Option  string // what it is about, such as builders[0].disk_size; empty for none
	Problem string // what is wrong
	Remedy  string // what to write instead or to do; empty where the problem says it
}

// Error returns place, option, problem and remedy in one line and, where the
// place is known, the line of the template with a caret below.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
	}
	b.WriteString(": ")
	if e.Option != "" {
		b.WriteString(e.Option + ": ")
	}
	b.WriteString(e.Problem)
	if e.Remedy != "" {
		b.WriteString("; " + e.Remedy)
	}
	if e.Line > 0 && e.Text != "" {
		text, column := window(e.Text, e.Column)
		fmt.Fprintf(&b, "\n    %s\n    %s^", text, indent(text, column))
	}
	return b.String()
}

// window cuts a long line to what is around the column.
func window(text string, column int) (string, int) {
	const width = 100
	runes := []rune(text)
	if len(runes) <= width {
		return text, column
	}
	from := max(0, min(column-width/2, len(runes)-width))
	return string(runes[from:min(from+width, len(runes))]), column - from
}

// indent returns what stands before the caret: spaces, and the tabs of the line.
func indent(text string, column int) string {
	var b strings.Builder
	for i, r := range []rune(text) {
		if i >= column-1 {
			break
		}
		if r != '\t' {
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}

// source is a file that was read, for errors that show a place in it.
type source struct {
	name string
	text []byte
}

// place is a byte offset in a source; the zero place is nowhere.
type place struct {
	in     *source
	offset int
}

func (p place) error(option, problem, remedy string) *Error {
	e := &Error{Option: option, Problem: problem, Remedy: remedy}
	if p.in == nil {
		e.File = "template"
		return e
	}
	e.File = p.in.name
	if p.offset < 0 || p.in.text == nil {
		return e
	}
	text := p.in.text
	at := min(p.offset, len(text))
	begin := strings.LastIndexByte(string(text[:at]), '\n') + 1
	e.Line = strings.Count(string(text[:at]), "\n") + 1
	e.Column = utf8.RuneCount(text[begin:at]) + 1
	line, _, _ := strings.Cut(string(text[begin:]), "\n")
	e.Text = strings.ToValidUTF8(strings.TrimRight(line, "\r"), "\uFFFD")
	return e
}

// nearest returns the one of known that was probably meant, or "".
func nearest(word string, known []string) string {
	best, least := "", max(2, len(word)/3)+1
	for _, k := range slices.Sorted(slices.Values(known)) {
		if d := distance(word, k); d < least {
			best, least = k, d
		}
	}
	return best
}

// meant returns the remedy for a word that is not one of known.
func meant(word string, known []string) string {
	if n := nearest(word, known); n != "" {
		return fmt.Sprintf("write %q if that is meant", n)
	}
	return "it is one of " + strings.Join(slices.Sorted(slices.Values(known)), ", ")
}

// distance is how many letters must be put in, left out or changed to make b
// of a; two neighbours that changed places count once.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	var before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(row[j]+cost, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
