package typeguest

import "strings"

// Screen is a grid of characters with a cursor.
type Screen struct {
	Columns  int
	Cells    []byte // row after row
	Col, Row int    // the cursor, from 0
}

// TextScreen returns what a PC's text screen shows: its memory, which has two
// bytes for each cell, the character and its colour. The cursor is at 0, 0.
func TextScreen(memory []byte, columns int) *Screen {
	s := &Screen{Columns: columns, Cells: make([]byte, len(memory)/2)}
	for i := range s.Cells {
		s.Cells[i] = memory[2*i]
		if s.Cells[i] == 0 {
			s.Cells[i] = ' '
		}
	}
	return s
}

// String returns the rows, without the blanks at their ends.
func (s *Screen) String() string {
	var b strings.Builder
	for i := 0; i+s.Columns <= len(s.Cells); i += s.Columns {
		b.WriteString(strings.TrimRight(string(s.Cells[i:i+s.Columns]), " "))
		b.WriteByte('\n')
	}
	return strings.TrimRight(b.String(), "\n")
}

// Line returns what stands between the last prompt at the beginning of a row
// and the cursor, and false if there is no prompt. A program that begins a new
// row after every so many characters of a line, wherever the row ends, is read
// with that number as newline; 0 means that lines only wrap.
func (s *Screen) Line(prompt string, newline int) (string, bool) {
	row := min(s.Row, len(s.Cells)/s.Columns-1)
	for row >= 0 && !strings.HasPrefix(string(s.Cells[row*s.Columns:]), prompt) {
		row--
	}
	if row < 0 {
		return "", false
	}
	var b strings.Builder
	end := min(s.Row*s.Columns+s.Col, len(s.Cells))
	for at := row*s.Columns + len(prompt); at < end; {
		b.WriteByte(s.Cells[at])
		at++
		if newline > 0 && b.Len()%newline == 0 {
			at += s.Columns - at%s.Columns
		}
	}
	return b.String(), true
}
