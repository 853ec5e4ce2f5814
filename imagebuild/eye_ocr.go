package imagebuild

import (
	"context"
	"errors"
	"fmt"

	"github.com/bootscribe/bootscribe/screen"
)

// recognise returns what a view says: by Build.OCR, if there is one and nothing
// could be read. That may take seconds, in which others look on.
func (e *eye) recognise(ctx context.Context, v *view) (*screen.Text, error) {
	text, err := e.read(v)
	if err != nil || e.ocr == nil || !unreadable(text) {
		return text, err
	}
	e.mu.Lock()
	recognised, frame := v.ocr, v.frame
	e.mu.Unlock()
	if recognised != nil {
		return recognised, nil
	}
	recognised, err = e.ocr(ctx, frame)
	switch {
	case errors.Is(err, screen.ErrNoTesseract):
		return text, nil
	case err != nil:
		return nil, ended(ctx, fmt.Errorf("Build.OCR: %w", err))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	v.ocr, v.frame = recognised, nil
	return recognised, nil
}

// unreadable reports whether there is something on the screen, and no letter of
// it could be read.
func unreadable(t *screen.Text) bool {
	return t.Font == "" && (t.Unknown() > 0 || len(t.Cells) == 0)
}
