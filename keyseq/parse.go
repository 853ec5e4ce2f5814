package keyseq

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxCount is the largest count in a token such as <bs*30>.
const MaxCount = 10000

// maxErrors bounds what Parse says about one boot command.
const maxErrors = 10

// SyntaxError is a place in a boot command that Parse refuses.
type SyntaxError struct {
	Pos
	// Token is what was found there, cut after 64 bytes.
	Token string
	// Msg says what is wrong and what to write instead.
	Msg string
}

// Error names the position, the token and the remedy.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("keyseq: parse %s %q: %s", e.Pos, e.Token, e.Msg)
}

// Parse reads a boot command. It accepts what Packer accepts, with the same
// meaning, and the tokens that Packer does not have; the package documentation
// has the grammar. A token that it does not know is text, as in Packer: [Lint]
// finds these. An error is a [*SyntaxError], or several joined (at most 10),
// in the order of their positions; errors.As finds the first.
//
// The Sequence shares the memory of s.
func Parse(s string) (Sequence, error) {
	p := parser{src: s, pos: Pos{Line: 1, Column: 1}}
	p.encoding()
	p.steps()
	return p.seq, p.err()
}

type parser struct {
	src  string
	pos  Pos // of the first byte that is not yet in seq
	seq  Sequence
	errs []*SyntaxError
}

func (p *parser) steps() {
	// Each token has a "<" and a ">", and text before it at most.
	p.seq = make(Sequence, 0, 2*min(strings.Count(p.src, "<"), strings.Count(p.src, ">"))+1)
	for i := 0; ; {
		next := strings.IndexByte(p.src[i:], '<')
		if next < 0 {
			break
		}
		i += next
		tok := scanToken(p.src[i:])
		if tok.err != "" {
			p.refuse(i, tok)
		}
		if tok.kind == noToken {
			i++ // the "<" is text
			if tok.fact != nil {
				i += tok.fact.errAt - 1 // and so is what came before the error
			}
			continue
		}
		p.text(i)
		p.seq = append(p.seq, tok.step(p.pos))
		p.advance(i + tok.size)
		i += tok.size
	}
	p.text(len(p.src))
}

// text makes a step of what lies between the last step and end.
func (p *parser) text(end int) {
	if end > p.pos.Offset {
		p.seq = append(p.seq, Text{At: p.pos, Text: p.src[p.pos.Offset:end]})
		p.advance(end)
	}
}

func (p *parser) advance(end int) { p.pos = p.pos.after(p.src[p.pos.Offset:end]) }

// after returns the position behind text that begins at p.
func (p Pos) after(text string) Pos {
	p.Offset += len(text)
	for i := range len(text) {
		if c := text[i]; c == '\n' {
			p.Line, p.Column = p.Line+1, 1
		} else if utf8.RuneStart(c) {
			p.Column++
		}
	}
	return p
}

// encoding refuses bytes that are not UTF-8, as Packer's parser does.
func (p *parser) encoding() {
	if utf8.ValidString(p.src) {
		return
	}
	for i := 0; i < len(p.src) && len(p.errs) < maxErrors; {
		r, size := utf8.DecodeRuneInString(p.src[i:])
		if r == utf8.RuneError && size == 1 {
			p.fail(i, p.src[i:i+1], "invalid UTF-8; save the boot command as UTF-8")
		}
		i += size
	}
}

func (p *parser) fail(offset int, token, msg string) {
	// Those of the encoding come first, and then, in order too, all others.
	if len(p.errs) < 2*maxErrors {
		pos := Pos{Line: 1, Column: 1}.after(p.src[:offset])
		p.errs = append(p.errs, &SyntaxError{Pos: pos, Token: token, Msg: msg})
	}
}

// refuse notes what is wrong with a token, and where in it.
func (p *parser) refuse(offset int, t token) {
	if t.fact == nil {
		p.fail(offset, clip(p.src[offset:]), t.err)
		return
	}
	at := offset + t.fact.errAt
	p.fail(at, p.src[at:at+t.fact.errSize], t.err)
}

func (p *parser) err() error {
	if len(p.errs) == 0 {
		return nil
	}
	p.seq = nil
	slices.SortStableFunc(p.errs, func(a, b *SyntaxError) int { return cmp.Compare(a.Offset, b.Offset) })
	if len(p.errs) == 1 {
		return p.errs[0]
	}
	errs := make([]error, 0, maxErrors)
	for _, e := range p.errs[:min(len(p.errs), maxErrors)] {
		errs = append(errs, e)
	}
	return errors.Join(errs...)
}

// clip returns the token at the start of s, for an error.
func clip(s string) string {
	s = s[:min(len(s), maxToken)]
	if i := strings.IndexByte(s, '>'); i >= 0 {
		return s[:i+1]
	}
	for !utf8.ValidString(s) && len(s) > 0 && !utf8.RuneStart(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// token is what a "<" begins: with noToken it begins nothing and is text. err
// refuses the boot command, also then.
type token struct {
	kind  tokenKind
	size  int
	key   Key
	count int
	wait  time.Duration
	fact  *factScanner // has read it, or found the error; nil for all other tokens
	err   string
}

type tokenKind int

const (
	noToken tokenKind = iota
	pressToken
	holdToken
	releaseToken
	waitToken
	factToken
)

// step returns the token as a step.
func (t *token) step(at Pos) Step {
	switch t.kind {
	case pressToken:
		return Press{At: at, Key: t.key, Count: t.count}
	case holdToken:
		return Hold{At: at, Key: t.key}
	case releaseToken:
		return Release{At: at, Key: t.key}
	case factToken:
		return WaitFor{At: at, Fact: t.fact.fact, Limit: t.fact.limit}
	}
	return Wait{At: at, Duration: t.wait}
}

// scanToken reads the token at the start of s, which begins with "<". The
// order of the attempts is that of Packer's grammar.
func scanToken(s string) (t token) {
	if t.scanFact(s); t.kind != noToken || t.err != "" {
		return t // Packer has no token that begins so
	}
	if t.scanWait(s); t.kind == noToken && t.err == "" {
		t.scanToggle(s)
	}
	if t.kind == noToken && t.err == "" {
		t.scanKey(s)
	}
	return t
}

// scanToggle reads <xOn> and <xOff>, where x is any one character.
func (t *token) scanToggle(s string) {
	r, size := utf8.DecodeRuneInString(s[1:])
	inner := s[1+size:]
	switch {
	case len(inner) > 2 && inner[2] == '>' && strings.EqualFold(inner[:2], "on"):
		t.kind, t.key, t.size = holdToken, Key{Rune: r}, 1+size+3
	case len(inner) > 3 && inner[3] == '>' && strings.EqualFold(inner[:3], "off"):
		t.kind, t.key, t.size = releaseToken, Key{Rune: r}, 1+size+4
	}
}

// scanKey reads <enter>, <enterOn>, <enterOff> and <enter*3>.
func (t *token) scanKey(s string) {
	end := strings.IndexByte(s[:min(len(s), maxToken)], '>')
	if end < 2 {
		return
	}
	inner := s[1:end]
	t.size = end + 1
	if t.named(pressToken, inner) || t.named(holdToken, trimFold(inner, "on")) || t.named(releaseToken, trimFold(inner, "off")) {
		t.count = 1
		return
	}
	if name, digits, ok := strings.Cut(inner, "*"); ok && isDigits(digits) && t.named(pressToken, name) {
		t.scanCount(digits)
	}
}

// named makes t the token of that kind if there is a key of that name.
func (t *token) named(kind tokenKind, name string) bool {
	k := lookup(name)
	if k == nil {
		return false
	}
	t.kind, t.key = kind, Key{Name: k.name}
	return true
}

func (t *token) scanCount(digits string) {
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || n > MaxCount || digits[0] == '0' {
		t.kind, t.err = noToken, fmt.Sprintf("a count is 1 to %d, without leading zeros", MaxCount)
	}
	t.count = n
}

// trimFold returns s without its ending, in any case; "" if it has another.
func trimFold(s, ending string) string {
	n := len(s) - len(ending)
	if n <= 0 || !strings.EqualFold(s[n:], ending) {
		return ""
	}
	return s[:n]
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
