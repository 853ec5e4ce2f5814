package detect

import (
	"regexp/syntax"
	"slices"
)

// filter tells at little cost which of many expressions a text cannot match: of
// each it knows some strings of which one must be there, and looks for all of
// them at once. It is the algorithm of Wu and Manber (1994) with blocks of two
// bytes: how far the search may go on depends on the two bytes it is at.
type filter struct {
	window int // the bytes of each literal, from its beginning, that are looked for
	shift  []uint8
	heads  map[uint16][]literal // where shift is 0
	always []int                // expressions that nothing is known of
}

type literal struct {
	text string
	of   int // index of the expression
}

// The window's bounds: two bytes are a block, and beyond eight there is not
// much to gain.
const minWindow, maxWindow = 2, 8

func newFilter(exprs []*expression) filter {
	f := filter{window: maxWindow, heads: map[uint16][]literal{}}
	var all []literal
	for i, e := range exprs {
		texts := e.literals
		if shortest(texts) < minWindow {
			f.always = append(f.always, i)
			continue
		}
		f.window = min(f.window, shortest(texts))
		for _, s := range texts {
			all = append(all, literal{s, i})
		}
	}
	f.shift = slices.Repeat([]uint8{uint8(f.window - 1)}, 1<<16)
	for _, l := range all {
		f.add(l)
	}
	return f
}

func (f *filter) add(l literal) {
	for end := 1; end < f.window; end++ {
		b := pair(l.text[end-1], l.text[end])
		f.shift[b] = min(f.shift[b], uint8(f.window-1-end))
		if end == f.window-1 {
			f.heads[b] = append(f.heads[b], l)
		}
	}
}

func pair(a, b byte) uint16 { return uint16(a)<<8 | uint16(b) }

// scan calls hit with the index of each expression whose literal is in the
// text, perhaps several times.
func (f *filter) scan(text []byte, hit func(of int)) {
	for end := f.window - 1; end < len(text); {
		b := pair(text[end-1], text[end])
		if s := f.shift[b]; s > 0 {
			end += int(s)
			continue
		}
		rest := text[end-f.window+1:]
		for _, l := range f.heads[b] {
			if len(rest) >= len(l.text) && string(rest[:len(l.text)]) == l.text {
				hit(l.of)
			}
		}
		end++
	}
}

// literals returns strings of which any text that the expression matches has
// at least one; none if they cannot be told.
func literals(source string) []string {
	parsed, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		return nil
	}
	return required(parsed)
}

const maxLiterals = 100 // of one expression

func required(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase == 0 {
			return []string{string(re.Rune)}
		}
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return required(re.Sub[0])
		}
	case syntax.OpConcat:
		var best []string
		for _, texts := range joined(re.Sub) {
			if shortest(texts) > shortest(best) {
				best = texts
			}
		}
		return best
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			texts := required(sub)
			if len(texts) == 0 || len(all)+len(texts) > maxLiterals {
				return nil
			}
			all = append(all, texts...)
		}
		return all
	}
	return nil
}

// joined returns what each part of a concatenation requires. Literals that
// follow each other are joined, as the parser parts what alternatives begin
// with and flowing parts words into letters.
func joined(parts []*syntax.Regexp) (all [][]string) {
	run := ""
	for _, p := range parts {
		if p.Op == syntax.OpLiteral && p.Flags&syntax.FoldCase == 0 {
			run += string(p.Rune)
			continue
		}
		if run != "" {
			all = append(all, []string{run})
		}
		texts := required(p)
		if run != "" && p.Op == syntax.OpAlternate {
			texts = beginnings(run, p)
		}
		all, run = append(all, texts), ""
	}
	return append(all, []string{run})
}

// beginnings returns what the alternatives require after a text, where all of
// them begin with a literal.
func beginnings(run string, alternatives *syntax.Regexp) (all []string) {
	for _, sub := range alternatives.Sub {
		for sub.Op == syntax.OpConcat || sub.Op == syntax.OpCapture {
			sub = sub.Sub[0]
		}
		if sub.Op != syntax.OpLiteral || sub.Flags&syntax.FoldCase != 0 {
			return required(alternatives)
		}
		all = append(all, run+string(sub.Rune))
	}
	return all
}

// shortest returns the length of the shortest text, 0 if there is none.
func shortest(texts []string) int {
	if len(texts) == 0 {
		return 0
	}
	least := len(texts[0])
	for _, s := range texts {
		least = min(least, len(s))
	}
	return least
}
