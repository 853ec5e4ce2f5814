package keyseq

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLint(t *testing.T) {
	tests := []struct {
		in, layout string
		want       []string // "LINE:COLUMN CODE SUGGESTION"
	}{
		{"<esc><wait>auto url=http://10.0.2.2/x<enter>", "", nil},
		{"a < b && c > d; x<y>z 1<2", "", nil},
		{"echo a<3", "", nil},
		{`<p class="x">`, "", nil},
		{"<<EOF", "", nil},
		{"<leftCtrlOn>c<leftCtrlOff><aOn><AOFF>", "", []string{"1:27 not-released <aOff> behind what needs it", "1:32 not-held <AOn> before it, or nothing"}},
		// Unknown tokens.
		{"ab<space>", "", []string{"1:3 unknown-token <spacebar>"}},
		{"<delete><pgup><ctrl><CTRLON><PgDn>", "", []string{"1:1 unknown-token <del>", "1:9 unknown-token <pageUp>",
			"1:15 unknown-token <leftCtrl>", "1:21 unknown-token <leftCtrlOn>", "1:29 unknown-token <pageDown>"}},
		{"<entre><leftShft><f25>", "", []string{"1:1 unknown-token <enter>", "1:8 unknown-token <leftShift>", "1:18 unknown-token <f2>"}},
		{"<foo><xyzzy>", "", []string{"1:1 unknown-token ", "1:6 unknown-token "}},
		{"<leftalt on><page_up><left-ctrl>", "", []string{"1:1 unknown-token <leftAltOn>", "1:13 unknown-token <pageUp>", "1:22 unknown-token <leftCtrl>"}},
		{"<space*3><entr*2><bsOn*3>", "", []string{"1:1 unknown-token <spacebar*3>", "1:10 unknown-token <enter*2>", "1:18 unknown-token <bs*3>"}},
		{"<a*3><bs*x><offf*3><bs*>", "", []string{"1:1 unknown-token ", "1:6 unknown-token ", "1:12 unknown-token ", "1:20 unknown-token "}},
		{"<click 'OK'>", "", []string{"1:1 unknown-token "}},
		{"é\n<space>", "de", []string{"1:2 control-character <enter>", "2:1 unknown-token <spacebar>"}},
		// Tokens without an end.
		{"<enter", "", []string{"1:1 unclosed <enter>"}},
		{"<tabon<taboff>", "", []string{"1:1 unclosed <tabon>", "1:7 not-held <tabOn> before it, or nothing"}},
		{"<wait5 x", "", []string{"1:1 unclosed <wait5>"}},
		{"<up and away", "", []string{"1:1 unclosed <up>"}},
		// Waits.
		{"<WAIT><Wait5><wait 5><wait05>", "", []string{"1:1 bad-wait <wait>", "1:7 bad-wait <wait5>", "1:14 bad-wait <wait5>", "1:22 bad-wait <wait5>"}},
		{"<wait1.5><wait.5s><wait5S><wait1μs><wait1m 2s>", "", []string{"1:1 bad-wait <wait1.5s>", "1:10 bad-wait <wait0.5s>",
			"1:19 bad-wait <wait5s>", "1:27 bad-wait <wait1µs>", "1:33 untypable ", "1:36 bad-wait <wait1m2s>"}},
		{"<wait-1><wait*3><waitOn><wait 'x'>", "", []string{"1:1 bad-wait <wait1>", "1:9 bad-wait <wait3>",
			"1:17 bad-wait a wait such as <wait>, <wait10> or <wait1m30s>", `1:25 bad-wait <wait "x">`}},
		// Waits for facts.
		{`<wait "boot:" row=-1 60s><wait still 500ms><wait change 1m><wait fetch "/x" 1h>`, "", nil},
		{`<Wait "x"><wait stil 500ms><wait  change><wait changed><wait for "x"><waitfor 'a b' 5s><wait login:>`, "", []string{`1:1 bad-wait <wait "x">`,
			"1:11 bad-wait <wait still 500ms>", "1:28 bad-wait <wait change>", "1:42 bad-wait <wait change>", `1:56 bad-wait <wait "x">`,
			`1:70 bad-wait <wait "a b" 5s>`, `1:88 bad-wait <wait "login:">`}},
		{`<wait "x`, "", []string{"1:7 syntax "}},
		{`<wait still`, "", []string{"1:1 unclosed <wait>"}},
		{`<wait "x" 61m><wait still 2h><wait "x" in=0,400,80,20>`, "", []string{"1:1 odd-wait a shorter limit", "1:15 odd-wait a shorter time",
			"1:30 odd-wait a region in cells, such as row=-1, and not in pixels"}},
		{"<wait0><wait1h><wait61m><wait18446744074>", "", []string{"1:1 odd-wait <wait>, or nothing", "1:16 odd-wait a shorter wait", "1:25 odd-wait <wait10m>"}},
		// Characters.
		{"a\tb\r\n\x00", "", []string{"1:2 control-character <tab>", "1:4 control-character <enter>", "1:5 control-character <enter>", "2:1 control-character "}},
		{"é€", "", []string{"1:1 untypable ", "1:2 untypable "}},
		{"é€", "fr", nil},
		{"é€", "uk", []string{"1:1 untypable "}},
		{"<éOn><éOff>", "de", []string{"1:1 untypable "}},
		{"<lt><gt>", "jp", nil},
		// Held keys.
		{"<leftShiftOn>Ab", "", []string{"1:1 not-released <leftShiftOff> behind what needs it",
			"1:14 shift-lost the text without holding leftShift, or hold rightShift"}},
		{"<leftShiftOn>ab<leftShiftOff>", "", nil},
		{"<enterOn><returnOff>", "", nil},
		// What Parse refuses.
		{"<space><wait0s>\xff", "", []string{"1:8 syntax ", "1:16 syntax "}},
	}
	for _, tt := range tests {
		var got []string
		for _, f := range Lint(tt.in, layout(t, tt.layout)) {
			got = append(got, fmt.Sprintf("%s %s %s", f.Pos, f.Code, f.Suggestion))
			if s := f.String(); f.Msg == "" || f.Severity == "" || !strings.HasPrefix(s, f.Pos.String()+": ") {
				t.Errorf("Lint(%q): %q", tt.in, s)
			}
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("Lint(%q, %s) (-want +got):\n%s", tt.in, tt.layout, d)
		}
	}
}

// Real boot commands have few findings; these are the right ones.
func TestLintCorpus(t *testing.T) {
	count := map[string]int{}
	for _, l := range corpus(t) {
		for _, f := range Lint(l.In, nil) {
			count[f.Code+" "+f.Suggestion]++
		}
	}
	want := map[string]int{"unknown-token <spacebar>": 9, "unknown-token ": 2}
	if d := cmp.Diff(want, count); d != "" {
		t.Errorf("findings (-want +got):\n%s", d)
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "ab", 2}, {"enter", "entre", 1}, {"enter", "enter", 0}, {"kitten", "sitting", 3}, {"ca", "abc", 3}} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
