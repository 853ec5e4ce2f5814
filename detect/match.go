package detect

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"time"
)

// compiled is a rule that is ready for use.
type compiled struct {
	Rule
	line  expression
	flow  expression  // for text that is broken into lines; empty if it has no spaces
	end   *expression // nil for none
	times []time.Time // of the last Count matches
}

func compileRule(r Rule) *compiled {
	c := &compiled{Rule: r, line: newExpression(r.Pattern)}
	if r.on(Screen) {
		c.flow = flowing(r.Pattern)
	}
	if r.End != "" {
		c.end = &expression{source: r.End}
	}
	return c
}

// expression is a regular expression that is compiled when it is first used:
// most never are, since the filter knows that they cannot match.
type expression struct {
	source   string
	tree     *syntax.Regexp // what source is made of when it is needed
	literals []string
	re       *regexp.Regexp
}

func newExpression(source string) expression {
	return expression{source: source, literals: literals(source)}
}

// find returns where the first match is, nil if there is none.
func (e *expression) find(text []byte) []int {
	if e.re == nil {
		if e.tree != nil {
			e.source, e.tree = e.tree.String(), nil // slow for negated classes
		}
		re, err := regexp.Compile(e.source)
		if err != nil {
			return nil // Validate has said so
		}
		e.re = re
	}
	return e.re.FindIndex(text)
}

func (e *expression) empty() bool { return e.source == "" && e.tree == nil }

func (e *expression) matches(text []byte) bool { return e.find(text) != nil }

// flowing returns a pattern of which the literal spaces match the end of a line
// too. It is empty if there are none.
func flowing(pattern string) expression {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return expression{}
	}
	found := false
	var walk func(re *syntax.Regexp) *syntax.Regexp
	walk = func(re *syntax.Regexp) *syntax.Regexp {
		for i := range re.Sub {
			re.Sub[i] = walk(re.Sub[i])
		}
		if re.Op != syntax.OpLiteral || !slices.Contains(re.Rune, ' ') {
			return re
		}
		found = true
		return breakable(re)
	}
	if re = walk(re); !found {
		return expression{}
	}
	return expression{tree: re, literals: required(re)}
}

// breakable returns a literal as its words with classes between them.
func breakable(literal *syntax.Regexp) *syntax.Regexp {
	all := &syntax.Regexp{Op: syntax.OpConcat}
	for _, r := range literal.Rune {
		part := &syntax.Regexp{Op: syntax.OpLiteral, Flags: literal.Flags, Rune: []rune{r}}
		if r == ' ' {
			part = &syntax.Regexp{Op: syntax.OpCharClass, Rune: []rune{'\n', '\n', ' ', ' '}}
		}
		all.Sub = append(all.Sub, part)
	}
	return all
}

// matcher finds the rules of one channel in a text.
type matcher struct {
	rules  []*compiled
	exprs  []*expression // what to match with, of the same index
	marked []bool        // of the same index: those that the filter has let through
	hits   []int
	filter
}

// newMatcher takes rules with the expression of each that is to be used; those
// without one are left out.
func newMatcher(rules []*compiled, which func(*compiled) *expression) *matcher {
	m := &matcher{}
	for _, r := range rules {
		if e := which(r); !e.empty() {
			m.rules, m.exprs = append(m.rules, r), append(m.exprs, e)
		}
	}
	m.marked = make([]bool, len(m.rules))
	m.filter = newFilter(m.exprs)
	return m
}

// speaker is a rule that matches, and what it matches.
type speaker struct {
	*compiled
	match string
}

// speakers returns the first rule that matches. Those that must match several
// times do not keep others from speaking: they come before it in the slice.
func (m *matcher) speakers(text []byte) []speaker { return m.speakersBefore(text, len(text)+1) }

// speakersBefore is speakers for what begins before a place in the text.
func (m *matcher) speakersBefore(text []byte, place int) (all []speaker) {
	m.all(text, func(r *compiled, at []int) bool {
		if at[0] >= place {
			return true
		}
		all = append(all, speaker{r, string(text[at[0]:at[1]])})
		return r.Count > 1
	})
	return all
}

// all calls found for the rules that match, in their order, while it returns
// true.
func (m *matcher) all(text []byte, found func(r *compiled, at []int) bool) {
	for _, i := range m.candidates(text) {
		if at := m.exprs[i].find(text); at != nil && !found(m.rules[i], at) {
			return
		}
	}
}

// candidates returns the indexes of the rules that might match. The slice is
// good until the next call.
func (m *matcher) candidates(text []byte) []int {
	m.hits = append(m.hits[:0], m.always...)
	m.scan(text, func(i int) {
		if !m.marked[i] {
			m.marked[i] = true
			m.hits = append(m.hits, i)
		}
	})
	for _, i := range m.hits {
		m.marked[i] = false
	}
	if len(m.hits) > 1 {
		slices.Sort(m.hits)
	}
	return m.hits
}
