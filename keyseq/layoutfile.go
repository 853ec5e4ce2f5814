package keyseq

import (
	_ "embed"
	"strings"
	"unicode/utf8"
)

//go:embed layouts.txt
var layoutText string

type layoutTable struct {
	list   []*Layout
	byName map[string]*Layout
}

// Scan codes of the rows of layouts.txt, from left to right.
var rowCodes = map[string][]uint16{
	"E":    {0x29, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13},
	"D":    {0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x1B},
	"C":    {0x1E, 0x1F, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x2B},
	"B":    {0x56, 0x2C, 0x2D, 0x2E, 0x2F, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35},
	"AE13": {0x7D},
	"AB11": {0x73},
}

const (
	codeSpace = 0x39
	// codeLess is the key between left Shift and Z, which a US keyboard has not.
	codeLess = 0x56
	// keysymLess is brokenbar: the only keysym that QEMU's en-us map puts on
	// codeLess alone, whatever the modifiers.
	keysymLess = 0xA6

	dottedCircle = '◌'
	nothing      = '∅'
)

// deadKey is a line "dead": what an accent makes of the next key.
type deadKey struct {
	mark  rune
	plain rune   // what it types where it is not dead
	space rune   // what it types with Space, or nothing
	pairs string // letter, letter with accent, and so on
}

// cell is one key of one layout. A level below 0 is a dead key: minus its mark.
type cell struct {
	code   uint16
	levels []rune
}

// readLayouts reads the table of layouts. It trusts the table: a test checks
// it line by line.
func readLayouts(text string) *layoutTable {
	t := &layoutTable{byName: map[string]*Layout{}}
	cells := map[*Layout][]cell{}
	var dead []deadKey
	var l *Layout
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		switch {
		case len(f) == 0 || f[0] == "#":
		case f[0] == "layout":
			l = &Layout{name: f[1], title: strings.Join(f[2:], " ")}
			t.list = append(t.list, l)
		case f[0] == "dead":
			dead = append(dead, readDead(f))
		default:
			cells[l] = append(cells[l], readRow(f)...)
		}
	}
	t.build(cells, dead)
	return t
}

func readDead(f []string) deadKey {
	_, size := utf8.DecodeRuneInString(f[1])
	mark, _ := utf8.DecodeRuneInString(f[1][size:])
	plain, _ := utf8.DecodeRuneInString(f[2])
	space, _ := utf8.DecodeRuneInString(f[3])
	return deadKey{mark: mark, plain: plain, space: space, pairs: strings.Join(f[4:], "")}
}

func readRow(f []string) []cell {
	var row []cell
	for i, code := range rowCodes[f[0]] {
		c := cell{code: code}
		dead := false
		for _, r := range f[1+i] {
			switch {
			case r == dottedCircle:
				dead = true
				continue
			case dead:
				r = -r
			}
			dead = false
			c.levels = append(c.levels, r)
		}
		row = append(row, c)
	}
	return row
}

// build makes the chords of all layouts, and of those with dead keys a second
// layout without them.
func (t *layoutTable) build(cells map[*Layout][]cell, dead []deadKey) {
	legend := map[uint16][]rune{codeSpace: {' ', ' '}}
	for _, c := range cells[t.list[0]] {
		legend[c.code] = c.levels
	}
	for _, l := range t.list {
		l.chords = map[rune][]Chord{' ': {{Code: codeSpace, keysym: ' '}}}
		l.direct(cells[l], legend)
		t.byName[l.name] = l
		plain := &Layout{name: l.name + noDeadKeys, title: l.title + ", no dead keys", chords: map[rune][]Chord{}}
		plain.chords[' '] = l.chords[' ']
		plain.direct(undead(cells[l], dead), legend)
		t.byName[plain.name] = plain
		for _, d := range dead {
			l.compose(d)
		}
	}
	// A dead key is no character.
	for _, l := range t.list {
		for r := range l.chords {
			if r < 0 {
				delete(l.chords, r)
			}
		}
	}
}

func undead(cells []cell, dead []deadKey) []cell {
	var plain []cell
	for _, c := range cells {
		p := cell{code: c.code}
		for _, r := range c.levels {
			for _, d := range dead {
				if r == -d.mark {
					r = d.plain
				}
			}
			p.levels = append(p.levels, r)
		}
		plain = append(plain, p)
	}
	return plain
}

// direct adds what single chords type, those with the fewest modifiers first.
func (l *Layout) direct(cells []cell, legend map[uint16][]rune) {
	for level := range 4 {
		for _, c := range cells {
			if level >= len(c.levels) || c.levels[level] == nothing {
				continue
			}
			ch := Chord{Code: c.code, Shift: level&1 != 0, AltGr: level&2 != 0}
			ch.keysym = legendKeysym(legend[c.code], ch)
			if r := c.levels[level]; l.chords[r] == nil {
				l.chords[r] = []Chord{ch}
			}
		}
	}
}

// legendKeysym returns what the chord's key types on a US keyboard: a server
// that is told only keysyms looks the key up by it. It is 0 for the keys that
// a US keyboard has not.
func legendKeysym(legend []rune, ch Chord) uint32 {
	switch {
	case ch.Code == codeLess:
		return keysymLess
	case len(legend) < 2:
		return 0
	case ch.Shift:
		return uint32(legend[1])
	}
	return uint32(legend[0])
}

// compose adds what the dead key d types with a second key.
func (l *Layout) compose(d deadKey) {
	first := l.chords[-d.mark]
	if first == nil {
		return
	}
	pairs := []rune(d.pairs)
	if d.space != nothing {
		pairs = append(pairs, ' ', d.space)
	}
	for i := 0; i < len(pairs); i += 2 {
		if second := l.chords[pairs[i]]; len(second) == 1 && l.chords[pairs[i+1]] == nil {
			l.chords[pairs[i+1]] = []Chord{first[0], second[0]}
		}
	}
}
