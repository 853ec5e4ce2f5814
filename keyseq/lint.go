package keyseq

import (
	"cmp"
	"errors"
	"fmt"
	"image"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Severity says how bad a finding is.
type Severity string

// The severities of findings.
const (
	SeverityError   Severity = "error"   // cannot be typed
	SeverityWarning Severity = "warning" // most likely not what was meant
)

// Finding is something in a boot command that is wrong or most likely not what
// was meant.
type Finding struct {
	Pos
	// Code is a word for programs; the Code constants are all there are.
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	// Msg says what is the matter.
	Msg string `json:"msg"`
	// Suggestion is what to write instead, if there is something better.
	Suggestion string `json:"suggestion,omitempty"`
}

// The codes of findings.
const (
	CodeSyntax       = "syntax"            // Parse refuses it
	CodeUntypable    = "untypable"         // the layout has no key for a character
	CodeControl      = "control-character" // a line end, tab or other control character
	CodeUnknownToken = "unknown-token"     // <foo>, typed as text
	CodeUnclosed     = "unclosed"          // <enter without its ">", typed as text
	CodeBadWait      = "bad-wait"          // <WAIT>, <wait 5>, <wait1.5>, typed as text
	CodeOddWait      = "odd-wait"          // <wait0>, longer than an hour, or for what no screen shows
	CodeNotReleased  = "not-released"      // a held key is not released
	CodeNotHeld      = "not-held"          // a released key was not held
	CodeShiftLost    = "shift-lost"        // a shifted character releases a held Shift
)

// String returns the finding on one line.
func (f Finding) String() string {
	s := fmt.Sprintf("%s: %s: %s (%s)", f.Pos, f.Severity, f.Msg, f.Code)
	if f.Suggestion != "" {
		s += "; write " + f.Suggestion
	}
	return s
}

// longWait is where a wait becomes odd: installers take less.
const longWait = time.Hour

// Lint returns what is wrong with a boot command, or looks wrong, that is to be
// typed on a layout (nil is us), in the order of the positions; nil if nothing
// is. A boot command that [Parse] refuses has only findings of [CodeSyntax].
func Lint(src string, l *Layout) []Finding {
	seq, err := Parse(src)
	if err != nil {
		return syntaxFindings(err)
	}
	n := linter{src: src, layout: l.or()}
	for _, st := range seq {
		n.step(st)
	}
	for _, h := range n.held {
		n.warn(h.At, CodeNotReleased, fmt.Sprintf("%s is held and never released", h.Key),
			Release{Key: h.Key}.String()+" behind what needs it")
	}
	slices.SortStableFunc(n.found, func(a, b Finding) int { return cmp.Compare(a.Offset, b.Offset) })
	return n.found
}

func syntaxFindings(err error) []Finding {
	errs := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		errs = joined.Unwrap()
	}
	var found []Finding
	for _, err := range errs {
		var e *SyntaxError
		if errors.As(err, &e) {
			found = append(found, Finding{Pos: e.Pos, Code: CodeSyntax, Severity: SeverityError,
				Msg: fmt.Sprintf("%q: %s", e.Token, e.Msg)})
		}
	}
	return found
}

type linter struct {
	src    string
	layout *Layout
	found  []Finding
	held   []Hold
}

func (n *linter) warn(at Pos, code, msg, suggestion string) {
	n.found = append(n.found, Finding{Pos: at, Code: code, Severity: SeverityWarning, Msg: msg, Suggestion: suggestion})
}

func (n *linter) step(st Step) {
	switch st := st.(type) {
	case Text:
		n.text(st)
	case Press:
		if k := lookup(st.Key.Name); k != nil && k.rune != 0 {
			n.rune(st.At, k.rune)
		}
	case Hold:
		n.hold(st)
	case Release:
		n.release(st)
	case Wait:
		n.wait(st)
	case WaitFor:
		n.waitFor(st)
	}
}

// text looks at the characters of a text, and at what looks like a token in it.
func (n *linter) text(t Text) {
	pos := t.At
	shiftTold := false
	for i, r := range t.Text {
		at := pos
		pos = pos.after(t.Text[i : i+utf8.RuneLen(r)])
		if r == '<' {
			// The rest of the source, since <tabon<taboff> is broken by a token.
			n.token(at, n.src[at.Offset:])
		}
		n.rune(at, r)
		if !shiftTold && n.shiftHeld(r) {
			shiftTold = true
			n.warn(at, CodeShiftLost, fmt.Sprintf("typing %q releases the leftShift that is held", r),
				"the text without holding leftShift, or hold rightShift")
		}
	}
}

func (n *linter) shiftHeld(r rune) bool {
	chords := n.layout.chordsOf(r)
	return len(chords) > 0 && chords[0].Shift &&
		slices.ContainsFunc(n.held, func(h Hold) bool { return strings.EqualFold(h.Key.Name, "leftShift") })
}

func (n *linter) rune(at Pos, r rune) {
	f := Finding{Pos: at, Severity: SeverityError, Suggestion: controlTokens[r]}
	switch {
	case unicode.IsControl(r):
		f.Code, f.Msg = CodeControl, fmt.Sprintf("the character %q is no key; it would be dropped", r)
		if r == '\n' || r == '\r' {
			f.Msg = "a line end does not press Enter; it would be dropped"
		}
	case n.layout.chordsOf(r) == nil:
		f.Code, f.Msg = CodeUntypable, fmt.Sprintf("layout %s cannot type %q (%U)", n.layout.name, r, r)
	default:
		return
	}
	n.found = append(n.found, f)
}

func (n *linter) hold(h Hold) {
	if h.Key.Name == "" {
		n.rune(h.At, h.Key.Rune)
		if chords := n.layout.chordsOf(h.Key.Rune); len(chords) > 1 {
			n.found = append(n.found, Finding{Pos: h.At, Code: CodeUntypable, Severity: SeverityError,
				Msg: fmt.Sprintf("layout %s types %q with a dead key; it cannot be held", n.layout.name, h.Key.Rune)})
		}
	}
	n.held = append(n.held, h)
}

func (n *linter) release(r Release) {
	for i, h := range slices.Backward(n.held) {
		if sameKey(h.Key, r.Key) {
			n.held = slices.Delete(n.held, i, i+1)
			return
		}
	}
	n.warn(r.At, CodeNotHeld, fmt.Sprintf("%s is released but was not held", r.Key), Hold{Key: r.Key}.String()+" before it, or nothing")
}

// sameKey tells whether two names press one key, as enter and return do.
func sameKey(a, b Key) bool {
	ka, kb := lookup(a.Name), lookup(b.Name)
	if ka == nil || kb == nil {
		return a == b
	}
	return ka.keysym == kb.keysym && ka.rune == kb.rune
}

func (n *linter) wait(w Wait) {
	token := n.src[w.At.Offset:]
	token = token[:strings.IndexByte(token, '>')+1]
	digits := strings.TrimSuffix(strings.TrimPrefix(token, "<wait"), ">")
	switch {
	case digits == "0":
		n.warn(w.At, CodeOddWait, "<wait0> waits a second, as in Packer", "<wait>, or nothing")
	case isDigits(digits) && len(digits) > 9 && fmt.Sprint(int64(w.Duration/time.Second)) != digits:
		n.warn(w.At, CodeOddWait, fmt.Sprintf("%s is more than a wait can hold; as in Packer it waits %v", token, w.Duration), "<wait10m>")
	case w.Duration > longWait:
		n.warn(w.At, CodeOddWait, fmt.Sprintf("%s waits more than an hour: %v", token, w.Duration), "a shorter wait")
	}
}

// waitFor looks at a wait for a fact.
func (n *linter) waitFor(w WaitFor) {
	if w.Limit > longWait {
		n.warn(w.At, CodeOddWait, fmt.Sprintf("%s may wait more than an hour", w), "a shorter limit")
	}
	switch f := w.Fact.(type) {
	case Still:
		if f.For > longWait {
			n.warn(w.At, CodeOddWait, fmt.Sprintf("%s waits more than an hour", w), "a shorter time")
		}
	case Shows:
		if size := image.Pt(f.In.Column+f.In.Width, f.In.Row+f.In.Height); size.X > oddCells || size.Y > oddCells {
			n.warn(w.At, CodeOddWait, fmt.Sprintf("%s is for a place that hardly any screen has", w), "a region in cells, such as row=-1, and not in pixels")
		}
	}
}

// oddCells is more columns or rows than a screen of text has: it may be meant
// in pixels.
const oddCells = 400
