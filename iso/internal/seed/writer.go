package seed

import (
	"fmt"
	"io"
)

// Writer writes an image from its start to its end and counts the bytes.
type Writer struct {
	w   io.Writer
	pos int64
}

// NewWriter returns a Writer at position 0 of w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write implements [io.Writer].
func (w *Writer) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	w.pos += int64(n)
	return n, err
}

// At writes b at the given position and zeros before it. A position that was
// already passed is a mistake of the layout and an error.
func (w *Writer) At(pos int64, b []byte) error {
	if err := w.PadTo(pos); err != nil {
		return err
	}
	_, err := w.Write(b)
	return err
}

// PadTo writes zeros up to the given position.
func (w *Writer) PadTo(pos int64) error {
	if pos < w.pos {
		return fmt.Errorf("layout overlaps: position %d is wanted, %d is passed", pos, w.pos)
	}
	_, err := io.CopyN(w, zeros{}, pos-w.pos)
	return err
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
