// Command screentext prints what pictures of screens say.
//
//	go run ./examples/screentext screen.png            # the text
//	go run ./examples/screentext -json screen.png      # cells with colours
//	go run ./examples/screentext -ocr desktop.png      # by tesseract where there are no glyphs
//	go run ./examples/screentext -font my.psf.gz screen.png
//
// Cells that are not known are printed as U+FFFD, and counted on standard
// error. The exit status is 1 if a picture cannot be read.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image"
	_ "image/gif"
	_ "image/jpeg"
	_ "image/png"
	"io"
	"os"
	"os/signal"

	"github.com/bootscribe/bootscribe/screen"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "screentext:", err)
		}
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("screentext", flag.ContinueOnError)
	flags.SetOutput(stderr)
	asJSON := flags.Bool("json", false, "print cells with colours as JSON, one object a picture")
	ocr := flags.Bool("ocr", false, "use tesseract where there are no glyphs")
	font := flags.String("font", "", "a PSF font of the guest's, used before those of this machine")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		flags.Usage()
		return errors.New("name a picture: PNG, GIF or JPEG")
	}
	reader, err := newReader(*font)
	if err != nil {
		return err
	}
	var recognise screen.OCR
	if *ocr {
		recognise = screen.Tesseract{}.Read
	}
	for _, path := range flags.Args() {
		picture, err := load(path)
		if err != nil {
			return err
		}
		text, err := reader.ReadOr(ctx, picture, recognise)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if n := text.Unknown(); n > 0 {
			fmt.Fprintf(stderr, "screentext: %s: %d of %d cells are not known\n", path, n, len(text.Cells))
		}
		if err := write(stdout, path, text, *asJSON); err != nil {
			return err
		}
	}
	return nil
}

// newReader returns a reader that knows a font more.
func newReader(font string) (*screen.Reader, error) {
	if font == "" {
		return new(screen.Reader), nil
	}
	f, err := os.Open(font)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	own, err := screen.ReadPSF(font, f)
	if err != nil {
		return nil, err
	}
	return &screen.Reader{Fonts: append([]*screen.Font{own}, screen.SystemFonts()...)}, nil
}

func load(path string) (image.Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	picture, _, err := image.Decode(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return picture, nil
}

// write prints a text, or the object that jsonText describes.
func write(w io.Writer, path string, text *screen.Text, asJSON bool) error {
	if !asJSON {
		_, err := io.WriteString(w, text.String())
		return err
	}
	return json.NewEncoder(w).Encode(newJSON(path, text))
}
