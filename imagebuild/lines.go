package imagebuild

import (
	"bytes"
	"io"
	"strings"
	"unicode"
)

// longestLine is where a line without an end is cut.
const longestLine = 4 << 10

// lineWriter calls a function with each line that is written to it, without
// control characters: a guest's output must not move the cursor of a terminal.
type lineWriter struct {
	line func(string)
	rest []byte
}

// Write never fails.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		end := bytes.IndexByte(w.rest, '\n')
		switch {
		case end >= 0:
			w.emit(w.rest[:end])
			w.rest = w.rest[end+1:]
		case len(w.rest) >= longestLine:
			w.emit(w.rest)
			w.rest = nil
		default:
			return len(p), nil
		}
	}
}

// Flush emits what has no end yet.
func (w *lineWriter) Flush() {
	if len(w.rest) > 0 {
		w.emit(w.rest)
		w.rest = nil
	}
}

func (w *lineWriter) emit(line []byte) { w.line(plain(string(line))) }

// plain returns the text without escape sequences and control characters.
func plain(s string) string {
	s = strings.TrimRight(s, "\r")
	if i := strings.LastIndexByte(s, '\r'); i >= 0 {
		s = s[i+1:] // of a line that was written over, what stands at the end
	}
	s = strings.ToValidUTF8(stripEscapes(s), "\uFFFD")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' {
			return -1
		}
		return r
	}, s)
}

// stripEscapes removes the control sequences of terminals (ECMA-48 §5.4): ESC,
// and after ESC [ all to the final byte.
func stripEscapes(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != 0x1b {
			out.WriteByte(s[i])
			continue
		}
		i++
		if i < len(s) && s[i] == '[' {
			for i++; i < len(s) && (s[i] < 0x40 || s[i] > 0x7e); i++ {
			}
		}
	}
	return out.String()
}

// teeWriter writes to all that are not nil. One that fails is the others' no
// concern: what matters is that the guest is not held up.
type teeWriter []io.Writer

func (t teeWriter) Write(p []byte) (int, error) {
	for _, w := range t {
		if w != nil {
			_, _ = w.Write(p)
		}
	}
	return len(p), nil
}
