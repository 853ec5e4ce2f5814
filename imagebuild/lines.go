package imagebuild

import (
	"bytes"
	"regexp"
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
		case 0 <= end && end <= longestLine:
			w.emit(w.rest[:end])
			w.rest = w.rest[end+1:]
		case len(w.rest) >= longestLine:
			w.emit(w.rest[:longestLine])
			w.rest = w.rest[longestLine:]
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

// escape matches what a terminal would not show (ECMA-48 §5.4 and §8.3): control
// sequences, strings such as a window's title, with their end or without if
// that is missing, and other escapes.
var escape = regexp.MustCompile("\x1b(\\[[0-?]*[ -/]*[@-~]?|[]PX^_][^\x07\x1b]*(\x07|\x1b\\\\)?|[ -/]*[0-~]?)")

func stripEscapes(s string) string {
	if !strings.Contains(s, "\x1b") {
		return s
	}
	return escape.ReplaceAllString(s, "")
}
