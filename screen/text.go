package screen

import (
	"image"
	"image/color"
	"slices"
	"strings"
	"unicode/utf8"
)

// Source says how a text was read.
type Source string

// The sources of a text.
const (
	FromGlyphs Source = "glyphs" // by exact bitmaps
	FromMemory Source = "memory" // from a VGA's text memory
	FromOCR    Source = "ocr"    // by a program that recognises characters, and may be wrong
)

// Text is a grid of characters. A Text is not changed once it was read.
type Text struct {
	// Source says how it was read.
	Source Source
	// Columns and Rows are the size of the grid; Cells are its cells, row by
	// row.
	Columns, Rows int
	Cells         []Cell
	// Origin is where the first cell begins in the picture, and Cell the size
	// of a cell in pixels. They are zero where there is no picture or, after
	// OCR, no grid.
	Origin, Cell image.Point
	// Font is the name of the font that most cells were read with; empty if
	// none has ink.
	Font string
}

// Cell is one place of the grid.
type Cell struct {
	// Rune is the character: a space where the cell has one colour only, and
	// U+FFFD where it is not known. Of a character that takes two cells, as those
	// of East Asia do, the left one has it, and the right one has 0.
	Rune rune
	// FG and BG are the colours of character and background. Of a blank cell
	// both are the background's.
	FG, BG color.RGBA
	// Known is false if the cell has something in it that is no character of
	// any font at hand.
	Known bool
	// Cursor says that rows of the cell were hidden by a cursor. If nothing
	// else is in it, it counts as blank; beside a character that such a cursor
	// would hide whole, an underscore of the same colours, it is not known.
	Cursor bool
}

// At returns a cell; outside the grid it is the zero Cell.
func (t *Text) At(column, row int) Cell {
	if column < 0 || row < 0 || column >= t.Columns || row >= t.Rows {
		return Cell{}
	}
	return t.Cells[row*t.Columns+column]
}

// Unknown returns the number of cells that are not known.
func (t *Text) Unknown() int {
	n := 0
	for _, c := range t.Cells {
		if !c.Known {
			n++
		}
	}
	return n
}

// Lines returns the rows as text without the spaces at their ends. A character
// that takes two cells is one of the text.
func (t *Text) Lines() []string {
	lines := make([]string, t.Rows)
	for row := range lines {
		lines[row] = t.line(row, 0, t.Columns)
	}
	return lines
}

// String returns the lines, each ended by a newline, without the empty ones at
// the end. Cells that are not known are U+FFFD.
func (t *Text) String() string {
	lines := t.Lines()
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

func (t *Text) line(row, from, to int) string {
	var b strings.Builder
	for column := from; column < to; column++ {
		if c := t.At(column, row); !c.rest() {
			b.WriteRune(c.char())
		}
	}
	return strings.TrimRight(b.String(), " ")
}

func (c Cell) char() rune {
	if !c.Known {
		return utf8.RuneError
	}
	return c.Rune
}

// rest tells whether the cell is the right half of a character.
func (c Cell) rest() bool { return c.Known && c.Rune == 0 }

// Bounds returns the part of the picture that cells cover: those of a
// rectangle of columns and rows.
func (t *Text) Bounds(cells image.Rectangle) image.Rectangle {
	scale := func(p image.Point) image.Point {
		return image.Pt(p.X*t.Cell.X, p.Y*t.Cell.Y).Add(t.Origin)
	}
	return image.Rectangle{scale(cells.Min), scale(cells.Max)}
}

// Equal tells whether two texts have the same characters with the same colours
// in the same places; a cursor makes no difference, nor what it hides.
func (t *Text) Equal(o *Text) bool {
	return t.Columns == o.Columns && t.Rows == o.Rows && slices.EqualFunc(t.Cells, o.Cells, func(a, b Cell) bool {
		return a.hidden() || b.hidden() || a.char() == b.char() && (a.Cursor || b.Cursor || a.FG == b.FG && a.BG == b.BG)
	})
}

// hidden tells whether a cursor keeps the cell's character from being known.
func (c Cell) hidden() bool { return c.Cursor && !c.Known }
