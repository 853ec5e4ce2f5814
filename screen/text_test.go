package screen_test

import (
	"context"
	"errors"
	"image"
	"image/color"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/screen"
	"github.com/google/go-cmp/cmp"
)

func TestFind(t *testing.T) {
	text := screen.Lines(screen.FromOCR, []string{"boot: linux  ", "", "äöü login: root", "Password:"})
	for _, tt := range []struct {
		re     string
		region image.Rectangle
		want   []screen.Match
	}{
		{`boot: (\w+)`, image.Rectangle{}, []screen.Match{{Text: "boot: linux", Groups: []string{"linux"}, Cells: image.Rect(0, 0, 11, 1)}}},
		{`login: root`, image.Rectangle{}, []screen.Match{{Text: "login: root", Cells: image.Rect(4, 2, 15, 3)}}},
		{`(?m)linux$`, image.Rectangle{}, []screen.Match{{Text: "linux", Cells: image.Rect(6, 0, 11, 1)}}},
		{`(?m)^Pass`, image.Rectangle{}, []screen.Match{{Text: "Pass", Cells: image.Rect(0, 3, 4, 4)}}},
		{`(?s)root.Pass`, image.Rectangle{}, []screen.Match{{Text: "root\nPass", Cells: image.Rect(0, 2, 15, 4)}}},
		{`o+`, image.Rect(4, 2, 99, 99), []screen.Match{{Text: "o", Cells: image.Rect(5, 2, 6, 3)}, {Text: "oo", Cells: image.Rect(12, 2, 14, 3)}, {Text: "o", Cells: image.Rect(5, 3, 6, 4)}}},
		{`(x)?root`, image.Rectangle{}, []screen.Match{{Text: "root", Groups: []string{""}, Cells: image.Rect(11, 2, 15, 3)}}},
		{`boot`, image.Rect(0, 1, 20, 4), nil},
		{`q*`, image.Rectangle{}, nil},
	} {
		if diff := cmp.Diff(tt.want, text.Find(regexp.MustCompile(tt.re), tt.region)); diff != "" {
			t.Errorf("%s in %v (-want +got):\n%s", tt.re, tt.region, diff)
		}
	}
	if got := text.String(); got != "boot: linux\n\näöü login: root\nPassword:\n" {
		t.Errorf("String: %q", got)
	}
	if c := text.At(-1, 0); c != (screen.Cell{}) {
		t.Errorf("outside: %+v", c)
	}
}

// TestFindOnScreen finds text in a picture and says where its pixels are.
func TestFindOnScreen(t *testing.T) {
	needFonts(t)
	text := read(t, "ovmf-setup")
	m := text.Find(regexp.MustCompile(`Boot Manager`), image.Rectangle{})
	if len(m) != 1 || text.Bounds(m[0].Cells) != image.Rect(24, 192, 24+12*8, 192+19) {
		t.Errorf("%+v at %v", m, text.Bounds(m[0].Cells))
	}
}

// TestSubImage reads a part of a picture, which does not begin with a cell.
func TestSubImage(t *testing.T) {
	needFonts(t)
	whole := rgba(picture(t, "ovmf-help"))
	part := whole.SubImage(image.Rect(233, 150, 900, 500))
	r := screen.Reader{Fonts: systemFonts()}
	text, err := r.Read(part)
	if err != nil {
		t.Fatal(err)
	}
	m := text.Find(regexp.MustCompile(`parse +- Retrieves a value`), image.Rectangle{})
	if len(m) != 1 {
		t.Fatalf("read %s", text)
	}
	at := text.Bounds(m[0].Cells)
	again, err := r.Read(whole.SubImage(at))
	if err != nil || !strings.HasPrefix(again.String(), "parse  ") {
		t.Errorf("at %v: %v %s", at, err, again)
	}
}

// TestZeroReader reads with what this machine has, from several goroutines.
func TestZeroReader(t *testing.T) {
	needFonts(t)
	var r screen.Reader
	var wg sync.WaitGroup
	for _, name := range []string{"seabios", "ovmf-shell", "vesamenu"} {
		m, want := picture(t, name), read(t, name).String()
		wg.Go(func() {
			for range 2 {
				if text, err := r.Read(m); err != nil || text.String() != want {
					t.Errorf("%s: %v\n%s", name, err, text)
				}
			}
		})
	}
	wg.Wait()
}

func TestReadErrors(t *testing.T) {
	r := screen.Reader{Fonts: []*screen.Font{}}
	if _, err := r.Read(image.NewGray(image.Rect(0, 0, 9, 9))); !errors.Is(err, screen.ErrNoFonts) {
		t.Errorf("no fonts: %v", err)
	}
	for _, m := range []image.Image{nil, image.NewGray(image.Rectangle{}), image.NewUniform(color.Black)} {
		if _, err := r.Read(m); err == nil {
			t.Errorf("%T: no error", m)
		}
	}
	if _, err := screen.VGAMemory(make([]byte, 3999), 80); err == nil {
		t.Error("odd memory: no error")
	}
}

func TestLearnErrors(t *testing.T) {
	m := picture(t, "linux-glyphs")
	cell := image.Pt(8, 16)
	for want, lines := range map[string][]string{
		"should be blank":  {"  "},
		"before any blank": {"", "!"},
		"outside":          {strings.Repeat(" ", 161)},
		"looks different":  {" aa"},
	} {
		if _, err := screen.Learn("x", m, image.Point{}, cell, lines); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want one with %q", lines, err, want)
		}
	}
	if _, err := screen.Learn("x", m, image.Point{}, image.Point{}, nil); err == nil {
		t.Error("no size: no error")
	}
}

// TestTesseractPlayed runs a program that is not tesseract but behaves so.
func TestTesseractPlayed(t *testing.T) {
	dir := t.TempDir()
	script := func(body string) screen.Tesseract {
		path := filepath.Join(dir, "tesseract")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body), 0o755); err != nil {
			t.Fatal(err)
		}
		return screen.Tesseract{Program: path, Language: "deu"}
	}
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("needs a shell")
	}
	m := image.NewGray(image.Rect(0, 0, 9, 9))
	text, err := script(`cat >/dev/null; printf 'hello %s\nworld\n\n\f' "$*"`).Read(t.Context(), m)
	if err != nil || text.String() != "hello - - -l deu --psm 6\nworld\n" || text.Source != screen.FromOCR {
		t.Errorf("%v %+v", err, text)
	}
	if _, err := script(`cat >/dev/null; echo no language >&2; exit 3`).Read(t.Context(), m); err == nil || !strings.Contains(err.Error(), "no language") {
		t.Errorf("failed: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := script(`exec sleep 60`).Read(ctx, m); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("late: %v", err)
	}
	if _, err := (screen.Tesseract{Program: "no-such-program"}).Read(t.Context(), m); !errors.Is(err, screen.ErrNoTesseract) {
		t.Errorf("missing: %v", err)
	}
	if _, err := (screen.Tesseract{Scale: 99}).Read(t.Context(), m); err == nil {
		t.Error("scale: no error")
	}
}

// TestReadOr asks for OCR only where nothing is known.
func TestReadOr(t *testing.T) {
	f := romFonts(t)[0]
	r := screen.Reader{Fonts: []*screen.Font{f}}
	asked := 0
	ocr := func(context.Context, image.Image) (*screen.Text, error) {
		asked++
		return screen.Lines(screen.FromOCR, []string{"guess"}), nil
	}
	c := newCanvas(f, 320, 32, image.Point{})
	for range 2 {
		if text, err := r.ReadOr(t.Context(), c.RGBA, ocr); err != nil || text.Source != screen.FromGlyphs || asked != 0 {
			t.Errorf("%v %+v, asked %d times", err, text, asked)
		}
		c.write(1, 0, "boot:", grey, black)
	}
	desktop := newCanvas(f, 320, 32, image.Point{})
	for i := range desktop.Pix {
		desktop.Pix[i] = uint8(i * i >> 3)
	}
	if text, err := r.ReadOr(t.Context(), desktop.RGBA, ocr); err != nil || text.Source != screen.FromOCR || asked != 1 {
		t.Errorf("%v %+v, asked %d times", err, text, asked)
	}
}

// A text without descenders looks the same in two fonts. What follows tells
// which one it is, also if the wrong one was used before.
func TestAnotherFont(t *testing.T) {
	font := romFonts(t)[0]
	cut := &screen.Font{Name: "cut", Width: font.Width, Height: 14} // as Uni2-VGA14 is
	for _, g := range font.Glyphs {
		cut.Glyphs = append(cut.Glyphs, screen.Glyph{Rune: g.Rune, Rows: g.Rows[:cut.Height]})
	}
	r := screen.Reader{Fonts: []*screen.Font{font, cut}}
	read := func(f *screen.Font, height int, lines ...string) string {
		c := newCanvas(f, 640, height, image.Point{})
		for row, line := range lines {
			c.write(0, row, line, grey, black)
		}
		text, err := r.Read(c.RGBA)
		if err != nil {
			t.Fatal(err)
		}
		return text.String()
	}
	small := []string{"The quick brown fox", "jumps over the lazy dog", "0123456789"}
	if got := read(cut, 400, small...); got != strings.Join(small, "\n")+"\n" {
		t.Fatalf("%q", got)
	}
	for _, line := range []string{"boot:", "boot: auto", "boot: auto url=http", "boot: auto url=http://10.0.2.2:8000/preseed.cfg"} {
		if got := read(font, 400, line); got != line+"\n" {
			t.Errorf("%q is read as %q", line, got)
		}
	}
}
