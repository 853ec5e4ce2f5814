package iso9660

import (
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/bootscribe/bootscribe/iso/internal/seed"
)

const (
	// isoNameLen is the length of a name without its dot and version at
	// interchange level 2 (ECMA-119 7.5.1), and of a directory's less one.
	isoNameLen = 30
	isoExtLen  = 8

	// jolietNameLen is the length of a name in 16-bit units (Joliet
	// Specification, "Joliet ... File Identifier length": 128 bytes).
	jolietNameLen = 64
	// jolietExtLen is how much of an extension survives when a name is cut.
	jolietExtLen = 16
)

// isoNames returns names for the primary tree, made of A-Z, 0-9, _ and, in a
// file, one dot. Who reads Rock Ridge or Joliet never sees them.
func isoNames(children []*seed.Node) []string {
	names := make([]string, len(children))
	used := make(taken)
	for i, c := range children {
		stem, ext := c.Name, ""
		if dot := strings.LastIndexByte(c.Name, '.'); dot > 0 && !c.Dir {
			stem, ext = c.Name[:dot], c.Name[dot+1:]
		}
		ext = cut(dChars(ext), isoExtLen)
		stem = dChars(stem)
		names[i] = used.unique(func(tail string) string {
			name := cut(stem, isoNameLen-len(ext)-len(tail)) + strings.ReplaceAll(tail, "~", "_")
			if c.Dir {
				return name
			}
			return name + "." + ext
		})
	}
	return names
}

// dChars turns s into d-characters (ECMA-119 7.4.1).
func dChars(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, s)
}

func cut(s string, n int) string { return s[:min(len(s), max(n, 0))] }

// taken holds the names of a directory that are given away, each with the
// number to try next for another of the same.
type taken map[string]int

// unique returns the first name that make gives and that is not taken: for no
// tail, then for ~1, ~2 and so on. A file A. is taken for the same as a
// directory A, as DOS does.
func (t taken) unique(make func(tail string) string) string {
	name := make("")
	first := strings.TrimSuffix(name, ".")
	for key := first; ; key = strings.TrimSuffix(name, ".") {
		if _, found := t[key]; !found {
			t[key] = 1
			return name
		}
		name = make(fmt.Sprintf("~%d", t[first]))
		t[first]++
	}
}

// joliet is the dialect of the supplementary tree. A name that Joliet cannot
// hold is changed here and here only: a forbidden character becomes _, as does
// a dot at the end, which Windows and Linux drop, and what is longer than 64
// units is cut before its extension and numbered.
type joliet struct{}

func (joliet) names(children []*seed.Node) []string {
	names := make([]string, len(children))
	used := make(taken)
	for i, c := range children { // those that stay as they are have the first choice
		if name := jolietName(c.Name, ""); name == c.Name {
			names[i] = used.unique(func(string) string { return name })
		}
	}
	for i, c := range children {
		if names[i] == "" {
			names[i] = used.unique(func(tail string) string { return jolietName(c.Name, tail) })
		}
	}
	return names
}

// encode writes characters beyond the Basic Multilingual Plane as surrogates:
// UCS-2 has none, but Windows and Linux read the names as UTF-16.
func (joliet) encode(name string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(name)) {
		b = bigEndian.AppendUint16(b, u)
	}
	return b
}

func (joliet) version() []byte { return []byte{0, ';', 0, '1'} }

func (joliet) systemUse(*record) (inline, continued []byte) { return nil, nil }

// jolietName returns the name with the tail before its extension, in the
// characters and the length that Joliet allows.
func jolietName(name, tail string) string {
	name = strings.Map(func(r rune) rune {
		if r < 0x20 || strings.ContainsRune(`*/:;?\`, r) {
			return '_'
		}
		return r
	}, name)
	if trimmed := strings.TrimRight(name, "."); trimmed != name {
		name = trimmed + strings.Repeat("_", len(name)-len(trimmed))
	}
	stem, ext := name, ""
	if dot := strings.LastIndexByte(name, '.'); dot > 0 && units(name[dot:]) <= jolietExtLen {
		stem, ext = name[:dot], name[dot:]
	}
	return cutUnits(stem, jolietNameLen-units(tail)-units(ext)) + tail + ext
}

// cutUnits returns as much of s as n units of UTF-16 hold.
func cutUnits(s string, n int) string {
	for i, r := range s {
		if n -= utf16.RuneLen(r); n < 0 {
			return s[:i]
		}
	}
	return s
}

// units is the length of s in UTF-16.
func units(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}
