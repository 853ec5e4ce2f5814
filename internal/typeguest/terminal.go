package typeguest

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// Terminal is the screen of a terminal, as far as UEFI's terminal driver makes
// use of one (VT100 and its like). Bytes are written to it as they come.
type Terminal struct {
	Screen
	rows    int
	pending []byte // an escape sequence that is not complete
}

// NewTerminal returns an empty screen.
func NewTerminal(columns, rows int) *Terminal {
	t := &Terminal{Screen: Screen{Columns: columns, Cells: make([]byte, columns*rows)}, rows: rows}
	t.erase(0, len(t.Cells))
	return t
}

// Write shows p. It always succeeds.
func (t *Terminal) Write(p []byte) (int, error) {
	for _, c := range p {
		t.put(c)
	}
	return len(p), nil
}

func (t *Terminal) put(c byte) {
	switch {
	case len(t.pending) > 0:
		t.escape(c)
	case c == 0x1b:
		t.pending = append(t.pending, c)
	case c == '\r':
		t.Col = 0
	case c == '\n':
		t.down()
	case c == '\b':
		t.Col = max(t.Col-1, 0)
	case c >= ' ' && c < 0x7f:
		t.show(c)
	}
}

// show puts a character at the cursor. The line is wrapped when one more comes,
// as all terminals do.
func (t *Terminal) show(c byte) {
	if t.Col >= t.Columns {
		t.Col = 0
		t.down()
	}
	t.Cells[t.Row*t.Columns+t.Col] = c
	t.Col++
}

func (t *Terminal) down() {
	if t.Row++; t.Row < t.rows {
		return
	}
	t.Row = t.rows - 1
	copy(t.Cells, t.Cells[t.Columns:])
	t.erase(t.Row*t.Columns, len(t.Cells))
}

func (t *Terminal) erase(from, to int) {
	copy(t.Cells[from:to], bytes.Repeat([]byte{' '}, max(to-from, 0)))
}

// escape takes a byte of an escape sequence: ESC [ numbers letter, or ESC and
// one character.
func (t *Terminal) escape(c byte) {
	t.pending = append(t.pending, c)
	switch {
	case len(t.pending) == 2 && c == '[', len(t.pending) > 2 && (c < 0x40 || c > 0x7e) && len(t.pending) < 32:
		return
	case t.pending[1] == '[':
		t.control(c, numbers(string(t.pending[2:len(t.pending)-1])))
	}
	t.pending = t.pending[:0]
}

func (t *Terminal) control(letter byte, n []int) {
	switch letter {
	case 'H', 'f':
		t.Row = min(max(n[0], 1), t.rows) - 1
		t.Col = min(max(n[1], 1), t.Columns) - 1
	case 'A':
		t.Row = max(t.Row-max(n[0], 1), 0)
	case 'B':
		t.Row = min(t.Row+max(n[0], 1), t.rows-1)
	case 'C':
		t.Col = min(t.Col+max(n[0], 1), t.Columns-1)
	case 'D':
		t.Col = max(t.Col-max(n[0], 1), 0)
	case 'J':
		if n[0] == 2 {
			t.erase(0, len(t.Cells))
		} else {
			t.erase(t.Row*t.Columns+t.Col, len(t.Cells))
		}
	case 'K':
		t.erase(t.Row*t.Columns+t.Col, (t.Row+1)*t.Columns)
	}
}

// numbers returns at least two numbers, 0 for those that are not there.
func numbers(s string) []int {
	var n []int
	for _, field := range strings.Split(s, ";") {
		v, _ := strconv.Atoi(strings.TrimLeft(field, "?="))
		n = append(n, v)
	}
	return slices.Concat(n, []int{0, 0})
}
