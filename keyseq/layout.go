package keyseq

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Layout says which keys type a character on a guest's keyboard. It does not
// change; one Layout can be used by many goroutines. A nil *Layout is "us".
type Layout struct {
	name, title string
	chords      map[rune][]Chord
}

// Chord is one key with its modifiers: they go down, the key goes down and up,
// they go up.
type Chord struct {
	// Code is the key's set-1 scan code, with 0x80 set where e0 comes first.
	Code   uint16
	Shift  bool
	AltGr  bool
	keysym uint32
}

// Name returns the name by which [LayoutByName] finds the layout.
func (l *Layout) Name() string { return l.or().name }

// Title returns the layout's name for people, such as "German".
func (l *Layout) Title() string { return l.or().title }

// Chords returns what types r: one chord, or two where the first is a dead
// key. It returns nil if the layout cannot type r, as for every control
// character: line ends and tabs are keys, <enter> and <tab>.
//
// Spaces after a dead key, for "^" on a German keyboard, are part of the chords.
func (l *Layout) Chords(r rune) []Chord { return slices.Clone(l.chordsOf(r)) }

// Runes returns all characters that the layout can type, in order.
func (l *Layout) Runes() []rune {
	l = l.or()
	runes := make([]rune, 0, len(l.chords))
	for r := range l.chords {
		runes = append(runes, r)
	}
	slices.Sort(runes)
	return runes
}

func (l *Layout) chordsOf(r rune) []Chord { return l.or().chords[r] }

func (l *Layout) or() *Layout {
	if l == nil {
		return layouts().byName["us"]
	}
	return l
}

// layouts reads the table once, when the first layout is asked for.
var layouts = sync.OnceValue(func() *layoutTable { return readLayouts(layoutText) })

// Layouts returns all layouts in a fixed order, "us" first.
func Layouts() []*Layout { return slices.Clone(layouts().list) }

// LayoutByName returns the layout of that name: us, uk, de, fr, es, it, pt-br,
// se, ch, be, jp or dvorak. With "-nodeadkeys" behind it, as in
// "de-nodeadkeys", the layout's dead keys type their accents at once; use it
// when the guest is set up so. The empty name is us, case does not count, and
// the names that QEMU and Linux use (en-us, gb, br, sv …) work too.
func LayoutByName(name string) (*Layout, error) {
	t := layouts()
	base, plain := strings.CutSuffix(strings.ToLower(strings.ReplaceAll(name, "_", "-")), noDeadKeys)
	if other, ok := layoutAliases[base]; ok {
		base = other
	}
	if plain {
		base += noDeadKeys
	}
	if l := t.byName[base]; l != nil {
		return l, nil
	}
	names := make([]string, len(t.list))
	for i, l := range t.list {
		names[i] = l.name
	}
	return nil, fmt.Errorf("keyseq: layout %q: unknown; known are %s", name, strings.Join(names, " "))
}

const noDeadKeys = "-nodeadkeys"

var layoutAliases = map[string]string{
	"": "us", "en": "us", "en-us": "us", "gb": "uk", "en-gb": "uk",
	"br": "pt-br", "sv": "se", "de-ch": "ch", "fr-be": "be", "ja": "jp",
	"us-dvorak": "dvorak",
}
