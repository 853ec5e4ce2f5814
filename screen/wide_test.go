package screen_test

import (
	"image"
	"image/color"
	"image/draw"
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
			m = text.Find(regexp.MustCompile(`.`), image.Rect(1, 4, 2, 5)) // the left half of 中
			if len(m) != 1 || m[0].Text != "中" || m[0].Cells != image.Rect(1, 4, 2, 5) {
				t.Errorf("half of 中 is at %+v", m)
			}
			if left, right := text.At(4, 4), text.At(5, 4); left.Rune != '文' || right.Rune != 0 || !right.Known || right.FG != fg || right.BG != bg {
				t.Errorf("the halves are %+v and %+v", left, right)
			}
		})
	}
}

// TestWidePages reads screens on which hardly anything else is.
func TestWidePages(t *testing.T) {
	f := unifont(t)
	for name, lines := range map[string][]string{
		"Chinese alone": {"选择语言中文简体", "请选择您的位置。时区也将由此设定。", "如果您的位置不在此列表中请选择其他"},
		"one word":      {"选择语言中文简体 OK", "请选择您的位置"},
		"a dialog":      {"┌───┤ 选择您的位置 ├───┐", "│ 请选择您的位置时区   │", "│ 语言中文简体继续返回 │", "└──────────────────────┘"},
		"Japanese":      {"インストールの過程で使う", "言語を選択してください。"},
		"Korean":        {"설치 과정에서 사용할 언어를 선택하십시오", "<뒤로 가기>"},
	} {
		t.Run(name, func(t *testing.T) {
			r := screen.Reader{Fonts: systemFonts()}
			text, err := r.Read(drawn(t, f, grey, blue, lines...))
			if err != nil {
				t.Fatal(err)
			}
			if got, want := text.String(), strings.Join(lines, "\n")+"\n"; got != want || text.Font != f.Name {
				t.Errorf("in font %q read\n%swant\n%s", text.Font, got, want)
			}
		})
	}
}

// TestWideRuns reads a font in which the right half of one character and the left
// half of the next are a third.
func TestWideRuns(t *testing.T) {
	rows := func(left, right uint32) []uint32 {
		all := make([]uint32, 16)
		for y := 2; y < 12; y++ {
			all[y] = left<<8 | right
		}
		return all
	}
	f := *unifont(t)
	f.Wide = func() []screen.Glyph {
		return []screen.Glyph{{Rune: '一', Rows: rows(0x13, 0x67)}, {Rune: '二', Rows: rows(0x67, 0x13)}, {Rune: '三', Rows: rows(0x2B, 0x13)}}
	}
	r := screen.Reader{Fonts: []*screen.Font{&f}}
	text, err := r.Read(drawn(t, &f, grey, black, "run: 一一三一二二", "run: 三三三"))
	if err != nil {
		t.Fatal(err)
	}
	if got := text.String(); got != "run: 一一三一二二\nrun: 三三三\n" {
		t.Errorf("read\n%s", got)
	}
}

// TestWideFonts takes the characters from the font that explains the rest.
func TestWideFonts(t *testing.T) {
	f := *unifont(t)
	other := f
	other.Name = "other"
	other.Glyphs = other.Glyphs[:1]
	asked := false
	other.Wide = func() []screen.Glyph { asked = true; return nil }
	r := screen.Reader{Fonts: []*screen.Font{romFonts(t)[0], &other, &f}}
	text, err := r.Read(drawn(t, &f, grey, black, "some letters and a lot more of them: 中文"))
	if err != nil {
		t.Fatal(err)
	}
	if got := text.String(); asked || got != "some letters and a lot more of them: 中文\n" {
		t.Errorf("read %q; the other font was asked: %v", got, asked)
	}
}

// TestWideOther leaves a character unknown that another font has than the one that
// the screen is in.
func TestWideOther(t *testing.T) {
	vga := romFonts(t)[0]
	c := newCanvas(vga, 640, 400, image.Point{})
	c.write(0, 0, "some letters of a VGA", grey, black)
	asian := drawn(t, unifont(t), grey, black, "中")
	draw.Draw(c, image.Rect(240, 0, 256, 16), asian, image.Point{}, draw.Src)
	for i := range 12 {
		c.bar(40+i, 0, 2, 3+i, grey)
	}
	r := screen.Reader{Fonts: append([]*screen.Font{vga}, unifont(t))}
	text, err := r.Read(c)
	if err != nil {
		t.Fatal(err)
	}
	if got := text.Lines()[0]; got != "some letters of a VGA         ��        "+strings.Repeat("�", 12) {
		t.Errorf("read %q", got)
	}
}

// TestWideDoubt keeps short words beside such characters where little can be read,
// also at the edge of the screen.
func TestWideDoubt(t *testing.T) {
	f := unifont(t)
	c := drawn(t, f, grey, black, "中 OK")
	for i := range 20 {
		c.bar(79, i+1, i%5, i%5+4, grey)
		c.bar(78, i+1, i%5+2, i%5+4, grey)
	}
	r := screen.Reader{Fonts: systemFonts()}
	text, err := r.Read(c)
	if err != nil {
		t.Fatal(err)
	}
	if got := text.Lines()[0]; got != "中 OK" || text.Unknown() != 40 {
		t.Errorf("read %q; %d cells are unknown", got, text.Unknown())
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
	}{{plain, 0}, {picture(t, "ovmf-logo"), 0}, {asian, 1}, {plain, 1}, {asian, 1}} {
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
		g, calls := f, 0
		g.Width, g.Wide = tt.width, func() []screen.Glyph { calls++; return tt.wide }
		r := screen.Reader{Fonts: []*screen.Font{&g}}
		for range 2 {
			if _, err := r.Read(asian); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", want, err)
			}
		}
		if calls > 1 {
			t.Errorf("%s: asked %d times", want, calls)
		}
	}
}

// TestNUL looks that a glyph which stands for nothing does not shift a row.
func TestNUL(t *testing.T) {
	f := *unifont(t)
	f.Glyphs = slices.Clone(f.Glyphs)
	for i := range f.Glyphs {
		if f.Glyphs[i].Rune == '%' {
			f.Glyphs[i].Rune = 0
		}
	}
	r := screen.Reader{Fonts: []*screen.Font{&f}}
	text, err := r.Read(drawn(t, unifont(t), grey, black, "login% root"))
	if err != nil {
		t.Fatal(err)
	}
	if got := text.String(); got != "login� root\n" {
		t.Errorf("read %q", got)
	}
	if got := screen.Lines(screen.FromOCR, []string{"a\x00b"}).String(); got != "a b\n" {
		t.Errorf("lines %q", got)
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
		"MИP, И, ИX, ΨOPA",            // И and Ψ look like letters that hardly anybody writes
	}
	want := []string{"Беларуская, Қазақ", "Ελληνικά, Ειρήνη", "Copa, COPA and coca", "Ж:C, Жazz", "Ubuntu Català English Shqip", "МИР, И, ИХ, ΨΟΡΑ"}
	f := *unifont(t)
	for name, order := range map[string]func([]screen.Glyph){"usual": func([]screen.Glyph) {}, "reverse": slices.Reverse[[]screen.Glyph]} {
		f.Glyphs = slices.Clone(f.Glyphs)
		order(f.Glyphs)
		r := screen.Reader{Fonts: []*screen.Font{&f}}
		text, err := r.Read(drawn(t, &f, grey, black, lines...))
		if err != nil {
			t.Fatal(err)
		}
		for row, line := range want {
			if got := text.Lines()[row]; got != line {
				t.Errorf("%s order: read %q, want %q", name, got, line)
			}
		}
	}
}
