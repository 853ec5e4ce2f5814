package keyseq

import (
	"strconv"
	"strings"
	"time"
)

// Pos is a place in the source of a boot command. The zero Pos is that of a
// step which was not parsed.
type Pos struct {
	// Offset counts bytes from 0.
	Offset int `json:"offset"`
	// Line and Column count from 1; a column is a character, not a byte.
	Line   int `json:"line"`
	Column int `json:"column"`
}

// String returns the position as LINE:COLUMN.
func (p Pos) String() string { return strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column) }

// Sequence is a parsed boot command: what is typed, in order. It is plain
// data and may be made by hand, joined with append, and cut between steps.
type Sequence []Step

// Step is one thing that a boot command does: a [Text], [Press], [Hold],
// [Release], [Wait] or [WaitFor]. No other package can add one; more may be
// added here, so that a type switch over steps needs a default.
type Step interface {
	// Pos returns where the step begins in the source.
	Pos() Pos
	// String returns the step in the boot-command language.
	String() string
	step()
}

// Text types its characters one after the other, exactly as they are: in a
// Text made by hand, "<esc>" is five characters and not a key.
type Text struct {
	At   Pos    // where in the command
	Text string // as it is to appear on the screen
}

// Press presses and releases a key, Count times.
type Press struct {
	At    Pos // where in the command
	Key   Key // which key
	Count int // how often; 0 means once
}

// Hold presses a key and leaves it down.
type Hold struct {
	At  Pos // where in the command
	Key Key // which key
}

// Release lets go of a key that was held.
type Release struct {
	At  Pos // where in the command
	Key Key // which key
}

// Wait pauses the typing for a time.
type Wait struct {
	At       Pos           // where in the command
	Duration time.Duration // how long
}

// Key is a key by its name, or the key or keys that type a character.
type Key struct {
	// Name is one of the names of the package's documentation, such as
	// "leftShift", in any case. Empty means the key is given by Rune.
	Name string
	// Rune is the character that the key types, as in <aOn>.
	Rune rune
}

// String returns the key's name, or its character.
func (k Key) String() string {
	if k.Name == "" {
		return string(k.Rune)
	}
	return k.Name
}

// Pos returns where the step begins in the source.
func (t Text) Pos() Pos { return t.At }

// Pos returns where the step begins in the source.
func (p Press) Pos() Pos { return p.At }

// Pos returns where the step begins in the source.
func (h Hold) Pos() Pos { return h.At }

// Pos returns where the step begins in the source.
func (r Release) Pos() Pos { return r.At }

// Pos returns where the step begins in the source.
func (w Wait) Pos() Pos { return w.At }

func (Text) step()    {}
func (Press) step()   {}
func (Hold) step()    {}
func (Release) step() {}
func (Wait) step()    {}

// String returns the text as [Quote] does.
func (t Text) String() string { return Quote(t.Text) }

// String returns the step as <enter> or <bs*30>.
func (p Press) String() string {
	if p.Key.Name == "" {
		return Quote(strings.Repeat(string(p.Key.Rune), p.times()))
	}
	var b strings.Builder
	// What Parse would refuse as one token is written as several.
	for n := p.times(); n > 0; n -= MaxCount {
		b.WriteString("<" + p.Key.Name)
		if n > 1 {
			b.WriteString("*" + strconv.Itoa(min(n, MaxCount)))
		}
		b.WriteString(">")
	}
	return b.String()
}

func (p Press) times() int {
	if p.Count == 0 {
		return 1
	}
	return p.Count
}

// String returns the step as <leftShiftOn>.
func (h Hold) String() string { return "<" + h.Key.String() + "On>" }

// String returns the step as <leftShiftOff>.
func (r Release) String() string { return "<" + r.Key.String() + "Off>" }

// String returns the step as <wait> for one second, else as <wait1m30s>.
func (w Wait) String() string {
	if w.Duration == time.Second {
		return "<wait>"
	}
	return "<wait" + w.Duration.String() + ">"
}

// String returns the sequence in the boot-command language. Parsing it gives
// the same sequence, apart from positions, for every Sequence that [Parse]
// returned. For one made by hand it gives the same events, if its text is
// valid UTF-8, its keys exist and its waits are longer than 0.
func (s Sequence) String() string {
	var b, text strings.Builder
	flush := func() {
		b.WriteString(Quote(text.String()))
		text.Reset()
	}
	for _, st := range s {
		// Text is quoted with what follows it: "<" and "esc>" make a token.
		switch st := st.(type) {
		case Text:
			text.WriteString(st.Text)
			continue
		case Press:
			if st.Key.Name == "" {
				text.WriteString(strings.Repeat(string(st.Key.Rune), st.times()))
				continue
			}
		}
		flush()
		b.WriteString(st.String())
	}
	flush()
	return b.String()
}

// Quote returns a boot command that types text exactly: where a "<" would
// begin a token, <lt> takes its place. Use it for passwords and other text
// that is put into a boot command.
func Quote(text string) string {
	var b strings.Builder
	start := 0
	for i := strings.IndexByte(text, '<'); i >= 0; {
		if tok := scanToken(text[i:]); tok.kind != noToken || tok.err != "" {
			b.WriteString(text[start:i] + "<lt>")
			start = i + 1
		}
		next := strings.IndexByte(text[i+1:], '<')
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return b.String() + text[start:]
}
