package detect

// ending is what ends a run of text.
type ending int

const (
	nothing ending = iota // the bytes given, or something that shows nothing
	newline               // the next line
	jump                  // text goes on elsewhere, or over what was there
	gap                   // text goes on further right
)

// escapes parts text from the control characters and sequences of ECMA-48
// (§5.4, §8.3), wherever the bytes are cut.
type escapes struct{ state state }

type state uint8

const (
	ground state = iota
	escape       // after ESC
	csi          // in a control sequence, after ESC [
	text8        // in a string such as a window's title, which shows nothing
)

// next returns the text at the beginning of p, what follows it, and the rest
// of p behind both.
func (e *escapes) next(p []byte) (text, rest []byte, what ending) {
	if e.state != ground {
		what, rest = e.sequence(p)
		return nil, rest, what
	}
	n := 0
	for n < len(p) && (p[n] >= ' ' && p[n] != 0x7f || p[n] == '\t') {
		n++
	}
	if n == len(p) {
		return p, nil, nothing
	}
	text, rest = p[:n], p[n+1:]
	switch p[n] {
	case '\n':
		what = newline
	case '\r':
		what = jump
		if len(rest) > 0 && rest[0] == '\n' { // as most lines end
			rest, what = rest[1:], newline
		}
	case '\v', '\f':
		what = jump
	case 0x1b:
		e.state = escape
	}
	return text, rest, what
}

// sequence reads on in an escape sequence. A line's end ends it: what is broken
// must not hide what comes after.
func (e *escapes) sequence(p []byte) (what ending, rest []byte) {
	for i, c := range p {
		if c == '\n' || c == '\r' {
			e.state = ground
			return nothing, p[i:]
		}
		if what, done := e.step(c); done {
			return what, p[i+1:]
		}
	}
	return nothing, nil
}

// step takes one byte of a sequence and reports whether it was the last.
func (e *escapes) step(c byte) (what ending, done bool) {
	switch {
	case c == 0x1b:
		e.state = escape // ends a string, and what follows it is harmless
		return nothing, false
	case e.state == text8:
		if c != 0x07 {
			return nothing, false
		}
	case c < ' ' || c == 0x7f:
		return nothing, false // a terminal acts on it, and goes on
	case e.state == csi:
		if c >= 0x40 && c < 0x7f {
			what = movement(c)
		} else if c < 0x40 {
			return nothing, false
		}
	case c == '[':
		e.state = csi
		return nothing, false
	case c == ']' || c == 'P' || c == 'X' || c == '^' || c == '_':
		e.state = text8
		return nothing, false
	case c < '0':
		return nothing, false // intermediate bytes
	case c == 'c' || c == 'D' || c == 'E' || c == 'M' || c == '8':
		what = jump
	}
	e.state = ground
	return what, true
}

// movement tells what a control sequence does to text, by its last byte.
func movement(final byte) ending {
	switch final {
	case 'A', 'B', 'E', 'F', 'H', 'J', 'S', 'T', 'd', 'e', 'f', 'u':
		return jump
	case 'C', 'G', 'I', 'a', '`':
		return gap
	}
	return nothing
}
