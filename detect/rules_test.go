package detect

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// forget forgets what was fed.
func (d *Detector) forget() {
	d.streams, d.screen, d.waiting, d.events = map[Channel]*stream{}, shownScreen{}, nil, 0
	for _, r := range d.rules {
		r.times = nil
	}
}

// say feeds a text to a detector that forgets what it was fed before, and
// returns what is found.
func say(d *Detector, ch Channel, text string) []Finding {
	d.forget()
	now := time.Unix(1000, 0)
	switch ch {
	case QMP:
		name, data, _ := strings.Cut(text, " ")
		return d.Event(now, name, []byte(data))
	case Screen:
		return d.Screen(now, strings.Split(text, "\n"))
	}
	return append(d.Feed(now, ch, []byte(text)), d.Flush(now)...)
}

func newDetector(t testing.TB, set *Set) *Detector {
	t.Helper()
	d, err := New(set)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestExamples holds every rule against its own examples, on each of its
// channels, alone and among the others.
func TestExamples(t *testing.T) {
	set := Default()
	all := newDetector(t, set)
	for _, r := range set.Rules {
		alone := &Set{Rules: []Rule{r.clone()}}
		ignored := r.Class == Ignored
		if ignored { // which nobody would hear of
			alone.Rules[0].Class = Info
		}
		alone.Rules[0].Count = 0
		one := newDetector(t, alone)
		if len(r.Match) == 0 || len(r.Miss) == 0 {
			t.Errorf("%s: has %d examples that match and %d that do not; it needs both", r.Name, len(r.Match), len(r.Miss))
		}
		if r.Origin == "" {
			t.Errorf("%s: has no origin", r.Name)
		}
		if r.Hint == "" && r.Class != Info && !ignored {
			t.Errorf("%s: has no hint", r.Name)
		}
		for _, ch := range []Channel{Screen, Serial, DebugCon, QMP} {
			if !r.on(ch) {
				continue
			}
			for _, text := range r.Match {
				if strings.Contains(text, "\n") && ch != Screen {
					continue // a box breaks text into lines, a stream does not
				}
				if found := say(one, ch, text); len(found) != 1 || found[0].Name != r.Name {
					t.Errorf("%s: on %s %q gives %v", r.Name, ch, text, found)
				}
				if r.Count > 0 || ignored {
					continue
				}
				if found := say(all, ch, text); len(found) == 0 || found[0].Name != r.Name {
					t.Errorf("%s: among the others on %s %q gives %v", r.Name, ch, text, found)
				}
			}
			for _, text := range r.Miss {
				if found := say(one, ch, text); len(found) != 0 {
					t.Errorf("%s: on %s %q gives %v", r.Name, ch, text, found)
				}
			}
		}
	}
}

// TestMissesFailNothing looks that what a rule's own examples keep from it is
// not taken for a failure by another one.
func TestMissesFailNothing(t *testing.T) {
	set := Default()
	all := newDetector(t, set)
	// Texts that others rightly find.
	others := []string{"Boot failed: press a key", "Kernel panic - not syncing: Call Trace", "Kernel panic - not syncing: Command line",
		`BLOCK_IO_ERROR {"device":"","nospace":false`, `BdsDxe: failed to load Boot0002 "UEFI QEMU DVD`}
	for _, r := range set.Rules {
		for _, text := range r.Miss {
			if slices.ContainsFunc(others, func(s string) bool { return strings.Contains(text, s) }) {
				continue
			}
			ch := Serial
			if !r.on(Serial) {
				ch = r.Channels[0]
			}
			for _, f := range say(all, ch, text) {
				if f.Fails {
					t.Errorf("%s: its miss %q is found by %s", r.Name, text, f.Name)
				}
			}
		}
	}
}

// TestBuiltin looks that the rules can be read, which Default does not say.
func TestBuiltin(t *testing.T) {
	set, err := builtin()
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Rules) < 80 {
		t.Errorf("there are %d rules; some of the files were not read", len(set.Rules))
	}
	rules := newDetector(t, set)
	for _, ch := range []Channel{Screen, Serial, DebugCon, QMP} {
		m := rules.matcher(ch)
		for _, i := range m.always {
			t.Errorf("%s: no literal is known of it, so that it is slow", m.rules[i].Name)
		}
		if m.window < 4 {
			t.Errorf("%s: the shortest literal has %d bytes; the filter is slow below 4", ch, m.window)
			for i, r := range m.rules {
				if l := m.exprs[i].literals; shortest(l) < 4 {
					t.Errorf("%s: %q", r.Name, l)
				}
			}
		}
	}
}
