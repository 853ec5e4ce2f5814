package screen

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
)

// Where distributions keep the images of VGA BIOSes, GRUB's font and console
// fonts; patterns of path/filepath.
var (
	romFiles = []string{
		"/usr/share/seabios/vgabios-stdvga.bin", "/usr/share/qemu/vgabios-stdvga.bin", "/usr/share/qemu-kvm/vgabios-stdvga.bin",
		"/usr/share/vgabios/vgabios-stdvga.bin", "/opt/homebrew/share/qemu/vgabios-stdvga.bin", "/usr/local/share/qemu/vgabios-stdvga.bin",
		"/opt/local/share/qemu/vgabios-stdvga.bin", `C:\Program Files\qemu\share\vgabios-stdvga.bin`,
	}
	grubFiles    = []string{"/usr/share/grub/unicode.pf2", "/usr/share/grub2/unicode.pf2", "/boot/grub/fonts/unicode.pf2"}
	consoleFiles = []string{
		"/usr/share/consolefonts/*.psf*", "/usr/share/kbd/consolefonts/*.psf*", "/usr/lib/kbd/consolefonts/*.psf*",
		"/lib/kbd/consolefonts/*.psf*", "/usr/share/consolefonts/*.fnt*",
	}
)

// maxROM bounds the image of a VGA BIOS, which has 64 KiB at most by the rules.
const maxROM = 1 << 20

// SystemFonts returns the fonts that boot loaders, firmware and consoles are
// likeliest to show: those of the VGA BIOS that QEMU comes with, which Linux's
// own console has in its looks too, those that this package has learned, and
// GRUB's, which is Debian's installer's too, as far as scripts go whose letters
// stand side by side, and East Asia's. It takes some ten milliseconds. What is not
// there or cannot be read is left out.
func SystemFonts() []*Font {
	fonts := first(romFiles, func(path string, f *os.File) []*Font {
		rom := make([]byte, maxROM)
		n, _ := f.Read(rom)
		fonts, _ := ReadVGAROM(path, rom[:n])
		return fonts
	})
	fonts = append(fonts, Learned()...)
	return append(fonts, first(grubFiles, grubFont)...)
}

// grubFont reads the part of GRUB's font that menus show. The file is read once
// more for its characters of two cells, rather than kept.
func grubFont(path string, f *os.File) []*Font {
	font, err := ReadPF2(path, f)
	if err != nil {
		return nil
	}
	font.Glyphs = slices.DeleteFunc(font.Glyphs, func(g Glyph) bool { return !common(g.Rune) })
	if font.Wide != nil {
		font.Wide = func() []Glyph { return eastAsian(path) }
	}
	return []*Font{font}
}

// eastAsian returns the characters of East Asia in GRUB's font. Those that are
// there only since some other code had them, and look like these, are left out.
func eastAsian(path string) (all []Glyph) {
	first([]string{path}, func(path string, f *os.File) []*Font {
		if font, err := ReadPF2(path, f); err == nil && font.Wide != nil {
			all = font.Wide()
		}
		return nil
	})
	return slices.DeleteFunc(all, func(g Glyph) bool {
		r := g.Rune // punctuation, kana and Bopomofo; ideographs; Hangul; forms of full width
		return r < 0x3000 || r >= 0x3130 && r < 0x3400 || r >= 0xA000 && r < 0xAC00 || r >= 0xD7A4 && r < 0xFF00
	})
}

// common tells whether a character is one of those that menus are made of in
// scripts whose letters stand side by side, which an installer's list of languages
// has. GRUB's font has ten times as many, among which nearly every torn letter
// would find its like.
func common(r rune) bool {
	return r < 0x530 || r >= 0x1E00 && r < 0x2300 || r >= 0x2500 && r < 0x2600 || // Latin, Greek, Cyrillic, lines and blocks
		unicode.In(r, unicode.Arabic, unicode.Hebrew, unicode.Georgian, unicode.Armenian, unicode.Lao, unicode.Thai)
}

// first returns the fonts of the first file that has some.
func first(paths []string, read func(string, *os.File) []*Font) []*Font {
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			continue
		}
		fonts := read(path, f)
		f.Close()
		if len(fonts) > 0 {
			return fonts
		}
	}
	return nil
}

// MoreSystemFonts returns the console fonts of this machine, which are many:
// it may take a second, and some ten MiB. Those for Latin scripts come first.
func MoreSystemFonts() []*Font {
	var fonts []*Font
	for f := range consoleFonts {
		rows := make([]uint32, len(f.Glyphs)*f.Height)
		own := &Font{Name: f.Name, Width: f.Width, Height: f.Height, Glyphs: slices.Clone(f.Glyphs)}
		for i, g := range own.Glyphs {
			copy(rows, g.Rows)
			own.Glyphs[i].Rows, rows = rows[:f.Height:f.Height], rows[f.Height:]
		}
		fonts = append(fonts, own)
	}
	return fonts
}

// consoleFonts reads the console fonts of this machine one by one, each of which
// is good until the next. What is not there or cannot be read is left out.
func consoleFonts(yield func(*Font) bool) {
	var paths []string
	for _, pattern := range consoleFiles {
		found, _ := filepath.Glob(pattern) // the pattern is well-formed
		paths = append(paths, found...)
	}
	slices.SortStableFunc(paths, func(a, b string) int { return rank(a) - rank(b) })
	var reader psfReader
	for _, path := range paths {
		fonts := first([]string{path}, func(path string, f *os.File) []*Font {
			font, err := reader.read(path, f)
			if err != nil {
				return nil
			}
			return []*Font{font}
		})
		if len(fonts) > 0 && !yield(fonts[0]) {
			return
		}
	}
}

// rank orders console fonts by how likely a guest uses them.
func rank(path string) int {
	for i, prefix := range []string{"Lat15-", "default", "Uni", "Lat", "lat", "eurlatgr", "ter-", "sun12x22", "solar"} {
		if strings.HasPrefix(filepath.Base(path), prefix) {
			return i
		}
	}
	return 100
}
