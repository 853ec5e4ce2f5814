package fat

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf16"

	"github.com/bootscribe/bootscribe/iso/internal/seed"
)

const (
	// maxName is the longest long name, in 16-bit units.
	maxName = 255
	// maxFile is the longest file, whatever the volume.
	maxFile = math.MaxUint32
	// maxSlots is the number of entries of a directory: 2 MiB of them.
	maxSlots = 65536

	forbidden = `"*/:<>?\|`
	// shortExtra are the characters beside letters and digits in short names.
	shortExtra = "$%'-_@~`!(){}^#&"
)

// checkDir finds the names in a directory that FAT cannot hold or tell apart.
func checkDir(path string, n *seed.Node) error {
	if !n.Dir {
		return nil
	}
	var errs []error
	folded := make(map[string]string)
	slots := 2
	for _, c := range n.Children() {
		full := strings.TrimPrefix(path+"/"+c.Name, "/")
		if problem := nameProblem(c); problem != "" {
			errs = append(errs, fmt.Errorf("%q: %s", full, problem))
		}
		key := fold(c.Name)
		if other, found := folded[key]; found {
			errs = append(errs, fmt.Errorf("%q: FAT cannot tell it from %q, which differs in case only; rename one", full, other))
		}
		folded[key] = c.Name
		slots += 2 + units(c.Name)/charsPerSlot
	}
	if slots > maxSlots {
		errs = append(errs, fmt.Errorf("%q: too many names for a FAT directory, which has %d entries of 13 characters; use more directories", path, maxSlots))
	}
	return errors.Join(errs...)
}

// nameProblem says why a file cannot be on a FAT volume, or nothing.
func nameProblem(n *seed.Node) string {
	switch {
	case units(n.Name) > maxName:
		return fmt.Sprintf("name is longer than %d characters; shorten it", maxName)
	case strings.ContainsAny(n.Name, forbidden) || strings.ContainsFunc(n.Name, isControl):
		return "FAT names cannot hold " + forbidden + " or control characters; rename it or use a CD"
	case strings.TrimRight(n.Name, ". ") != n.Name:
		return "FAT names cannot end in a dot or a space; rename it or use a CD"
	case n.Size > maxFile:
		return fmt.Sprintf("%d bytes; a file on FAT ends at 4 GiB", n.Size)
	}
	return ""
}

func isControl(r rune) bool { return r < 0x20 || r == 0x7F }

func fold(name string) string { return strings.ToLower(strings.ToUpper(name)) }

func units(s string) int { return len(utf16.Encode([]rune(s))) }

// longName returns the name in 16-bit units, or nil where the short name shows
// it as it is.
func longName(name, short string) []uint16 {
	if shown(short) == name {
		return nil
	}
	return utf16.Encode([]rune(name))
}

// shortNames returns the 8.3 names of a directory. Names that differ from
// theirs in case at most keep them, so that none is both the short name of one
// file and the long name of another; the others get the next free NAME~1.
func shortNames(children []*seed.Node) []string {
	shorts := make([]string, len(children))
	used := make(map[string]bool)
	for i, c := range children {
		if s := shortName(c.Name); shown(s) == strings.ToUpper(c.Name) {
			shorts[i] = s
			used[s] = true
		}
	}
	next := make(map[string]int)
	for i, c := range children {
		if shorts[i] == "" {
			shorts[i] = numbered(shortName(c.Name), used, next)
		}
	}
	return shorts
}

// numbered returns the first free short name like the given one
// (specification, "The Numeric-Tail Generation Algorithm").
func numbered(short string, used map[string]bool, next map[string]int) string {
	stem := strings.TrimRight(short[:8], " ")
	for {
		next[short]++
		tail := fmt.Sprintf("~%d", next[short])
		s := fmt.Sprintf("%-8s", stem[:min(len(stem), 8-len(tail))]+tail) + short[8:]
		if !used[s] {
			used[s] = true
			return s
		}
	}
}

// shortName returns the 8.3 form of a name, padded to 11 characters.
func shortName(name string) string {
	stem, ext := strings.TrimLeft(name, ". "), ""
	if dot := strings.LastIndexByte(stem, '.'); dot >= 0 {
		stem, ext = stem[:dot], stem[dot+1:]
	}
	stem, ext = shortChars(stem), shortChars(ext)
	return fmt.Sprintf("%-8s%-3s", stem[:min(len(stem), 8)], ext[:min(len(ext), 3)])
}

// shown returns a short name as it is displayed.
func shown(short string) string {
	stem, ext := strings.TrimRight(short[:8], " "), strings.TrimRight(short[8:], " ")
	if ext == "" {
		return stem
	}
	return stem + "." + ext
}

// shortChars keeps what a short name can hold, in upper case; spaces and dots
// fall out, everything else becomes _.
func shortChars(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune(shortExtra, r):
			return r
		case r == ' ' || r == '.':
			return -1
		}
		return '_'
	}, s)
}
