package screen_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bootscribe/bootscribe/screen"
	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/internal/need"
)

// psf1 makes a font of version 1: 256 glyphs of 8 rows, of which the one with
// code 65 stands for the Greek Alpha and A, and 66 for B with a combined mark.
func psf1() []byte {
	b := []byte{0x36, 0x04, 0x02, 8}
	for code := range 256 {
		for row := range 8 {
			b = append(b, byte(code*row))
		}
	}
	for code := range 256 {
		units := map[int][]uint16{65: {0x391, 65}, 66: {66, 0xFFFE, 66, 0x301}}[code]
		for _, u := range append(units, 0xFFFF) {
			b = binary.LittleEndian.AppendUint16(b, u)
		}
	}
	return b
}

// psf2 makes a font of version 2: two glyphs of 12×3 pixels.
func psf2() []byte {
	var b []byte
	for _, n := range []uint32{0x864ab572, 0, 32, 1, 2, 6, 3, 12} {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	b = append(b, 0x80, 0x10, 0, 0, 0xFF, 0xF0, 0x40, 0, 0, 0, 0, 0x20)
	return append(b, "é\xFEe\u0301\xFF\xFF"...)
}

func TestReadPSF(t *testing.T) {
	f, err := screen.ReadPSF("one", bytes.NewReader(psf1()))
	if err != nil {
		t.Fatal(err)
	}
	want := screen.Glyph{Rune: 'A', Rows: []uint32{0, 65, 130, 195, 4, 69, 134, 199}}
	if diff := cmp.Diff(want, f.Glyphs[65]); diff != "" || f.Width != 8 || f.Height != 8 || f.Glyphs[66].Rune != 'B' {
		t.Errorf("version 1: %s", diff)
	}

	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write(psf2())
	z.Close()
	if f, err = screen.ReadPSF("two", &zipped); err != nil {
		t.Fatal(err)
	}
	two := &screen.Font{Name: "two", Width: 12, Height: 3, Glyphs: []screen.Glyph{
		{Rune: 'é', Rows: []uint32{0x801, 0, 0xFFF}}, {Rune: '\uFFFD', Rows: []uint32{0x400, 0, 2}}}}
	if diff := cmp.Diff(two, f); diff != "" {
		t.Errorf("version 2: %s", diff)
	}
}

func TestFontErrors(t *testing.T) {
	huge := psf2()
	binary.LittleEndian.PutUint32(huge[16:], 1<<30)
	wide := psf2()
	binary.LittleEndian.PutUint32(wide[28:], 64)
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"no PSF":      {psfErr([]byte("hello")), "not a PSF font"},
		"empty PSF":   {psfErr(nil), "not a PSF font"},
		"cut PSF 1":   {psfErr(psf1()[:100]), "cut short"},
		"cut PSF 2":   {psfErr(psf2()[:40]), "cut short"},
		"absurd PSF":  {psfErr(huge), "absurd header"},
		"wide PSF":    {psfErr(wide), "absurd header"},
		"bad gzip":    {psfErr([]byte{0x1f, 0x8b, 1}), "unexpected EOF"},
		"no ROM":      {second(screen.ReadVGAROM("rom", make([]byte, 9999))), "no glyph table"},
		"short table": {second(screen.VGAFont("ram", make([]byte, 4095))), "no glyph table"},
		"no PF2":      {second(screen.ReadPF2("f", strings.NewReader("FILE"))), "not a font of GRUB"},
		"no index":    {second(screen.ReadPF2("f", strings.NewReader("FILE\x00\x00\x00\x04PFF2"))), "no index"},
		"cut PF2":     {second(screen.ReadPF2("f", strings.NewReader("FILE\x00\x00\x00\x04PFF2NAME\xff\x00\x00\x00"))), "cut short"},
		"glyphs":      {second(screen.ReadGlyphs(strings.NewReader("8 2\n41 01zz\n"))), "line 2"},
		"glyph code":  {second(screen.ReadGlyphs(strings.NewReader("8 2\n-- 0102\n"))), "line 2"},
		"glyph size":  {second(screen.ReadGlyphs(strings.NewReader("8 99\n"))), "1 to 32 pixels"},
		"reader font": {readWith(&screen.Font{Name: "x", Width: 8, Height: 2, Glyphs: []screen.Glyph{{Rows: []uint32{1}}}}), "has 1 rows"},
		"wide glyph":  {readWith(&screen.Font{Name: "x", Width: 8, Height: 1, Glyphs: []screen.Glyph{{Rows: []uint32{256}}}}), "wider"},
		"nil font":    {readWith(nil), "holds nil"},
	} {
		if tt.err == nil || !strings.Contains(tt.err.Error(), tt.want) || !strings.HasPrefix(tt.err.Error(), "screen: ") {
			t.Errorf("%s: %v; want one with %q", name, tt.err, tt.want)
		}
	}
}

func psfErr(data []byte) error { return second(screen.ReadPSF("f", bytes.NewReader(data))) }

func second[T any](_ T, err error) error { return err }

func readWith(f *screen.Font) error {
	return second((&screen.Reader{Fonts: []*screen.Font{f}}).Read(image.NewGray(image.Rect(0, 0, 9, 9))))
}

// TestGlyphsRoundTrip writes fonts as text and reads them.
func TestGlyphsRoundTrip(t *testing.T) {
	two, err := screen.ReadPSF("two", bytes.NewReader(psf2()))
	if err != nil {
		t.Fatal(err)
	}
	two.Glyphs[1].Rune = 'x'
	var b bytes.Buffer
	if err := two.WriteGlyphs(&b); err != nil {
		t.Fatal(err)
	}
	again, err := screen.ReadGlyphs(&b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(two, again); diff != "" {
		t.Error(diff)
	}
}

// TestSystemConsoleFonts reads the console fonts of this machine, if it has some.
func TestSystemConsoleFonts(t *testing.T) {
	paths, _ := filepath.Glob("/usr/share/consolefonts/Lat15-*.psf.gz")
	if len(paths) == 0 {
		need.Skip(t, "no console fonts; package console-setup-linux has some")
	}
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		font, err := screen.ReadPSF(path, f)
		f.Close()
		if err != nil {
			t.Error(err)
			continue
		}
		has := false
		for _, g := range font.Glyphs {
			has = has || g.Rune == 'A'
		}
		if !has {
			t.Errorf("%s has no letter A", path)
		}
	}
}

// TestSystemRunes looks that all that the fonts of this machine can say is text.
func TestSystemRunes(t *testing.T) {
	needFonts(t)
	for _, f := range systemFonts() {
		for i, g := range f.Glyphs {
			if !utf8.ValidRune(g.Rune) {
				t.Errorf("%s: glyph %d means %#x", f.Name, i, g.Rune)
			}
		}
	}
}

func FuzzReadPSF(f *testing.F) {
	f.Add(psf1())
	f.Add(psf2())
	f.Fuzz(func(t *testing.T, data []byte) {
		font, err := screen.ReadPSF("fuzz", bytes.NewReader(data))
		if err == nil && (font.Width < 1 || font.Width > 32 || font.Height < 1 || font.Height > 32) {
			t.Errorf("%dx%d", font.Width, font.Height)
		}
	})
}

func FuzzReadPF2(f *testing.F) {
	data, err := os.ReadFile("/usr/share/grub/ascii.pf2")
	if err == nil {
		f.Add(data)
	}
	f.Add([]byte("FILE\x00\x00\x00\x04PFF2CHIX\x00\x00\x00\x09\x00\x00\x00M\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if f, err := screen.ReadPF2("fuzz", bytes.NewReader(data)); err == nil && f.Wide != nil {
			f.Wide()
		}
	})
}

func FuzzReadVGAROM(f *testing.F) {
	f.Add(bytes.Repeat([]byte{0, 0, 0x7E, 0x81, 0xA5, 0x81}, 999))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = screen.ReadVGAROM("fuzz", data)
	})
}
