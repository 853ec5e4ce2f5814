package detect

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzFeed looks that it does not matter where bytes are cut, that a guest
// cannot make findings without end, and that what is told is fit to be shown.
func FuzzFeed(f *testing.F) {
	for _, r := range Default().Rules {
		for _, s := range r.Match {
			f.Add([]byte("[1] x\r\n"+s+"\nnext"), uint8(3))
		}
	}
	f.Add([]byte("\x1b[2J\x1b]0;\xff\x07\x1b[3;4Hdevice failed\x1b(B\rpanic: x\nend of panic"), uint8(1))
	f.Add([]byte(strings.Repeat("device failed", 1000)), uint8(200))
	var detectors [][2]*Detector
	for _, set := range []*Set{testSet(f), Default()} {
		detectors = append(detectors, [2]*Detector{newDetector(f, set), newDetector(f, set)})
	}
	f.Fuzz(func(t *testing.T, in []byte, size uint8) {
		for _, pair := range detectors {
			whole, cut := pair[0], pair[1]
			whole.forget()
			cut.forget()
			want := append(whole.Feed(at(0), Serial, in), whole.Flush(at(0))...)
			var got []Finding
			for rest := in; len(rest) > 0; {
				n := min(int(size)+1, len(rest))
				got = append(got, cut.Feed(at(0), Serial, rest[:n])...)
				rest = rest[n:]
			}
			got = append(got, cut.Flush(at(0))...)
			if short(got) != short(want) {
				t.Errorf("cut into pieces of %d: %s\nwhole: %s", size, short(got), short(want))
			}
			for _, f := range want {
				if !utf8.ValidString(f.Text) || strings.ContainsAny(f.Text, "\x1b\n\r\x00") || f.Line < 1 {
					t.Errorf("%+v is not fit to be shown", f)
				}
			}
			lines := strings.Split(string(in), "\n")
			whole.Screen(at(0), lines)
			if again := whole.Screen(at(1), lines); len(again) > 0 {
				t.Errorf("the same screen again: %v", again)
			}
			whole.Event(at(1), "X", in)
			whole.Due(at(1e6))
			if _, next := whole.Due(at(1e6)); !next.IsZero() {
				t.Errorf("something is due at %v", next)
			}
		}
	})
}

// FuzzRules looks that the filter holds nothing back that matches.
func FuzzRules(f *testing.F) {
	for _, r := range Default().Rules {
		for _, s := range r.Match {
			f.Add(r.Pattern, s)
		}
	}
	f.Add("a(b|c)+d?|[ef]g h(?i:x)", "abcbcd")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		r := Rule{Name: "x", Class: Fatal, Pattern: pattern}
		set := &Set{Rules: []Rule{r}}
		if set.Validate() != nil {
			return
		}
		c := compileRule(r)
		m := newMatcher([]*compiled{c}, func(c *compiled) *expression { return &c.line })
		if c.line.find([]byte(text)) != nil && len(m.speakers([]byte(text))) == 0 {
			t.Errorf("%q matches %q, of which the filter wants %q", pattern, text, c.line.literals)
		}
		if c.flow.empty() {
			return
		}
		if c.line.find([]byte(text)) != nil && c.flow.find([]byte(text)) == nil {
			t.Errorf("%q matches %q and %q does not", pattern, text, c.flow.source)
		}
	})
}
