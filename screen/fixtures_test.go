package screen_test

import (
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/screen"
	"github.com/google/go-cmp/cmp"
)

// needFonts skips a test where the fonts are not there that guests show.
func needFonts(t testing.TB) {
	t.Helper()
	need.File(t, "/usr/share/seabios/vgabios-stdvga.bin", "install package seabios")
	need.File(t, "/usr/share/grub/unicode.pf2", "install package grub-common")
}

func picture(t testing.TB, name string) image.Image {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name+".png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// systemFonts takes some ten milliseconds; the pictures can share it.
var systemFonts = sync.OnceValue(screen.SystemFonts)

func read(t testing.TB, name string) *screen.Text {
	t.Helper()
	r := screen.Reader{Fonts: systemFonts()}
	text, err := r.Read(picture(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// fixtures returns the names of the files with an ending.
func fixtures(t testing.TB, ending string) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/*" + ending)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no fixtures %s: %v", ending, err)
	}
	var names []string
	for _, p := range paths {
		names = append(names, strings.TrimSuffix(filepath.Base(p), ending))
	}
	return names
}

// TestTextMode holds what pictures of text mode say, character by character
// and colour by colour, against the text memory that the guest had then.
func TestTextMode(t *testing.T) {
	needFonts(t)
	for _, name := range fixtures(t, ".vga") {
		t.Run(name, func(t *testing.T) {
			memory, err := os.ReadFile(filepath.Join("testdata", name+".vga"))
			if err != nil {
				t.Fatal(err)
			}
			want, err := screen.VGAMemory(memory, 80)
			if err != nil {
				t.Fatal(err)
			}
			got := read(t, name)
			for i, w := range want.Cells {
				if g := got.Cells[i]; g.Cursor && !g.Known && w.Rune == '_' {
					continue // which nobody can see; see Cell.Cursor
				} else if !g.Known || !sameCell(g, w) {
					t.Errorf("column %d, row %d: %s, in memory %s", i%80, i/80, show(g), show(w))
				}
			}
			if !got.Equal(want) {
				t.Error("Equal tells them apart")
			}
		})
	}
}

// sameCell ignores what is not to be seen.
func sameCell(a, b screen.Cell) bool {
	return a.Rune == b.Rune && (a.Cursor || a.FG == b.FG && a.BG == b.BG)
}

func show(c screen.Cell) string {
	return fmt.Sprintf("%q %v on %v", c.Rune, c.FG, c.BG)
}

// TestGraphics holds what pictures of graphical screens say against what
// people, and where there was one the guest's serial line, say that it is.
func TestGraphics(t *testing.T) {
	needFonts(t)
	for _, name := range fixtures(t, ".txt") {
		t.Run(name, func(t *testing.T) {
			want, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), read(t, name).String()); diff != "" {
				t.Errorf("text differs (-want +got):\n%s", diff)
			}
		})
	}
}

// TestLogo reads a picture that has no text in bitmap glyphs.
func TestLogo(t *testing.T) {
	needFonts(t)
	text := read(t, "ovmf-logo")
	for i, c := range text.Cells {
		if c.Known && c.Rune != ' ' {
			t.Errorf("cell %d is read as %q", i, c.Rune)
		}
	}
	if text.Font != "" {
		t.Errorf("Font is %q", text.Font)
	}
	if text.Unknown() < 50 {
		t.Errorf("%d cells are not known; the logo has more", text.Unknown())
	}
}
