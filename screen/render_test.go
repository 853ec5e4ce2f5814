package screen_test

import (
	"image"
	"image/color"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/screen"
)

const vgaROM = "/usr/share/seabios/vgabios-stdvga.bin"

// romFonts returns the VGA BIOS's fonts: 8×16, 8×14, 8×8.
func romFonts(t testing.TB) []*screen.Font {
	t.Helper()
	rom, err := os.ReadFile(need.File(t, vgaROM, "install package seabios"))
	if err != nil {
		t.Fatal(err)
	}
	fonts, err := screen.ReadVGAROM("vga", rom)
	if err != nil {
		t.Fatal(err)
	}
	return fonts
}

// canvas is a screen that tests draw text on.
type canvas struct {
	*image.RGBA
	font   *screen.Font
	origin image.Point
}

func newCanvas(f *screen.Font, width, height int, origin image.Point) *canvas {
	c := &canvas{image.NewRGBA(image.Rect(0, 0, width, height)), f, origin}
	for i := 3; i < len(c.Pix); i += 4 {
		c.Pix[i] = 255
	}
	return c
}

func (c *canvas) glyph(column, row, code int, fg, bg color.RGBA) {
	for y, bits := range c.font.Glyphs[code].Rows {
		for x := range c.font.Width {
			colour := bg
			if bits&(1<<(c.font.Width-1-x)) != 0 {
				colour = fg
			}
			c.SetRGBA(c.origin.X+column*c.font.Width+x, c.origin.Y+row*c.font.Height+y, colour)
		}
	}
}

// bar draws rows of a cell in one colour, as a cursor does.
func (c *canvas) bar(column, row, from, to int, colour color.RGBA) {
	for y := from; y < to; y++ {
		for x := range c.font.Width {
			c.SetRGBA(c.origin.X+column*c.font.Width+x, c.origin.Y+row*c.font.Height+y, colour)
		}
	}
}

func (c *canvas) write(column, row int, text string, fg, bg color.RGBA) {
	for i := range len(text) {
		c.glyph(column+i, row, int(text[i]), fg, bg)
	}
}

var (
	black = color.RGBA{0, 0, 0, 255}
	grey  = color.RGBA{0xA8, 0xA8, 0xA8, 255}
	blue  = color.RGBA{0, 0, 0xA8, 255}
)

// visible is what a code of code page 437 shows: nothing if it is blank or full.
func visible(f *screen.Font, code int) rune {
	if code == 0 || code == 0xFF || code == 0xDB {
		return ' '
	}
	return f.Glyphs[code].Rune
}

// TestEveryGlyph draws all characters of every size in all pairs of colours
// that text mode has, anywhere on a screen.
func TestEveryGlyph(t *testing.T) {
	fonts := romFonts(t)
	random := rand.New(rand.NewPCG(1, 2))
	var palette []color.RGBA
	for i := range 16 {
		bright := uint8(i >> 3 * 0x57)
		palette = append(palette, color.RGBA{uint8(i>>2&1)*0xA8 + bright, uint8(i>>1&1)*0xA8 + bright, uint8(i&1)*0xA8 + bright, 255})
	}
	for _, f := range fonts {
		r := screen.Reader{Fonts: fonts}
		for range 1 {
			origin := image.Pt(random.IntN(f.Width), random.IntN(f.Height))
			c := newCanvas(f, 60*f.Width+origin.X, 12*f.Height+origin.Y, origin)
			want := make([]rune, 60*12)
			for i := range want {
				code := random.IntN(256)
				want[i] = visible(f, code)
				fg := palette[random.IntN(16)]
				bg := palette[random.IntN(2)]
				if fg == bg {
					want[i] = ' '
				}
				c.glyph(i%60, i/60, code, fg, bg)
			}
			text, err := r.Read(c.RGBA)
			if err != nil {
				t.Fatal(err)
			}
			if text.Origin != origin || text.Columns != 60 || text.Rows != 12 {
				t.Fatalf("%dx%d: read %dx%d cells from %v, want 60x12 from %v", f.Width, f.Height, text.Columns, text.Rows, text.Origin, origin)
			}
			wrong := 0
			for i, w := range want {
				if got := text.Cells[i].Rune; got != w && !halves(got, w) {
					wrong++
				}
			}
			if wrong > 0 {
				t.Errorf("%dx%d: %d cells are wrong", f.Width, f.Height, wrong)
			}
		}
	}
}

// halves tells whether two characters are the same picture with colours
// exchanged, which alone cannot be told apart.
func halves(a, b rune) bool {
	for _, pair := range []string{"▀▄", "▌▐", "•◘", "○◙"} {
		x, n := utf8.DecodeRuneInString(pair)
		y, _ := utf8.DecodeRuneInString(pair[n:])
		if a == x && b == y || a == y && b == x {
			return true
		}
	}
	return false
}

// TestCursor puts a cursor on every character: it is read rightly or not at all.
func TestCursor(t *testing.T) {
	f := romFonts(t)[0]
	r := screen.Reader{Fonts: []*screen.Font{f}}
	unknown := 0
	for code := range 256 {
		c := newCanvas(f, 360, 32, image.Point{})
		c.write(0, 0, "The quick brown fox jumps over the lazy dog", grey, black)
		c.glyph(5, 1, code, grey, black)
		c.bar(5, 1, 13, 15, grey)
		text, err := r.Read(c.RGBA)
		if err != nil {
			t.Fatal(err)
		}
		want := visible(f, code)
		switch cell := text.At(5, 1); {
		case !cell.Known:
			unknown++
			if want < utf8.RuneSelf && (want >= 'a' && want <= 'z' || want >= 'A' && want <= 'Z' || want >= '0' && want <= '9') && want != 'g' && want != 'y' && want != 'j' && want != 'p' && want != 'q' && want != 'Q' {
				t.Errorf("%q below a cursor is not known", want)
			}
		case cell.Rune != want && want != '_' && want != '▄' && code != 0xDB:
			t.Errorf("%q below a cursor is read as %q", want, cell.Rune)
		}
	}
	t.Logf("%d of 256 characters cannot be told below a cursor", unknown)
}

// TestCursorInField puts a cursor into a field of underscores, which it hides:
// what is below it is not known. Beside other text it is blank.
func TestCursorInField(t *testing.T) {
	f := romFonts(t)[0]
	r := screen.Reader{Fonts: []*screen.Font{f}}
	for _, tt := range []struct {
		line   string
		column int // of the cursor
		bg     color.RGBA
		want   string
	}{
		{"Name: debian____", 12, black, "Name: debian\uFFFD___"},
		{"Name: debian____", 15, black, "Name: debian___\uFFFD"},
		{"Name: debian____", 14, grey, "Name: debian__\uFFFD_"},
		{"some_thing ", 11, black, "some_thing"},
		{"boot: ", 6, black, "boot:"},
		{"boot_ ", 5, black, "boot_\uFFFD"},
		{"boot_ ", 6, black, "boot_"},
	} {
		c := newCanvas(f, 360, 32, image.Point{})
		c.write(0, 0, "The quick brown fox jumps over the lazy dog", grey, black)
		fg := blue
		if tt.bg == black {
			fg = grey
		}
		c.write(0, 1, tt.line, fg, tt.bg)
		c.bar(tt.column, 1, 13, 15, fg)
		text, err := r.Read(c.RGBA)
		if err != nil {
			t.Fatal(err)
		}
		cell := text.At(tt.column, 1)
		if text.Lines()[1] != tt.want || !cell.Cursor || cell.Known == strings.ContainsRune(tt.want, '\uFFFD') {
			t.Errorf("%q: read as %q, the cursor's cell is %+v", tt.line, text.Lines()[1], cell)
		}
	}
}

// TestTorn mixes the pixel rows of two texts: no cell is read as a third, also
// where the font has many scripts.
func TestTorn(t *testing.T) {
	t.Run("VGA", func(t *testing.T) {
		f := romFonts(t)[0]
		torn(t, f, f)
	})
	t.Run("Unifont", func(t *testing.T) {
		needFonts(t)
		all := systemFonts()
		f := all[len(all)-1]
		ascii := &screen.Font{Name: f.Name, Width: f.Width, Height: f.Height, Glyphs: make([]screen.Glyph, utf8.RuneSelf)}
		for _, g := range f.Glyphs {
			if g.Rune < utf8.RuneSelf {
				ascii.Glyphs[g.Rune] = g
			}
		}
		torn(t, f, ascii)
	})
}

// torn reads in a font what is drawn in the codes of another.
func torn(t *testing.T, font, f *screen.Font) {
	r := screen.Reader{Fonts: []*screen.Font{font}}
	random := rand.New(rand.NewPCG(3, 4))
	third, cells := 0, 0
	for y := 2; y < 16; y += 4 {
		c := newCanvas(f, 640, 400, image.Point{})
		old := newCanvas(f, 640, 400, image.Point{})
		a, b := make([]int, 2000), make([]int, 2000)
		for i := range a {
			a[i], b[i] = 32+random.IntN(95), 32+random.IntN(95)
			old.glyph(i%80, i/80, a[i], grey, black)
			c.glyph(i%80, i/80, b[i], grey, black)
		}
		for row := range 25 { // the upper y pixel rows of each cell are old
			from := row*16*c.Stride + 0
			copy(c.Pix[from:from+y*c.Stride], old.Pix[from:from+y*c.Stride])
		}
		text, err := r.Read(c.RGBA)
		if err != nil {
			t.Fatal(err)
		}
		for i, cell := range text.Cells {
			cells++
			if cell.Known && cell.Rune != rune(a[i]) && cell.Rune != rune(b[i]) && cell.Rune != ' ' {
				third++
			}
		}
	}
	// The upper half of one character and the lower half of another may be
	// exactly a third: of P and L, say, E. Nobody could tell.
	if third*100 > cells {
		t.Errorf("%d of %d torn cells are read as a third character", third, cells)
	}
	t.Logf("%d of %d torn cells look exactly like a third character", third, cells)
}

// TestInverse reads a menu bar and text in low contrast.
func TestInverse(t *testing.T) {
	f := romFonts(t)[0]
	c := newCanvas(f, 640, 400, image.Point{})
	c.write(2, 3, " Install              ", black, grey)
	c.write(2, 4, " Rescue               ", grey, blue)
	text, err := (&screen.Reader{Fonts: []*screen.Font{f}}).Read(c.RGBA)
	if err != nil {
		t.Fatal(err)
	}
	cell := text.At(3, 3)
	if cell.Rune != 'I' || cell.FG != black || cell.BG != grey || text.At(3, 4).BG != blue || text.At(20, 3).BG != grey || text.Unknown() != 0 {
		t.Errorf("%+v", cell)
	}
}

// TestNoText reads pictures without text: nothing is made up.
func TestNoText(t *testing.T) {
	fonts := romFonts(t)
	random := rand.New(rand.NewPCG(5, 6))
	noise := image.NewRGBA(image.Rect(0, 0, 320, 208))
	random2 := func() uint8 { return uint8(random.Uint32()) }
	for i := range noise.Pix {
		noise.Pix[i] = random2()
	}
	dots := image.NewRGBA(noise.Rect)
	ramp := image.NewRGBA(noise.Rect)
	for y := range 208 {
		for x := range 320 {
			dots.SetRGBA(x, y, color.RGBA{uint8(random.IntN(2) * 255), 0, 0, 255})
			ramp.SetRGBA(x, y, color.RGBA{uint8(x * 255 / 320), uint8(y * 255 / 208), 99, 255})
		}
	}
	for name, m := range map[string]*image.RGBA{"noise": noise, "dots": dots, "ramp": ramp} {
		text, err := (&screen.Reader{Fonts: fonts}).Read(m)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range text.Cells {
			if c.Known && c.Rune != ' ' {
				t.Errorf("%s: cell %d is read as %q", name, i, c.Rune)
			}
		}
		if ramp == m && text.Unknown() != 0 {
			t.Errorf("ramp: %d cells are not known to be blank", text.Unknown())
		}
	}
}
