package iso

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// A sumLine is one digest of a checksum file.
type sumLine struct {
	pin  pin
	name string // "" for a digest that stands alone
	line int
}

// parseSums reads a checksum file in any of the forms that publishers use:
//
//	d2a0…  name      d2a0… *name      GNU coreutils
//	SHA256 (name) = d2a0…             BSD; also OpenSSL's SHA2-256(name)= d2a0…
//	d2a0…                             a digest alone
//
// Several algorithms may be mixed. Comments, blank lines and what is in none
// of these forms are skipped. In a PGP clearsigned file only what is inside
// the signed text counts; the signature itself is not verified.
func parseSums(text []byte) ([]sumLine, error) {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	if bytes.IndexByte(text, 0) >= 0 {
		return nil, errors.New("it is not text")
	}
	lines := strings.Split(string(text), "\n")
	signed := slices.ContainsFunc(lines, isPGPBegin)
	var sums []sumLine
	armour := armourReader{inside: !signed}
	for i, line := range lines {
		line, ok := armour.next(strings.TrimRight(line, " \t\r"))
		if !ok {
			continue
		}
		if s, ok := parseSumLine(line); ok {
			s.line = i + 1
			sums = append(sums, s)
		}
	}
	if len(sums) == 0 {
		return nil, noSums(text)
	}
	return sums, nil
}

func noSums(text []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("<")) {
		return errors.New("it is a web page, not a checksum file")
	}
	return errors.New("it holds no checksum in a known form (GNU, BSD or bare)")
}

func isPGPBegin(line string) bool {
	return strings.TrimRight(line, " \t\r") == "-----BEGIN PGP SIGNED MESSAGE-----"
}

// armourReader finds the text inside PGP clearsign armour (RFC 9580 §7).
type armourReader struct{ inside, header, pgp bool }

// next returns the line as it was before it was signed, and whether it is
// part of the text.
func (a *armourReader) next(line string) (string, bool) {
	switch {
	case isPGPBegin(line):
		*a = armourReader{header: true, pgp: true}
	case a.header:
		if line == "" {
			a.header, a.inside = false, true
		}
	case a.pgp && line == "-----BEGIN PGP SIGNATURE-----":
		a.inside = false
	case a.inside && a.pgp:
		return strings.TrimPrefix(line, "- "), true
	case a.inside:
		return line, true
	}
	return "", false
}

func parseSumLine(line string) (sumLine, bool) {
	line = strings.TrimLeft(line, " \t")
	if line == "" || line[0] == '#' || line[0] == ';' {
		return sumLine{}, false
	}
	if s, ok := parseBSD(line); ok {
		return s, true
	}
	return parseGNU(line)
}

// parseBSD reads "SHA256 (name) = digest".
func parseBSD(line string) (sumLine, bool) {
	open, closing := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if open < 0 || closing < open {
		return sumLine{}, false
	}
	digest, ok := strings.CutPrefix(strings.TrimSpace(line[closing+1:]), "=")
	if !ok {
		return sumLine{}, false
	}
	p, err := pinByName(strings.TrimSpace(line[:open]), strings.TrimSpace(digest))
	if err != nil {
		return sumLine{}, false
	}
	return sumLine{pin: p, name: line[open+1 : closing]}, true
}

// parseGNU reads "digest  name", "digest *name" and "digest". A line that
// starts with a backslash has a name with escapes.
func parseGNU(line string) (sumLine, bool) {
	line, escaped := strings.CutPrefix(line, `\`)
	digest, name := line, ""
	if i := strings.IndexAny(line, " \t"); i >= 0 {
		digest, name = line[:i], strings.TrimLeft(line[i:], " \t")
	}
	p, err := pinByLength(digest)
	if err != nil {
		return sumLine{}, false
	}
	name = strings.TrimPrefix(name, "*")
	if escaped {
		name = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r").Replace(name)
	}
	return sumLine{pin: p, name: name}, true
}

// findSum picks the digest of the file that has one of the given paths: of the
// lines with its exact base name, or else of a file that holds one digest and
// no names. The strongest algorithm wins. Where a name stands several times
// with different digests, the line whose directories agree with the path
// counts, and if that does not decide there is no answer.
func findSum(sums []sumLine, paths []string) (pin, error) {
	found := namedSums(sums, paths)
	if len(found) == 0 {
		found = bareSums(sums)
	}
	if len(found) == 0 {
		return pin{}, fmt.Errorf("it has no line for %s; it names %s", quoteBases(paths), someNames(sums))
	}
	strongest := slices.MaxFunc(found, func(a, b sumLine) int { return a.pin.alg.digits - b.pin.alg.digits })
	for _, s := range found {
		if s.pin.alg.digits == strongest.pin.alg.digits && s.pin.hex != strongest.pin.hex {
			return pin{}, fmt.Errorf("lines %d and %d state different %s digests for %s; write the right one into Checksum",
				strongest.line, s.line, s.pin.alg.name, quoteBases(paths))
		}
	}
	return strongest.pin, nil
}

// namedSums are the lines for one of the paths: of those that have its base
// name the ones with the most directories in common.
func namedSums(sums []sumLine, paths []string) []sumLine {
	var best []sumLine
	depth := 0
	for _, s := range sums {
		n := 0
		for _, p := range paths {
			n = max(n, agree(s.name, p))
		}
		if n > depth {
			best, depth = nil, n
		}
		if n > 0 && n == depth {
			best = append(best, s)
		}
	}
	return best
}

// agree tells how well a line's name fits a path: 0 if the base names differ,
// 1 if only they agree, more if the whole name is the path's end.
func agree(name, p string) int {
	if name == "" || path.Base(name) != path.Base(p) {
		return 0
	}
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	if !strings.HasSuffix("/"+strings.TrimPrefix(p, "/"), "/"+name) {
		return 1
	}
	return 2 + strings.Count(name, "/")
}

// bareSums are the digests without a name, unless some have names.
func bareSums(sums []sumLine) []sumLine {
	for _, s := range sums {
		if s.name != "" {
			return nil
		}
	}
	return sums
}

func quoteBases(paths []string) string {
	var names []string
	for _, p := range paths {
		if q := fmt.Sprintf("%q", path.Base(p)); !slices.Contains(names, q) {
			names = append(names, q)
		}
	}
	return strings.Join(names, " or ")
}

// someNames lists the first names of a checksum file, for an error.
func someNames(sums []sumLine) string {
	const most = 5
	var names []string
	for _, s := range sums {
		if q := fmt.Sprintf("%q", s.name); s.name != "" && !slices.Contains(names, q) {
			names = append(names, q)
		}
	}
	if len(names) > most {
		names = append(names[:most], "…")
	}
	return strings.Join(names, ", ")
}
