package screen_test

import (
	"flag"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/bootscribe/bootscribe/screen"
)

// compare prints the table of docs/screen.md:
//
//	go test ./screen -run TestCompare -compare -v
var compare = flag.Bool("compare", false, "read all fixtures with tesseract too, and print a table")

func TestCompare(t *testing.T) {
	if !*compare {
		t.Skip("compares with tesseract only with -compare")
	}
	needFonts(t)
	names := slices.Concat(fixtures(t, ".vga"), fixtures(t, ".txt"))
	slices.Sort(names)
	var b strings.Builder
	b.WriteString("| screen | cells | right | unknown | wrong | time | tesseract: right | time |\n|---|---|---|---|---|---|---|---|\n")
	for _, name := range names {
		m := rgba(picture(t, name))
		want := expected(t, name)
		text, spent := fastest(t, m)
		right, unknown, wrong := count(text, want)
		ocr, slow := byTesseract(t, m)
		fmt.Fprintf(&b, "| %s | %d×%d | %d | %d | %d | %.1f ms | %.1f %% | %.1f s |\n", name, text.Columns, text.Rows,
			right, unknown, wrong, spent.Seconds()*1e3, 100*likeness(want, ocr), slow.Seconds())
	}
	t.Log("\n" + b.String())
}

// expected returns the lines that a fixture should be read as.
func expected(t *testing.T, name string) []string {
	if memory, err := os.ReadFile(filepath.Join("testdata", name+".vga")); err == nil {
		text, err := screen.VGAMemory(memory, 80)
		if err != nil {
			t.Fatal(err)
		}
		return text.Lines()
	}
	text, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(text), "\n")
}

// fastest returns the shortest time of some: the machine has other work.
func fastest(t *testing.T, m image.Image) (text *screen.Text, best time.Duration) {
	r := screen.Reader{Fonts: systemFonts()}
	for i := range 30 {
		start := time.Now()
		var err error
		if text, err = r.Read(m); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(start); i > 0 && (best == 0 || d < best) {
			best = d
		}
	}
	return text, best
}

// count compares cell by cell. What the fixture has as U+FFFD is no text.
func count(text *screen.Text, lines []string) (right, unknown, wrong int) {
	for row := range text.Rows {
		var line []rune
		if row < len(lines) {
			line = cells(lines[row])
		}
		for column := range text.Columns {
			want := ' '
			if column < len(line) {
				want = line[column]
			}
			switch c := text.At(column, row); {
			case c.Rune == want && c.Known:
				right++
			case !c.Known:
				unknown++
			default:
				wrong++
			}
		}
	}
	return right, unknown, wrong
}

// cells returns what the cells of a line have: those of East Asia's characters are
// two, of which the second has none.
func cells(line string) (all []rune) {
	for _, r := range line {
		if all = append(all, r); unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana) {
			all = append(all, 0)
		}
	}
	return all
}

func byTesseract(t *testing.T, m image.Image) ([]string, time.Duration) {
	start := time.Now()
	text, err := screen.Tesseract{}.Read(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return text.Lines(), time.Since(start)
}

// likeness is the part of the characters that agree, spaces, lines of menus
// and what is no text left aside: one minus the edit distance by the length.
func likeness(want, got []string) float64 {
	a, b := letters(want), letters(got)
	if len(a) == 0 {
		return 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range b {
			cost := diagonal
			if x != y {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return max(0, 1-float64(row[len(b)])/float64(len(a)))
}

func letters(lines []string) []rune {
	return []rune(strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x2500 && r < 0x2600 || r == '\uFFFD' {
			return -1
		}
		return r
	}, strings.Join(lines, "")))
}
