package detect

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Finding is a rule's text, found.
type Finding struct {
	Name    string  `json:"name"`    // the rule's
	Class   Class   `json:"class"`   // the rule's
	Channel Channel `json:"channel"` // where it was found
	// Fails says that a wait should end with it: it is Fatal, or a
	// Transitional or Stall whose time is over. These two are found a first
	// time, when they appear, without it.
	Fails bool `json:"fails"`
	// Boot says that it is the beginning of a boot.
	Boot bool `json:"boot,omitempty"`
	// Line is the number, from 1, of the line on a stream, the row on a screen
	// or the event.
	Line int `json:"line"`
	// Text is the line, or the beginning of one that is longer than 500
	// characters, and valid UTF-8 without control characters.
	Text string `json:"text"`
	// More are the lines that followed, for rules with an End.
	More []string `json:"more,omitempty"`
	// Hint is the rule's.
	Hint string `json:"hint,omitempty"`
	// First is when the text appeared, and At when this was found.
	First time.Time `json:"-"`
	At    time.Time `json:"-"`
}

// String returns the finding as a sentence for an error.
func (f Finding) String() string {
	where := "line"
	switch f.Channel {
	case Screen:
		where = "row"
	case QMP:
		where = "event"
	}
	s := fmt.Sprintf("%s (%s), %s %s %d: %q", f.Name, f.Class, f.Channel, where, f.Line, f.Text)
	if f.Hint != "" {
		s += "; " + f.Hint
	}
	return s
}

const longestText = 500 // characters

// clean returns a line as text to show.
func clean[T string | []byte](line T) string {
	s := strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' {
			return ' '
		}
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(line[:min(len(line), 4*longestText+4)]), "\uFFFD"))
	s = strings.TrimSpace(s)
	if utf8.RuneCountInString(s) > longestText {
		s = string([]rune(s)[:longestText])
	}
	return s
}
