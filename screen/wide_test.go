package screen_test

import (
	"image"
	"image/color"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bootscribe/bootscribe/screen"
)

// unifont returns GRUB's font, as far as menus show it.
func unifont(t *testing.T) *screen.Font {
	needFonts(t)
	fonts := systemFonts()
	return fonts[len(fonts)-1]
}

// drawn draws lines in a font, also characters of two cells.
func drawn(t *testing.T, f *screen.Font, fg, bg color.RGBA, lines ...string) *canvas {
	t.Helper()
	all := slices.Clone(f.Glyphs)
	if f.Wide != nil {
		all = append(all, f.Wide()...)
	}
	rows := map[rune][]uint32{}
	for _, g := range all {
		rows[g.Rune] = g.Rows
	}
	half := &screen.Font{Width: f.Width, Height: f.Height, Glyphs: make([]screen.Glyph, 2)}
	c := newCanvas(half, 640, 400, image.Point{})
	for row, line := range lines {
		column := 0
		for _, r := range line {
			if rows[r] == nil {
				t.Fatalf("the font has no %q", r)
			}
			for i := range 2 {
				half.Glyphs[i].Rows = make([]uint32, f.Height)
			}
			for y, bits := range rows[r] {
				half.Glyphs[0].Rows[y], half.Glyphs[1].Rows[y] = bits>>f.Width&0xFF, bits&0xFF
			}
			if r >= 0x3000 {
				c.glyph(column, row, 0, fg, bg)
				column++
			}
			c.glyph(column, row, 1, fg, bg)
			column++
		}
	}
	return c
}

// TestWide reads characters that take two cells, among them such whose halves are
// blank or characters of their own, in any colours, between others.
func TestWide(t *testing.T) {
	f := unifont(t)
	lines := []string{
		"Chinese (Simplified)   - 中文(简体)", "Japanese               - 日本語です。", "Korean                 - 한국어",
		"│ 「一〈引＿。 │ end", "a中b文c, and so on with letters",
	}
	for name, fg := range map[string]color.RGBA{"usual": grey, "inverse": black} {
		t.Run(name, func(t *testing.T) {
			bg := blue
			if fg == black {
				bg = grey
			}
			r := screen.Reader{Fonts: systemFonts()}
			text, err := r.Read(drawn(t, f, fg, bg, lines...))
			if err != nil {
				t.Fatal(err)
			}
			if got, want := text.String(), strings.Join(lines, "\n")+"\n"; got != want {
				t.Fatalf("read\n%swant\n%s", got, want)
			}
			m := text.Find(regexp.MustCompile(`文c`), image.Rectangle{})
			if len(m) != 1 || m[0].Cells != image.Rect(4, 4, 7, 5) {
				t.Errorf("文c is at %+v", m)
			}
			m = text.Find(regexp.MustCompile(`本.`), image.Rect(26, 1, 80, 2)) // begins in the middle of 日
			if len(m) != 1 || m[0].Text != "本語" || m[0].Cells != image.Rect(27, 1, 31, 2) {
				t.Errorf("本. is at %+v", m)
			}
			if left, right := text.At(4, 4), text.At(5, 4); left.Rune != '文' || right.Rune != 0 || !right.Known || right.FG != fg || right.BG != bg {
				t.Errorf("the halves are %+v and %+v", left, right)
			}
		})
	}
}

// TestWideTorn leaves halves of different characters unknown.
func TestWideTorn(t *testing.T) {
	f := unifont(t)
	c, other := drawn(t, f, grey, black, "Chinese 中文"), drawn(t, f, grey, black, "Chinese 文中")
	right := image.Rect(72, 0, 80, 16) // of the first character
	for y := right.Min.Y; y < right.Max.Y; y++ {
		for x := right.Min.X; x < right.Max.X; x++ {
			c.Set(x, y, other.At(x, y))
		}
	}
	r := screen.Reader{Fonts: systemFonts()}
	text, err := r.Read(c)
	if err != nil {
		t.Fatal(err)
	}
	if got := text.String(); got != "Chinese ��文\n" {
		t.Errorf("read %q", got)
	}
}

// TestWideWhenNeeded asks a font for its many characters once, and not before
// there is something that may be one.
func TestWideWhenNeeded(t *testing.T) {
	f := *unifont(t)
	load, calls := f.Wide, 0
	f.Wide = func() []screen.Glyph { calls++; return load() }
	plain := drawn(t, &f, grey, black, "login: root", "some more")
	plain.bar(11, 0, 13, 15, grey)
	plain.bar(4, 1, 6, 9, grey) // something odd
	asian := drawn(t, &f, grey, black, "some language: 中文")
	calls = 0
	r := screen.Reader{Fonts: []*screen.Font{&f}}
	for i, tt := range []struct {
		picture image.Image
		want    int
	}{{plain, 0}, {asian, 1}, {plain, 1}, {asian, 1}} {
		if _, err := r.Read(tt.picture); err != nil {
			t.Fatal(err)
		}
		if calls != tt.want {
			t.Errorf("picture %d: asked %d times, want %d", i, calls, tt.want)
		}
	}
}

// TestWideErrors names fonts that cannot be.
func TestWideErrors(t *testing.T) {
	f := *unifont(t)
	asian := drawn(t, &f, grey, black, "some language: 中文")
	for want, tt := range map[string]struct {
		width int
		wide  []screen.Glyph
	}{
		"16 is the most":     {17, nil},
		"has 1 rows":         {8, []screen.Glyph{{Rune: '中', Rows: []uint32{1}}}},
		"wider than the fon": {8, []screen.Glyph{{Rune: '中', Rows: append(make([]uint32, 15), 1<<16)}}},
	} {
		g := f
		g.Width, g.Wide = tt.width, func() []screen.Glyph { return tt.wide }
		r := screen.Reader{Fonts: []*screen.Font{&g}}
		if _, err := r.Read(asian); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestScripts reads letters that look the same in several scripts in that of
// their word.
func TestScripts(t *testing.T) {
	lines := []string{
		"Бeлapуcкaя, Қaзaқ",           // with Latin letters, whose pictures are the same
		"Ελληνικά, Ειρήνη",            // Greek
		"Copa, COPA and coca",         // could be Cyrillic too
		"Ж:C, Жazz",                   // a word of one letter; z is Latin only
		"Ubuntu Català English Shqip", // Latin
	}
	want := []string{"Беларуская, Қазақ", "Ελληνικά, Ειρήνη", "Copa, COPA and coca", "Ж:C, Жazz", "Ubuntu Català English Shqip"}
	r := screen.Reader{Fonts: systemFonts()}
	text, err := r.Read(drawn(t, unifont(t), grey, black, lines...))
	if err != nil {
		t.Fatal(err)
	}
	for row, line := range want {
		if got := text.Lines()[row]; got != line {
			t.Errorf("read %q, want %q", got, line)
		}
	}
}
