package screen

import (
	"image"
	"regexp"
	"sort"
	"strings"
	"unicode/utf8"
)

// Match is a place where an expression matches.
type Match struct {
	// Text is what matched, with a newline between rows.
	Text string
	// Groups are the texts of the expression's groups; empty for those that
	// took no part.
	Groups []string
	// Cells are the columns and rows that the match covers: all of the
	// region's width if it goes over several rows.
	Cells image.Rectangle
}

// Find returns all matches in a region of columns and rows, from top to
// bottom. The zero Rectangle is the whole grid; what is outside is cut off. The
// expression sees the region's rows without the spaces at their ends, each
// ended by a newline, so that (?m) finds the beginnings and ends of rows. A
// match of nothing does not count. A character of two cells is in the region if its
// left one is.
func (t *Text) Find(re *regexp.Regexp, region image.Rectangle) []Match {
	whole := image.Rect(0, 0, t.Columns, t.Rows)
	if region == (image.Rectangle{}) {
		region = whole
	}
	region = region.Intersect(whole)
	text, starts := t.region(region)
	var found []Match
	for _, loc := range re.FindAllStringSubmatchIndex(text, -1) {
		if loc[0] == loc[1] {
			continue
		}
		m := Match{Text: text[loc[0]:loc[1]], Cells: t.cellsOf(text, starts, region, loc[0], loc[1])}
		for i := 2; i < len(loc); i += 2 {
			group := ""
			if loc[i] >= 0 {
				group = text[loc[i]:loc[i+1]]
			}
			m.Groups = append(m.Groups, group)
		}
		found = append(found, m)
	}
	return found
}

// region returns a region's text and where in it each row begins.
func (t *Text) region(r image.Rectangle) (text string, starts []int) {
	var b strings.Builder
	for row := r.Min.Y; row < r.Max.Y; row++ {
		starts = append(starts, b.Len())
		b.WriteString(t.line(row, r.Min.X, r.Max.X))
		b.WriteByte('\n')
	}
	return b.String(), starts
}

// cellsOf returns the cells of text[from:to]. A cell is one character, or half of
// one.
func (t *Text) cellsOf(text string, starts []int, region image.Rectangle, from, to int) image.Rectangle {
	place := func(at int) (column, row int) {
		row = sort.SearchInts(starts, at+1) - 1
		return t.column(region.Min.Y+row, region.Min.X, utf8.RuneCountInString(text[starts[row]:at])), region.Min.Y + row
	}
	x0, y0 := place(from)
	_, last := utf8.DecodeLastRuneInString(text[:to])
	x1, y1 := place(to - last)
	if y0 != y1 {
		return image.Rect(region.Min.X, y0, region.Max.X, y1+1)
	}
	for x1++; t.At(x1, y1).rest(); x1++ {
	}
	return image.Rect(x0, y0, x1, y1+1).Intersect(region)
}

// column returns where the character is that n others precede in a row, from a
// column on.
func (t *Text) column(row, from, n int) int {
	for ; from < t.Columns; from++ {
		switch {
		case t.At(from, row).rest():
		case n == 0:
			return from
		default:
			n--
		}
	}
	return from
}
