package main

import (
	"fmt"
	"image/color"
	"strings"

	"github.com/bootscribe/bootscribe/screen"
)

// jsonText is what -json prints of a picture.
type jsonText struct {
	File    string        `json:"file"`
	Source  screen.Source `json:"source"` // glyphs or ocr
	Font    string        `json:"font,omitempty"`
	Columns int           `json:"columns"`
	Rows    int           `json:"rows"`
	Unknown int           `json:"unknown"` // cells that are not known
	Lines   []string      `json:"lines"`
	Cells   [][]jsonCell  `json:"cells"` // rows of cells
}

// jsonCell is a cell; colours are as in HTML.
type jsonCell struct {
	Char    string `json:"char"` // empty in the right half of a character of two cells
	FG      string `json:"fg"`
	BG      string `json:"bg"`
	Unknown bool   `json:"unknown,omitempty"`
	Cursor  bool   `json:"cursor,omitempty"`
}

func newJSON(path string, t *screen.Text) jsonText {
	j := jsonText{File: path, Source: t.Source, Font: t.Font, Columns: t.Columns, Rows: t.Rows, Unknown: t.Unknown(),
		Lines: t.Lines(), Cells: make([][]jsonCell, t.Rows)}
	for row := range j.Cells {
		for column := range t.Columns {
			c := t.At(column, row)
			j.Cells[row] = append(j.Cells[row], jsonCell{strings.TrimPrefix(string(c.Rune), "\x00"), html(c.FG), html(c.BG), !c.Known, c.Cursor})
		}
	}
	return j
}

func html(c color.RGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }
