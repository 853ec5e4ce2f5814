package screen

import (
	"bufio"
	_ "embed" // the tables
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Learn makes a font of a picture whose text is known: lines are the rows of
// cells from origin on, and cell is the size of each. The background is the
// colour of the cells that are blank, of which there must be one. Use it for a
// guest whose console font is nowhere to be found: have it write what it can.
func Learn(name string, img image.Image, origin, cell image.Point, lines []string) (*Font, error) {
	f := &Font{Name: name, Width: cell.X, Height: cell.Y}
	if err := f.check(); err != nil {
		return nil, err
	}
	var p pixels
	p.load(img)
	origin = origin.Sub(img.Bounds().Min)
	l := learner{pixels: &p, font: f, seen: map[rune][]uint32{}}
	var errs []error
	for row, line := range lines {
		for column, r := range []rune(line) {
			at := origin.Add(image.Pt(column*cell.X, row*cell.Y))
			if whole := image.Rect(0, 0, p.width, p.height); !(image.Rectangle{at, at.Add(cell)}).In(whole) {
				return nil, fmt.Errorf("screen: learn %q: row %d, column %d is outside the picture", name, row, column)
			}
			if err := l.learn(r, at); err != nil {
				errs = append(errs, fmt.Errorf("screen: learn %q: row %d, column %d: %w", name, row, column, err))
			}
		}
	}
	return f, errors.Join(errs...)
}

// learner looks at one cell after the other.
type learner struct {
	*pixels
	font   *Font
	seen   map[rune][]uint32
	ground uint32
	blanks int
}

func (l *learner) learn(r rune, at image.Point) error {
	s := scanner{pix: l.pixels}
	x := newIndex(l.font.Width, l.font.Height)
	first, second, _, _, ok := s.two(x, at.X, at.Y)
	switch {
	case !ok:
		return fmt.Errorf("%q has more than two colours", r)
	case r == ' ' && first != second:
		return fmt.Errorf("should be blank; is the text where origin and cell say?")
	case r == ' ':
		l.ground = first
		l.blanks++
		return nil
	case l.blanks == 0:
		return fmt.Errorf("%q comes before any blank, which shows the background; put one first", r)
	case first == second && first == l.ground:
		return nil // the font does not have it
	}
	rows := s.rows[:l.font.Height]
	if first != l.ground {
		rows = s.flip[:l.font.Height]
	}
	if was, again := l.seen[r]; again && !slices.Equal(was, rows) {
		return fmt.Errorf("%q looks different from the one before", r)
	} else if !again {
		l.seen[r] = slices.Clone(rows)
		l.font.Glyphs = append(l.font.Glyphs, Glyph{r, l.seen[r]})
	}
	return nil
}

// WriteGlyphs writes a font as text: its name, its size, and a line for each
// glyph with the character and the rows in hexadecimal. Wide is left out.
func (f *Font) WriteGlyphs(w io.Writer) error {
	if err := f.check(); err != nil {
		return err
	}
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "# %s\n%d %d\n", f.Name, f.Width, f.Height)
	for _, g := range f.Glyphs {
		fmt.Fprintf(b, "%04X ", g.Rune)
		for _, row := range g.Rows {
			fmt.Fprintf(b, "%0*x", (f.Width+7)/8*2, row)
		}
		b.WriteByte('\n')
	}
	return b.Flush()
}

// ReadGlyphs reads what WriteGlyphs has written.
func ReadGlyphs(r io.Reader) (*Font, error) {
	f := &Font{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		var err error
		switch {
		case line == "":
		case strings.HasPrefix(line, "#"):
			f.Name = strings.TrimSpace(line[1:])
		case f.Height == 0:
			if _, err = fmt.Sscanf(line, "%d %d", &f.Width, &f.Height); err == nil {
				err = f.check()
			}
		default:
			err = f.parseGlyph(line)
		}
		if err != nil {
			return nil, fmt.Errorf("screen: glyphs: line %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("screen: glyphs: %w", err)
	}
	return f, f.check()
}

func (f *Font) parseGlyph(line string) error {
	code, rows, _ := strings.Cut(line, " ")
	var r rune
	if _, err := fmt.Sscanf(code, "%X", &r); err != nil || !utf8.ValidRune(r) {
		return fmt.Errorf("%q is no character's number in hexadecimal", code)
	}
	data, err := hex.DecodeString(rows)
	stride := (f.Width + 7) / 8
	if err != nil || len(data) != stride*f.Height {
		return fmt.Errorf("%q: %d rows of %d bytes in hexadecimal are needed", rows, f.Height, stride)
	}
	g := Glyph{Rune: r, Rows: make([]uint32, f.Height)}
	for y := range g.Rows {
		for _, b := range data[y*stride : (y+1)*stride] {
			g.Rows[y] = g.Rows[y]<<8 | uint32(b)
		}
	}
	f.Glyphs = append(f.Glyphs, g)
	return nil
}

// What guests of ours have shown on request: see the pictures ovmf-glyphs and
// linux-glyphs in testdata, of which the tables are made.
var (
	//go:embed learned/ovmf.txt
	learnedOVMF string
	//go:embed learned/linux.txt
	learnedLinux string
)

// Learned returns the fonts that this package brings along, having learned
// them from guests: that of the UEFI firmware OVMF (8×19), which is compressed
// within the firmware, and that of Linux's framebuffer console (8×16), which is
// compressed within the kernel and has other letters than the VGA.
func Learned() []*Font {
	var fonts []*Font
	for _, table := range []string{learnedOVMF, learnedLinux} {
		f, err := ReadGlyphs(strings.NewReader(table))
		if err != nil {
			continue // a test holds the tables
		}
		fonts = append(fonts, f)
	}
	return fonts
}
