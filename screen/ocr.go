package screen

import (
	"context"
	"image"
	"strings"
	"unicode/utf8"
)

// OCR recognises the text of a picture that has no bitmap glyphs. What it
// returns may be wrong, and its Source must say FromOCR.
type OCR func(ctx context.Context, img image.Image) (*Text, error)

// ReadOr reads a picture as Read does; if nothing but blanks is known of it, it
// asks ocr. The Source of the text says which it was.
func (r *Reader) ReadOr(ctx context.Context, img image.Image, ocr OCR) (*Text, error) {
	t, err := r.Read(img)
	if err != nil || ocr == nil || t.Font != "" || t.Unknown() == 0 {
		return t, err
	}
	return ocr(ctx, img)
}

// Lines makes a text of lines without colours or places, such as an OCR
// program prints. Each character is a cell.
func Lines(source Source, lines []string) *Text {
	t := &Text{Source: source, Rows: len(lines)}
	for _, line := range lines {
		t.Columns = max(t.Columns, utf8.RuneCountInString(line))
	}
	for _, line := range lines {
		n := 0
		for _, r := range line {
			if r == 0 {
				r = ' '
			}
			t.Cells = append(t.Cells, Cell{Rune: r, Known: true})
			n++
		}
		for ; n < t.Columns; n++ {
			t.Cells = append(t.Cells, Cell{Rune: ' ', Known: true})
		}
	}
	return t
}

// ocrLines splits what a program prints.
func ocrLines(out string) []string {
	return strings.Split(strings.TrimRight(strings.ReplaceAll(out, "\r\n", "\n"), "\n\f "), "\n")
}
