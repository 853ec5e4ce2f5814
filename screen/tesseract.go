package screen

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os/exec"
	"strings"
)

// Tesseract recognises text by the program tesseract, if it is installed. It is
// slow, needs a second or more for a screen, and mistakes letters: for exact
// text use a Reader. The zero Tesseract works for English.
type Tesseract struct {
	// Program is the program, a path or a name looked up in PATH. Empty means
	// tesseract.
	Program string
	// Language is tesseract's name of the language, such as "deu"; empty means
	// "eng".
	Language string
	// Scale enlarges the picture first, since the program expects letters of
	// some thirty pixels. 0 means 2, at most 8.
	Scale int
}

// ErrNoTesseract says that the program is not there.
var ErrNoTesseract = errors.New("tesseract is not installed (package tesseract-ocr)")

// Read is an [OCR]. It ends the program when ctx ends.
func (o Tesseract) Read(ctx context.Context, img image.Image) (*Text, error) {
	program, language, scale := o.Program, o.Language, o.Scale
	if program == "" {
		program = "tesseract"
	}
	if language == "" {
		language = "eng"
	}
	if scale == 0 {
		scale = 2
	}
	if scale < 1 || scale > 8 {
		return nil, fmt.Errorf("screen: Tesseract.Scale is %d; it must be 1 to 8, or 0 for 2", o.Scale)
	}
	path, err := exec.LookPath(program)
	if err != nil {
		return nil, fmt.Errorf("screen: %w", errors.Join(ErrNoTesseract, err))
	}
	var in bytes.Buffer
	if err := png.Encode(&in, enlarged(img, scale)); err != nil {
		return nil, fmt.Errorf("screen: tesseract: %w", err)
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, path, "-", "-", "-l", language, "--psm", "6")
	cmd.Stdin, cmd.Stderr = &in, &stderr
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("screen: tesseract: %w", context.Cause(ctx))
	}
	if err != nil {
		return nil, fmt.Errorf("screen: tesseract: %w: %s", err, strings.TrimSpace(stderr.String()))
	}
	return Lines(FromOCR, ocrLines(string(out))), nil
}

// enlarged repeats every pixel.
func enlarged(img image.Image, scale int) image.Image {
	var p pixels
	p.load(img)
	m := image.NewRGBA(image.Rect(0, 0, p.width*scale, p.height*scale))
	for y := range m.Rect.Dy() {
		for x := range m.Rect.Dx() {
			m.SetRGBA(x, y, rgba(p.at(x/scale, y/scale)))
		}
	}
	return m
}
