package detect

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What most tests here use: one rule of each kind.
const testRules = `
name: ignored
class: ignore
pattern: do not look

name: dead
class: fatal
pattern: (?:^|\] )panic: .*
end: end of panic

name: odd
class: info
pattern: ^odd thing
end: end of odd

name: bad
class: fatal
pattern: the end of the world

name: maybe
class: transitional
pattern: ^device failed

name: ask
class: stall
after: 30s
pattern: question \w+

name: job
class: stall
moving: yes
after: 1m
pattern: a job is running for \w+

name: firmware
class: info
boot: yes
pattern: ^firmware version

name: again
class: fatal
pattern: ^reset now
count: 3 in 1m

name: reset
class: info
boot: yes
pattern: ^reset now

name: prompt
class: info
pattern: ^\w+ login:$
`

func testSet(t testing.TB) *Set {
	t.Helper()
	set, err := Parse(testRules)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// at returns the time some seconds after the beginning.
func at(seconds float64) time.Time {
	return time.Unix(1000, 0).Add(time.Duration(seconds * float64(time.Second)))
}

// short writes findings as name:line, with ! for those that fail.
func short(found []Finding) string {
	var all []string
	for _, f := range found {
		s := fmt.Sprintf("%s:%d", f.Name, f.Line)
		if f.Fails {
			s += "!"
		}
		all = append(all, s)
	}
	return strings.Join(all, " ")
}

// step is one call of a Detector.
type step struct {
	at     float64
	serial string   // Feed
	screen []string // or Screen
	event  string   // or Event
	// or else Due
	want string
	next float64 // when Due wants to be called again, 0 for never
}

func play(t *testing.T, d *Detector, steps []step) {
	t.Helper()
	for i, s := range steps {
		var found []Finding
		var next time.Time
		switch {
		case s.serial != "":
			found = d.Feed(at(s.at), Serial, []byte(s.serial))
		case s.screen != nil:
			found = d.Screen(at(s.at), s.screen)
		case s.event != "":
			found = d.Event(at(s.at), s.event, nil)
		default:
			found, next = d.Due(at(s.at))
			if want := at(s.next); s.next != 0 && !next.Equal(want) || s.next == 0 && !next.IsZero() {
				t.Errorf("step %d: to be called at %v, want %v s", i, next.Sub(at(0)), s.next)
			}
		}
		if got := short(found); got != s.want {
			t.Errorf("step %d: found %q, want %q", i, got, s.want)
		}
	}
}

func TestTime(t *testing.T) {
	tests := []struct {
		name  string
		steps []step
	}{
		{"transitional, and nothing follows", []step{
			{at: 0, serial: "device failed: 1\n", want: "maybe:1"},
			{at: 9, next: 10},
			{at: 10, want: "maybe:1!"},
			{at: 100},
		}},
		{"transitional, and a blank line follows", []step{
			{at: 0, serial: "device failed: 1\n \t\r\n\n", want: "maybe:1"},
			{at: 10, want: "maybe:1!"},
		}},
		{"transitional, and something follows", []step{
			{at: 0, serial: "device failed: 1\nnext\n", want: "maybe:1"},
			{at: 10},
		}},
		{"transitional, and the beginning of a line follows", []step{
			{at: 0, serial: "device failed: 1\nnex", want: "maybe:1"},
			{at: 0.1, next: 0.2},
			{at: 0.2},
			{at: 10},
		}},
		{"transitional, then another", []step{
			{at: 0, serial: "device failed: 1\n", want: "maybe:1"},
			{at: 5, serial: "device failed: 2\n", want: "maybe:2"},
			{at: 10, next: 15},
			{at: 15, want: "maybe:2!"},
		}},
		{"transitional, and progress elsewhere", []step{
			{at: 0, serial: "device failed: 1\n", want: "maybe:1"},
			{at: 5, screen: []string{"debian login:"}, want: "prompt:1"},
			{at: 10},
		}},
		{"transitional, and a reset", []step{
			{at: 0, serial: "device failed: 1\n", want: "maybe:1"},
			{at: 5, event: "reset now", want: ""}, // the test's rule is for text only
			{at: 6, screen: []string{"reset now"}, want: "reset:1"},
			{at: 10},
		}},
		{"stall on a stream", []step{
			{at: 0, serial: "question one", want: ""},
			{at: 0.2, want: "ask:1", next: 30.2},
			{at: 30.2, want: "ask:1!"},
			{at: 40, serial: " yes\n"},
			{at: 99},
		}},
		{"stall on a stream is answered", []step{
			{at: 0, serial: "question one\n", want: "ask:1"},
			{at: 29, serial: "thanks\n"},
			{at: 30},
		}},
		{"moving stall on a stream", []step{
			{at: 0, serial: "\r[*  ] a job is running for x (1s)", want: ""},
			{at: 0.2, want: "job:1"},
			{at: 30, serial: "\r[ * ] a job is running for x (30s)\nsomething\n", want: ""},
			{at: 60, serial: "\r[  *] a job is running for x (60s)\r", want: ""},
			{at: 61, serial: "\r[ * ] a job is running for x (61s)\r", want: "job:1!"},
			{at: 62, serial: "\r[ * ] a job is running for x (62s)\r", want: ""},
		}},
		{"moving stall that ended", []step{
			{at: 0, serial: "a job is running for x (1s)\r", want: "job:1"},
			{at: 1, serial: "done\n"},
			{at: 100},
			{at: 200, serial: "a job is running for x (1s)\r"},
			{at: 240, serial: "a job is running for x (41s)\r"},
			{at: 260, serial: "a job is running for x (60s)\r", want: "job:1!"},
		}},
		{"prompt without a line's end", []step{
			{at: 0, serial: "hello\nbox log"},
			{at: 0.1, serial: "in: ", next: 0},
			{at: 0.2, next: 0.1 + 0.2},
			{at: 0.3, want: "prompt:2"},
			{at: 0.4, serial: "\n"},
			{at: 1},
		}},
		{"counted", []step{
			{at: 0, serial: "reset now\n", want: "reset:1"},
			{at: 50, serial: "reset now\n", want: "reset:2"},
			{at: 61, serial: "reset now\n", want: "reset:3"},
			{at: 100, serial: "reset now\n", want: "again:4! reset:4"},
			{at: 101, serial: "reset now\n", want: "reset:5"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { play(t, newDetector(t, testSet(t)), tt.steps) })
	}
}

func TestScreen(t *testing.T) {
	tests := []struct {
		name  string
		steps []step
	}{
		{"new once, and again after it was gone", []step{
			{at: 0, screen: []string{"the end of the world"}, want: "bad:1!"},
			{at: 1, screen: []string{"", "the end of the world"}},
			{at: 2, screen: []string{""}},
			{at: 3, screen: []string{"the end of the world"}, want: "bad:1!"},
		}},
		{"written slowly", []step{
			{at: 0, screen: []string{"panic: a"}, want: "dead:1!"},
			{at: 1, screen: []string{"panic: a very long story"}},
			{at: 2, screen: []string{"panic: another"}, want: "dead:1!"},
		}},
		{"transitional, last on the screen", []step{
			{at: 0, screen: []string{"device failed: 1", "", ""}, want: "maybe:1"},
			{at: 5, screen: []string{"title", "device failed: 1", ""}},
			{at: 9, next: 10},
			{at: 10, want: "maybe:1!"},
			{at: 11, screen: []string{"device failed: 1", "", ""}},
			{at: 30},
		}},
		{"transitional, and something below", []step{
			{at: 0, screen: []string{"device failed: 1", "next"}, want: "maybe:1"},
			{at: 10},
		}},
		{"transitional, then something below", []step{
			{at: 0, screen: []string{"device failed: 1", ""}, want: "maybe:1"},
			{at: 5, screen: []string{"device failed: 1", "next"}},
			{at: 10},
		}},
		{"transitional, and gone", []step{
			{at: 0, screen: []string{"device failed: 1"}, want: "maybe:1"},
			{at: 5, screen: []string{""}},
			{at: 10},
		}},
		{"transitional, twice", []step{
			{at: 0, screen: []string{"device failed: 1", "x", "device failed: 1"}, want: "maybe:1"},
			{at: 10, want: "maybe:1!"},
		}},
		{"stall on a still screen", []step{
			{at: 0, screen: []string{"  question one ", "a"}, want: "ask:1"},
			{at: 20, screen: []string{"  question one ", "ab"}},
			{at: 30, next: 50},
			{at: 50, want: "ask:1!"},
			{at: 60, screen: []string{"  question one ", "abc"}},
			{at: 99},
			{at: 100, screen: []string{"  question two ", ""}, want: "ask:1"},
			{at: 130, want: "ask:1!"},
		}},
		{"moving stall on a screen", []step{
			{at: 0, screen: []string{"a job is running for x (1s)"}, want: "job:1"},
			{at: 59, screen: []string{"a job is running for x (59s)"}},
			{at: 60, want: "job:1!"},
		}},
		{"above the beginning of a boot", []step{
			{at: 0, screen: []string{"the end of the world", "firmware version 1", "device failed"}, want: "firmware:2 maybe:3"},
			{at: 10, want: "maybe:3!"},
		}},
		{"a boot begins below", []step{
			{at: 0, screen: []string{"question one"}, want: "ask:1"},
			{at: 1, screen: []string{"question one", "firmware version 1"}, want: "firmware:2"},
			{at: 30},
		}},
		{"part of a text of several rows", []step{
			{at: 0, screen: []string{"panic: x", "the end of the world", "end of panic", "the end of the world: 2"}, want: "dead:1! bad:4!"},
		}},
		{"worse than what it is part of", []step{
			{at: 0, screen: []string{"odd thing", "the end of the world", "end of odd"}, want: "odd:1 bad:2!"},
		}},
		{"a line of several rows", []step{
			{at: 0, screen: []string{strings.Repeat("x", 70) + " the end o", "f the world", ""}, want: "bad:1!"},
		}},
		{"in a box that is as wide as the screen", []step{
			{at: 0, screen: []string{strings.Repeat("─", 70), "│" + strings.Repeat(" ", 68) + "│", "│" + strings.Repeat(" ", 24) + "the end of the world" + strings.Repeat(" ", 24) + "│"}, want: "bad:3!"},
		}},
		{"a narrow screen has no such line", []step{
			{at: 0, screen: []string{"the end o", "f the world"}},
		}},
		{"in a box", []step{
			{at: 0, screen: []string{"┌──────┐", "│ this is the end of the   │", "│ world, says the guest  │", "└──────┘"}, want: "bad:2!"},
		}},
		{"ignored", []step{
			{at: 0, screen: []string{"do not look at the end of the world"}},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { play(t, newDetector(t, testSet(t)), tt.steps) })
	}
}

func TestStream(t *testing.T) {
	long := strings.Repeat("x", 3<<20)
	tests := []struct{ name, in, want string }{
		{"lines", "a\nthe end of the world\r\nb\n", "bad:2!"},
		{"the last line", "a\nthe end of the world", "bad:2!"},
		{"colours", "\x1b[1;31mthe end\x1b[0m of the\x1b[K world\n", "bad:1!"},
		{"written over", "the end of the world\rnothing\n", "bad:1!"},
		{"a cursor that jumps", "\x1b[2J\x1b[1;1Hfirmware version 1\x1b[2;1Hdevice failed\n", "firmware:1 maybe:1"},
		{"a cursor that moves on", "the\x1b[1Cend of the world", "bad:1!"},
		{"a title that never ends", "\x1b]0;the end of the world\nthe end of the world\n", "bad:2!"},
		{"a title", "\x1b]0;the end of the world\x07quiet\n", ""},
		{"a sequence that never ends", "\x1b[12\nthe end of the world\n", "bad:2!"},
		{"a character set", "the\x1b(B end of \x0fthe world\n", "bad:1!"},
		{"bytes that are not UTF-8", "\xff\xfe the end of the world \xc3\n", "bad:1!"},
		{"NUL", "the end\x00 of the world\n", "bad:1!"},
		{"ignored", "do not look: the end of the world\n", ""},
		{"at the end of a long line", long + " the end of the world\n.", "bad:1!"},
		{"no beginning within a long line", strings.Repeat("x", maxLine-overlap) + "device failed" + long, ""},
		{"across the cut of a long line", strings.Repeat("x", maxLine-5) + "the end of the world" + long, "bad:1!"},
		{"several lines", "[1] panic: a\nthe end of the world\nend of panic\nthe end of the world\n", "dead:1! bad:4!"},
		{"several lines without an end", "panic: a\n" + strings.Repeat("x\n", maxBlock) + "the end of the world\n", "dead:1! bad:62!"},
		{"several lines, broken off", "panic: a\nb", "dead:1!"},
		{"worse within several lines", "odd thing\nthe end of the world\nend of odd\n", "odd:1 bad:2!"},
		{"a boot within several lines", "panic: a\nfirmware version 1\nend of panic\n", "dead:1! firmware:2"},
		{"twice on a line", "device failed\rdevice failed\n", "maybe:1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			whole := newDetector(t, testSet(t))
			got := short(append(whole.Feed(at(0), Serial, []byte(tt.in)), whole.Flush(at(0))...))
			if got != tt.want {
				t.Errorf("found %q, want %q", got, tt.want)
			}
			if len(tt.in) > 10000 {
				return
			}
			bytewise := newDetector(t, testSet(t))
			var found []Finding
			for i := range len(tt.in) {
				found = append(found, bytewise.Feed(at(0), Serial, []byte(tt.in[i:i+1]))...)
			}
			if got := short(append(found, bytewise.Flush(at(0))...)); got != tt.want {
				t.Errorf("byte by byte found %q, want %q", got, tt.want)
			}
		})
	}
}

// TestBlock looks at what is told of a text of several lines, and when.
func TestBlock(t *testing.T) {
	d := newDetector(t, testSet(t))
	if found := d.Feed(at(0), Serial, []byte("[1] \x1b[31mpanic: a\tb\x1b[m\n  c\xff\n")); len(found) > 0 {
		t.Fatalf("found %v before the end", found)
	}
	if found, next := d.Due(at(0.9)); len(found) > 0 || !next.Equal(at(1)) {
		t.Fatalf("found %v, and to be called at %v", found, next)
	}
	found, next := d.Due(at(1))
	want := []Finding{{Name: "dead", Class: Fatal, Channel: Serial, Fails: true, Line: 1, Text: "[1] panic: a b",
		More: []string{"c\uFFFD"}, First: at(0), At: at(0)}}
	if diff := cmp.Diff(want, found); diff != "" || !next.IsZero() {
		t.Errorf("to be called at %v; found (-want +got):\n%s", next, diff)
	}
}

func TestUse(t *testing.T) {
	set := testSet(t)
	d := newDetector(t, set)
	set.Rule("bad").Off = true // the detector has its own
	play(t, d, []step{
		{at: 0, serial: "device failed\n", want: "maybe:1"},
		{at: 1, screen: []string{"the end of the world", "question one", "strange"}, want: "bad:1! ask:2"},
	})
	set.Rule("maybe").After = 20 * time.Second
	set.Add(Rule{Name: "strange", Class: Fatal, Pattern: "strange"})
	if err := set.Remove("ask"); err != nil {
		t.Fatal(err)
	}
	if err := d.Use(set); err != nil {
		t.Fatal(err)
	}
	play(t, d, []step{
		{at: 2, screen: []string{"the end of the world", "question one", "strange"}, want: "strange:3!"},
		{at: 10, next: 20},
		{at: 20, want: "maybe:1!"},
	})
	if w := short(d.Waiting()); w != "maybe:1!" {
		t.Errorf("waiting: %q", w)
	}
	if err := d.Use(nil); err == nil {
		t.Error("no set is no error")
	}
	if err := d.Use(&Set{Rules: []Rule{{}}}); err == nil {
		t.Error("a bad set is no error")
	}
	play(t, d, []step{{at: 30, screen: []string{"strange"}}, {at: 31, screen: []string{""}}, {at: 32, screen: []string{"strange"}, want: "strange:1!"}})
}

func TestEvents(t *testing.T) {
	d := newDetector(t, Default())
	for i, e := range []struct{ name, data, want string }{ // two seconds apart
		{"RESET", `{"guest": true, "reason": "guest-reset"}`, "reset:1"},
		{"RESET", `{"guest": true, "reason": "guest-reset"}`, "reset:2"},
		{"RESET", `{"guest": false, "reason": "host-qmp-system-reset"}`, "reset:3"},
		{"RESET", `{"guest": true, "reason": "guest-reset"}`, "reset:4"},
		{"RTC_CHANGE", `{"offset": 0}`, ""},
		{"RESET", `{"guest": true, "reason": "guest-reset"}`, "reset-loop:6! reset:6"},
		{"STOP", "", ""},
		{"BLOCK_IO_ERROR", `{"nospace": true, "reason": "No space left on device"}`, "disk-full:8!"},
		{"GUEST_PANICKED", `{"action":"pause"}`, "guest-panicked:9!"},
		{"GUEST_PANICKED", `{not JSON`, "guest-panicked:10!"},
	} {
		if got := short(d.Event(at(float64(2*i)), e.name, []byte(e.data))); got != e.want {
			t.Errorf("event %d: %q, want %q", i+1, got, e.want)
		}
	}
}

// TestResets counts reboots: SeaBIOS resets the machine several times for one.
func TestResets(t *testing.T) {
	d := newDetector(t, Default())
	loops := 0
	for i, s := range []float64{10, 10.05, 10.1, 10.2, 20, 20.1, 30, 30.1, 30.2, 30.3, 39.9, 40, 40.1} {
		found := d.Event(at(s), "RESET", []byte(`{"guest": true, "reason": "guest-reset"}`))
		if strings.Contains(short(found), "reset-loop") {
			loops++
			if s != 39.9 {
				t.Errorf("reset %d, at %v s, is a loop", i+1, s)
			}
		}
	}
	if loops != 1 {
		t.Errorf("%d loops", loops)
	}
}

// TestFlood looks that a guest cannot fill the memory.
func TestFlood(t *testing.T) {
	d := newDetector(t, testSet(t))
	for i := range 2000 {
		d.Feed(at(0), Serial, fmt.Appendf(nil, "a job is running for x%d\r", i))
	}
	d.Feed(at(0), Serial, []byte(strings.Repeat("x", 1<<20)))
	s := d.streams[Serial]
	if len(d.waiting) > maxWaiting || len(s.said) > maxSaid || cap(s.text) > 4*maxLine {
		t.Errorf("%d wait, %d have spoken, %d bytes are kept", len(d.waiting), len(s.said), cap(s.text))
	}
}

func TestSet(t *testing.T) {
	one, two := Default(), Default()
	one.Rule("kernel-panic").Class = Info
	one.Rule("debian-question").Phases[0] = "other"
	if r := two.Rule("kernel-panic"); r.Class != Fatal {
		t.Error("a set of Default shares its rules with another")
	}
	if r := two.Rule("debian-question"); r.Phases[0] != PhaseBoot {
		t.Error("a set of Default shares the phases of its rules with another")
	}
	if s := two.For(PhaseSystem); s.Rule("debian-question") != nil || s.Rule("kernel-panic") == nil {
		t.Error("the wrong rules hold for the installed system")
	}
	if s := two.For(PhaseInstall); s.Rule("debian-question") == nil || len(two.For("").Rules) != len(two.Rules) {
		t.Error("rules are missing for the installer")
	}
	if err := two.Remove("kernel-panic", "nosuch"); err == nil || two.Rule("kernel-panic") == nil {
		t.Errorf("removing a rule that is not there: %v", err)
	}
	n := len(two.Rules)
	two.Add(Rule{Name: "kernel-panic", Class: Fatal, Pattern: "x"})
	if len(two.Rules) != n || two.Rules[0].Name != "kernel-panic" {
		t.Error("a rule that is added does not replace that of its name, in front")
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"no value", "name x", `detect: parse line 1: "name x" is not a key, a colon, a space and a value`},
		{"unknown key", "names: x", "detect: parse line 1: names: is no key of a rule"},
		{"twice", "name: x\nname: y", "detect: parse line 2: name: is given twice; rules are parted by an empty line"},
		{"no truth", "moving: no", `detect: parse line 1: moving: "no" is not yes; leave the line out for no`},
		{"time and count", "after: 3\ncount: 2\ncount: x", `detect: parse line 1: after: time: missing unit in duration "3"
detect: parse line 2: count: time: invalid duration ""
detect: parse line 3: count: strconv.Atoi: parsing "x": invalid syntax`},
		{"apart", "count: 2 in 1m apart x", `detect: parse line 1: count: time: invalid duration "x"`},
		{"too far apart", "name: x\nclass: info\npattern: x\ncount: 4 in 5s apart 2s", `detect: rule "x": Apart is 2s, so Count is never reached within 5s`},
		{"apart backwards", "name: x\nclass: info\npattern: x\ncount: 4 in 5s apart -2s", `detect: rule "x": Apart is -2s; it must not be negative`},
		{"all that is wrong", "name: a b\nclass: bad\non: tv\npattern: (\nend: )\nafter: -1s\nmoving: yes\nboot: yes\ncount: 2000 in 0s\n\nclass: info\n\nname: x\nclass: info\npattern: x\n\nname: x\nclass: info\npattern: y",
			`detect: rule "a b": Name has white space; join its words by hyphens
detect: rule "a b": Class is "bad"; use fatal, transitional, stall, info or ignore
detect: rule "a b": Channels has "tv"; use screen, serial, debugcon or qmp
detect: rule "a b": Pattern: error parsing regexp: missing closing ): ` + "`(?:()`" + `
detect: rule "a b": End: error parsing regexp: unexpected ): ` + "`)`" + `
detect: rule "a b": After is -1s; it must not be negative
detect: rule "a b": Moving is for class stall only
detect: rule "a b": Boot is for class info only
detect: rule "a b": End is for classes fatal and info only
detect: rule "a b": Count is 2000; at most 1000
detect: rule "a b": Within is missing; Count needs it
detect: rule 2: Name is missing
detect: rule 2: Pattern is missing
detect: rule "x": Name is used twice; Set.Add replaces a rule`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse(tt.in)
			if err == nil {
				err = errors.New("no error")
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A stall whose answer is under way has its time anew, and fails all the same
// if none comes.
func TestRenew(t *testing.T) {
	d := newDetector(t, &Set{Rules: []Rule{
		{Name: "ask", Class: Stall, After: 10 * time.Second, Pattern: "^question"},
		{Name: "dots", Class: Stall, After: 4 * time.Second, Moving: true, Pattern: "^press any key"},
	}})
	play(t, d, []step{
		{at: 0, screen: []string{"question one", "press any key"}, want: "ask:1 dots:2"},
		{at: 4, want: "dots:2!", next: 10},
	})
	d.Renew(at(6), Finding{Name: "dots", Channel: Screen, Text: "press any key"})
	play(t, d, []step{
		{at: 7, screen: []string{"question one", "press any key...."}},
		{at: 9, next: 10},
		{at: 10, want: "dots:2!", next: 17},
	})
	d.Renew(at(11), Finding{Name: "dots", Channel: Screen, Text: "press any key"})
	play(t, d, []step{
		{at: 12, screen: []string{"question one", "booting"}},
		{at: 16, next: 22},
		{at: 22, want: "ask:1!"},
	})
}
