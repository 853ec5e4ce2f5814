package keyseq

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var ignorePos = cmpopts.IgnoreTypes(Pos{})

func key(name string) Key { return Key{Name: name} }
func char(r rune) Key     { return Key{Rune: r} }

func press(names ...string) Sequence {
	var s Sequence
	for _, n := range names {
		s = append(s, Press{Key: key(n), Count: 1})
	}
	return s
}

func text(s string) Sequence        { return Sequence{Text{Text: s}} }
func wait(d time.Duration) Sequence { return Sequence{Wait{Duration: d}} }
func fact(f Fact, limit time.Duration) Sequence {
	return Sequence{WaitFor{Fact: f, Limit: limit}}
}
func seqs(parts ...Sequence) Sequence { return slices.Concat(parts...) }

var parseTests = []struct {
	in   string
	want Sequence
}{
	// The inputs of Packer's own tests.
	{"", nil},
	{"<wait>", wait(time.Second)},
	{"<wait20>", wait(20 * time.Second)},
	{"<wait3s>", wait(3 * time.Second)},
	{"<wait4m2ns>", wait(4*time.Minute + 2)},
	{"<wait1m>", wait(time.Minute)},
	{"foo/bar > one 界", text("foo/bar > one 界")},
	{"<fon> b<fOff>", Sequence{Hold{Key: char('f')}, Text{Text: " b"}, Release{Key: char('f')}}},
	{"<foo>", text("<foo>")},
	{"<", text("<")},
	{"<f3><f12><spacebar><leftalt><rightshift><rightsuper><menu>",
		press("f3", "f12", "spacebar", "leftAlt", "rightShift", "rightSuper", "menu")},
	{"<rightShift><rightshift><RIGHTSHIFT>", press("rightShift", "rightShift", "rightShift")},
	{"<delon><delON><deLoN><DELON>", slices.Repeat(Sequence{Hold{Key: key("del")}}, 4)},
	{"<enteroff><enterOFF><eNtErOfF><ENTEROFF>", slices.Repeat(Sequence{Release{Key: key("enter")}}, 4)},
	// What Packer does with the rest of the grammar.
	{"<enter", text("<enter")},
	{"<<>", text("<<>")},
	{"<<on>", Sequence{Hold{Key: char('<')}}},
	{"<>on>", Sequence{Hold{Key: char('>')}}},
	{"< on>", Sequence{Hold{Key: char(' ')}}},
	{"<\non>", Sequence{Hold{Key: char('\n')}}},
	{"<éOFF>", Sequence{Release{Key: char('é')}}},
	{"<on>", text("<on>")},
	{"<off>", text("<off>")},
	{"<onon>", text("<onon>")},
	{"<>", text("<>")},
	{"<f10n>", text("<f10n>")},
	{"<f0>", text("<f0>")},
	{"<f25>", text("<f25>")},
	{"<pgup><space><delete>", text("<pgup><space><delete>")},
	{"<tabon<taboff>", seqs(text("<tabon"), Sequence{Release{Key: key("tab")}})},
	{"<leftalt on>", text("<leftalt on>")},
	{"<leftOption><leftOptionOn>", Sequence{Press{Key: key("leftOption"), Count: 1}, Hold{Key: key("leftOption")}}},
	{"<leftOn>", Sequence{Hold{Key: key("left")}}},
	{"<<on><<off>esc>", Sequence{Hold{Key: char('<')}, Release{Key: char('<')}, Text{Text: "esc>"}}},
	{`\<esc>`, seqs(text(`\`), press("esc"))},
	{"<İnsert>", press("insert")}, // its lower case is an i
	{"{{ .HTTPIP }}", text("{{ .HTTPIP }}")},
	{"a\ufffdb", text("a\ufffdb")},
	{"<wait1h1m>", wait(time.Hour + time.Minute)},
	{"<wait1ms500us>", wait(1500 * time.Microsecond)},
	{"<wait1.5s>", wait(1500 * time.Millisecond)},
	{"<wait1µs>", wait(time.Microsecond)},
	{"<wait0>", wait(time.Second)},
	{"<wait9223372036>", wait(9223372036 * time.Second)},
	{"<wait18446744074>", wait(290448384)},
	{"<WAIT>", text("<WAIT>")},
	{"<Wait5>", text("<Wait5>")},
	{"<wait05>", text("<wait05>")},
	{"<wait 5>", text("<wait 5>")},
	{"<wait1.5>", text("<wait1.5>")},
	{"<wait.5s>", text("<wait.5s>")},
	{"<wait5S>", text("<wait5S>")},
	{"<wait1μs>", text("<wait1μs>")},
	{"<wait1m 2s>", text("<wait1m 2s>")},
	{"<wait1m2>", text("<wait1m2>")},
	{"<waitOn>", text("<waitOn>")},
	{"<wait-1>", text("<wait-1>")},
	{"<wait5", text("<wait5")},
	{"<wait<wait>", seqs(text("<wait"), wait(time.Second))},
	// The tokens that Packer has not.
	{"<lt>esc<GT>", Sequence{Press{Key: key("lt"), Count: 1}, Text{Text: "esc"}, Press{Key: key("gt"), Count: 1}}},
	{"<ltOn><ltOff>", Sequence{Hold{Key: key("lt")}, Release{Key: key("lt")}}},
	{"<bs*30>", Sequence{Press{Key: key("bs"), Count: 30}}},
	{"<BS*1>", press("bs")},
	{"<f24*10000>", Sequence{Press{Key: key("f24"), Count: 10000}}},
	{"<altGr><ALTGR><altgron>", seqs(press("altGr", "altGr"), Sequence{Hold{Key: key("altGr")}})},
	{"<capsLock><numLock><scrollLock><printScreen><pause><f13>", press("capsLock", "numLock", "scrollLock", "printScreen", "pause", "f13")},
	{"<a*3>", text("<a*3>")},
	{"<wait*3>", text("<wait*3>")},
	{"<bs*>", text("<bs*>")},
	{"<bs*x>", text("<bs*x>")},
	{"<bs*-1>", text("<bs*-1>")},
	{"<bsOn*3>", text("<bsOn*3>")},
	{"<foo*3>", text("<foo*3>")},
	// Waits for facts.
	{`<wait "boot:">`, fact(Shows{Pattern: "boot:"}, 0)},
	{`<esc><wait "login:" 60s>root`, seqs(press("esc"), fact(Shows{Pattern: "login:"}, time.Minute), text("root"))},
	{`<wait "x" 60>`, fact(Shows{Pattern: "x"}, time.Minute)},
	{`<wait "x" 1m30s row=-1>`, fact(Shows{Pattern: "x", In: Region{Row: -1, Height: 1}}, 90*time.Second)},
	{`<wait "x"  in=0,20,80,5  1.5s >`, fact(Shows{Pattern: "x", In: Region{Row: 20, Width: 80, Height: 5}}, 1500*time.Millisecond)},
	{`<wait "x" in=0,0,0,0>`, fact(Shows{Pattern: "x"}, 0)},
	{`<wait "x" in=-40,-2,0,0>`, fact(Shows{Pattern: "x", In: Region{Column: -40, Row: -2}}, 0)},
	{`<wait "a\"b">`, fact(Shows{Pattern: `a"b`}, 0)},
	{`<wait "a\\"><wait ">">`, seqs(fact(Shows{Pattern: `a\\`}, 0), fact(Shows{Pattern: ">"}, 0))},
	{`<wait "\$ |\[y/N\] <\\\"界">`, fact(Shows{Pattern: `\$ |\[y/N\] <\\"界`}, 0)},
	{`<wait "<wait0s><enter">`, fact(Shows{Pattern: "<wait0s><enter"}, 0)},
	{"<wait still 500ms>", fact(Still{For: 500 * time.Millisecond}, 0)},
	{"<wait still 2 1m>", fact(Still{For: 2 * time.Second}, time.Minute)},
	{"<wait change>", fact(Changed{}, 0)},
	{"<wait change 10s>", fact(Changed{}, 10*time.Second)},
	{`<wait fetch "/preseed.cfg" 2m>`, fact(Fetched{Path: "/preseed.cfg"}, 2*time.Minute)},
	{`<wait fetch "/a\"\\b\c d">`, fact(Fetched{Path: `/a"\b\c d`}, 0)},
	// All that begins otherwise is typed, as in Packer.
	{`<wait"boot:">`, text(`<wait"boot:">`)},
	{`<wait  "boot:">`, text(`<wait  "boot:">`)},
	{`<wait 'boot:'>`, text(`<wait 'boot:'>`)},
	{`<Wait "boot:">`, text(`<Wait "boot:">`)},
	{"<wait\nstill 5s>", text("<wait\nstill 5s>")},
	{"<wait >", text("<wait >")},
	{"<wait Still 5s>", text("<wait Still 5s>")},
	{"<wait stillness>", text("<wait stillness>")},
	{"<wait still", text("<wait still")},
	{"<wait change\n>", text("<wait change\n>")},
	{"<wait still<enter>", seqs(text("<wait still"), press("enter"))},
	{`<lt>wait "x">`, Sequence{Press{Key: key("lt"), Count: 1}, Text{Text: `wait "x">`}}},
}

func TestParse(t *testing.T) {
	for _, tt := range parseTests {
		got, err := Parse(tt.in)
		if err != nil {
			t.Errorf("Parse(%q): %v", tt.in, err)
		}
		if d := cmp.Diff(tt.want, got, ignorePos, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("Parse(%q) (-want +got):\n%s", tt.in, d)
		}
		if again := got.String(); !sameSeq(again, got) {
			t.Errorf("Parse(%q).String() = %q, which parses to something else", tt.in, again)
		}
	}
}

func sameSeq(src string, want Sequence) bool {
	got, err := Parse(src)
	return err == nil && cmp.Equal(want, got, ignorePos, cmpopts.EquateEmpty())
}

func TestParseRefuses(t *testing.T) {
	tests := []struct {
		in    string
		at    Pos
		token string
		msg   string // a part of it
	}{
		{"<wait0s>", Pos{0, 1, 1}, "<wait0s>", "longer than 0"},
		{"<wait-1m>", Pos{0, 1, 1}, "<wait-1m>", "longer than 0"},
		{"<wait-1h2h>", Pos{0, 1, 1}, "<wait-1h2h>", "longer than 0"},
		{"<wait-0s>", Pos{0, 1, 1}, "<wait-0s>", "longer than 0"},
		{"ab<wait1m-30s>", Pos{2, 1, 3}, "<wait1m-30s>", "not a duration"},
		{"é\n界x<wait9223372037>", Pos{7, 2, 3}, "<wait9223372037>", "longer than 0"},
		{"<esc>\n\n<wait99999999999999999999>", Pos{7, 3, 1}, "<wait99999999999999999999>", "out of range"},
		{"<wait99999999999999999999s>", Pos{0, 1, 1}, "<wait99999999999999999999s>", "out of range"},
		{"<wait10000000h>", Pos{0, 1, 1}, "<wait10000000h>", "not a duration"},
		// Packer keeps these errors though the tokens come to nothing.
		{"<wait99999999999999999999", Pos{0, 1, 1}, "<wait99999999999999999999", "out of range"},
		{"<wait1s99999999999999999999>", Pos{0, 1, 1}, "<wait1s99999999999999999999>", "out of range"},
		{"<wait1m-30s x", Pos{0, 1, 1}, "<wait1m-30s x", "not a duration"},
		{"ab\xffc", Pos{2, 1, 3}, "\xff", "invalid UTF-8"},
		{"é\n\xc3", Pos{3, 2, 1}, "\xc3", "invalid UTF-8"},
		{"<\xffon>", Pos{1, 1, 2}, "\xff", "invalid UTF-8"},
		{"<bs*0>", Pos{0, 1, 1}, "<bs*0>", "1 to 10000"},
		{"a<bs*030>", Pos{1, 1, 2}, "<bs*030>", "1 to 10000"},
		{"<bs*10001>", Pos{0, 1, 1}, "<bs*10001>", "1 to 10000"},
		{"<bs*99999999999999999999999>", Pos{0, 1, 1}, "<bs*99999999999999999999999>", "1 to 10000"},
		// Waits for facts: the place is that of what is wrong in them.
		{`ab<wait "boot(">`, Pos{8, 1, 9}, `"boot("`, "not a regular expression: missing closing )"},
		{"é\n<esc><wait \"\\y\" 5s>", Pos{14, 2, 12}, `"\y"`, "invalid escape sequence"},
		{`<wait "">`, Pos{6, 1, 7}, `""`, "screen without any text"},
		{`<wait ".*" 5s>`, Pos{6, 1, 7}, `".*"`, "screen without any text"},
		{`<wait "boot:`, Pos{6, 1, 7}, `"boot:`, "has no end"},
		{`<wait "boot:\">`, Pos{6, 1, 7}, `"boot:\">`, "has no end"},
		{"<wait \"a\nb\">", Pos{6, 1, 7}, "\"a\nb\">", "has no end"},
		{`<wait "x"`, Pos{9, 1, 10}, "", "write \">\""},
		{`<wait "x"<enter>`, Pos{9, 1, 10}, "<", "write \">\""},
		{`<wait "x"y>`, Pos{9, 1, 10}, "y", "not known here"},
		{`<wait "x" soon>`, Pos{10, 1, 11}, "soon", "one region"},
		{`<wait "x" 5s 6s>`, Pos{13, 1, 14}, "6s", "one limit"},
		{`<wait "x" 5parsecs>`, Pos{10, 1, 11}, "5parsecs", "a limit such as"},
		{`<wait "x" 0>`, Pos{10, 1, 11}, "0", "longer than 0"},
		{`<wait "x" -5s>`, Pos{10, 1, 11}, "-5s", "longer than 0"},
		{`<wait "x" 99999999999999999999>`, Pos{10, 1, 11}, "99999999999999999999", "longer than 0"},
		{`<wait "x" in=1,2,3>`, Pos{10, 1, 11}, "in=1,2,3", "not a region"},
		{`<wait "x" in=0,0,-1,1>`, Pos{10, 1, 11}, "in=0,0,-1,1", "not a region"},
		{`<wait "x" row=bottom>`, Pos{10, 1, 11}, "row=bottom", "not a region"},
		{`<wait "x" row=1 row=2>`, Pos{16, 1, 17}, "row=2", "one region"},
		{"<wait still>", Pos{11, 1, 12}, "", "how long"},
		{"<wait still soon>", Pos{12, 1, 13}, "soon", "not a time"},
		{"<wait still 0s>", Pos{12, 1, 13}, "0s", "longer than 0"},
		{"<wait change the world>", Pos{13, 1, 14}, "the", "one limit"},
		{"<wait change row=1>", Pos{13, 1, 14}, "row=1", "one limit"},
		{"<wait fetch>", Pos{11, 1, 12}, "", "a path in quotes"},
		{"<wait fetch /x>", Pos{12, 1, 13}, "/x", "a path in quotes"},
		{`<wait fetch "x">`, Pos{12, 1, 13}, `"x"`, "begins with a slash"},
	}
	for _, tt := range tests {
		seq, err := Parse(tt.in)
		var e *SyntaxError
		if !errors.As(err, &e) {
			t.Errorf("Parse(%q) = %v, %v, want a SyntaxError", tt.in, seq, err)
			continue
		}
		if d := cmp.Diff(tt.at, e.Pos); d != "" || e.Token != tt.token || !strings.Contains(e.Msg, tt.msg) || seq != nil {
			t.Errorf("Parse(%q): %v; token %q; sequence %v; position (-want +got):\n%s", tt.in, e, e.Token, seq, d)
		}
		if !strings.HasPrefix(e.Error(), "keyseq: parse "+tt.at.String()+" ") {
			t.Errorf("Parse(%q): the error does not say where: %v", tt.in, e)
		}
	}
}

func TestParseTellsAllErrors(t *testing.T) {
	_, err := Parse("<wait0s>\xff<bs*0>")
	want := `keyseq: parse 1:1 "<wait0s>": a wait is longer than 0 and at most 292 years; write <wait5> or <wait500ms>
keyseq: parse 1:9 "\xff": invalid UTF-8; save the boot command as UTF-8
keyseq: parse 1:10 "<bs*0>": a count is 1 to 10000, without leading zeros`
	if err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
	_, err = Parse("<wait0s>" + strings.Repeat("\xff", maxErrors) + "<bs*0>")
	if !strings.HasPrefix(err.Error(), `keyseq: parse 1:1 "<wait0s>"`) || strings.Contains(err.Error(), "<bs*0>") {
		t.Errorf("not the first errors:\n%v", err)
	}
	_, err = Parse(strings.Repeat("\xff<wait0s>", 1000))
	if n := strings.Count(err.Error(), "\n") + 1; n != maxErrors {
		t.Errorf("%d errors, want %d", n, maxErrors)
	}
}

func TestParsePositions(t *testing.T) {
	seq, err := Parse("aé\n<enter>界<bs*2><wait>\n\n<xOn>z")
	if err != nil {
		t.Fatal(err)
	}
	var got []Pos
	for _, st := range seq {
		got = append(got, st.Pos())
	}
	want := []Pos{{0, 1, 1}, {4, 2, 1}, {11, 2, 8}, {14, 2, 9}, {20, 2, 15}, {26, 2, 21}, {28, 4, 1}, {33, 4, 6}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("positions (-want +got):\n%s", d)
	}
}

// corpus returns real boot commands with the events that Packer makes of them.
func corpus(t testing.TB) []corpusLine {
	const path = "../../shared/corpus/boot_commands.jsonl"
	f, err := os.Open(path)
	if err != nil {
		t.Skip("needs the corpus of boot commands, which is not part of the module: " + err.Error())
	}
	defer f.Close()
	var lines []corpusLine
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		var l corpusLine
		if err := json.Unmarshal(sc.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	if sc.Err() != nil || len(lines) == 0 {
		t.Fatalf("reading %s: %d lines, %v", path, len(lines), sc.Err())
	}
	return lines
}

type corpusLine struct{ ID, In, Events string }

func TestCorpus(t *testing.T) {
	for _, l := range corpus(t) {
		seq, err := Parse(l.In)
		if err != nil {
			t.Errorf("%s: %v", l.ID, err)
			continue
		}
		if d := cmp.Diff(l.Events, eventString(seq, nil)); d != "" {
			t.Errorf("%s: events (-want +got):\n%s", l.ID, d)
		}
		if !sameSeq(seq.String(), seq) {
			t.Errorf("%s: printed, it parses to something else: %s", l.ID, seq)
		}
	}
}

func eventString(seq Sequence, l *Layout) string {
	var events []string
	for e := range seq.Events(l) {
		events = append(events, e.String())
	}
	return strings.Join(events, " ")
}

func TestStringOfSequencesMadeByHand(t *testing.T) {
	tests := []struct {
		seq  Sequence
		want string
	}{
		{text("a < b <c>"), "a < b <c>"},
		{text("<esc>"), "<lt>esc>"},
		{seqs(text("<"), text("esc>")), "<lt>esc>"},
		{seqs(text("<"), press("esc")), "<<esc>"},
		{text("<<on>"), "<lt><on>"},
		{text("<wait0s>"), "<lt>wait0s>"},
		{Sequence{Press{Key: char('x'), Count: 3}, Press{Key: char('<')}, Text{Text: "bs*3>"}}, "xxx<lt>bs*3>"},
		{Sequence{Press{Key: key("bs")}}, "<bs>"},
		{Sequence{Press{Key: key("bs"), Count: 20001}}, "<bs*10000><bs*10000><bs>"},
		{Sequence{Hold{Key: char('<')}, Release{Key: char('<')}}, "<<On><<Off>"},
		{wait(1500 * time.Microsecond), "<wait1.5ms>"},
		{wait(1<<63 - 1), "<wait2562047h47m16.854775807s>"},
		{text(`<wait "x">`), `<lt>wait "x">`},
		{text(`<wait "x`), `<lt>wait "x`},
		{seqs(text("<wait "), fact(Shows{Pattern: `a"b\"c\\`, In: Region{Row: -1, Height: 1}}, time.Minute)), `<wait <wait "a\"b\"c\\" row=-1 1m0s>`},
		{seqs(fact(Shows{Pattern: "x", In: Region{Column: 1}}, 0), fact(Still{For: time.Second}, 2)), `<wait "x" in=1,0,0,0><wait still 1s 2ns>`},
		{seqs(fact(Changed{}, 0), fact(Fetched{Path: `/a"\b`}, 0)), `<wait change><wait fetch "/a\"\\b">`},
	}
	for _, tt := range tests {
		got := tt.seq.String()
		if got != tt.want {
			t.Errorf("%#v prints as %q, want %q", tt.seq, got, tt.want)
		}
		again, err := Parse(got)
		if err != nil || eventString(again, nil) != eventString(tt.seq, nil) {
			t.Errorf("%q has other events than what it was printed from (%v)", got, err)
		}
	}
}

func TestQuote(t *testing.T) {
	for _, s := range []string{"", "plain", "<", "<<<esc>>", "<bs*0>", "a<wait>b<wait", "<<on><enter", "<İnsert>", "<wait99999999999999999999", `<wait "x"><wait change><wait "`} {
		seq, err := Parse(Quote(s))
		if err != nil || eventString(seq, nil) != eventString(text(s), nil) {
			t.Errorf("Quote(%q) = %q, which types %s (%v)", s, Quote(s), eventString(seq, nil), err)
		}
	}
}

// The package documentation lists exactly the keys that there are.
func TestDocListsAllKeys(t *testing.T) {
	src, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, doc, _ := strings.Cut(string(src), "// # Keys\n")
	doc, _, _ = strings.Cut(doc, "\n// # ")
	doc = strings.ReplaceAll(doc, "such as <lt>esc>", "")
	var got, want []string
	for _, m := range regexp.MustCompile(`<(\w+)>`).FindAllStringSubmatch(doc, -1) {
		got = append(got, m[1])
	}
	for _, k := range namedKeys {
		want = append(want, k.name)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("keys in doc.go (-table +doc):\n%s", d)
	}
	_, packers, _ := strings.Cut(doc, "not in Packer's language")
	for _, k := range namedKeys {
		if listed := strings.Contains(packers, "<"+k.name+">"); listed != k.own {
			t.Errorf("doc.go says of <%s> that it is new: %v, the table: %v", k.name, listed, k.own)
		}
		if n := len(k.name+"off*10000") + 2; n*4 > maxToken*4 || lookup(strings.ToUpper(k.name)) == nil {
			t.Errorf("<%s> cannot be found", k.name)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, tt := range parseTests {
		f.Add(tt.in)
	}
	for _, s := range []string{"\xff", "<wait-1m>", "<wait1m-30s>", "<wait99999999999999999999", "<bs*0>", "<lt>wait0s>", "<<lt>on>", `<wait "(">`, `<wait "x`, "<wait still 0>", "<wait fetch>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		Lint(s, nil)
		seq, err := Parse(s)
		if err != nil {
			var e *SyntaxError
			if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(s) || !strings.HasPrefix(s[e.Offset:], e.Token) {
				t.Fatalf("Parse(%q): %v", s, err)
			}
			return
		}
		if out := seq.String(); !sameSeq(out, seq) {
			t.Fatalf("Parse(%q) prints as %q, which parses to something else", s, out)
		}
		end := Pos{Line: 1, Column: 1}.after(s)
		for i, st := range seq {
			if p := st.Pos(); p != (Pos{Line: 1, Column: 1}).after(s[:p.Offset]) || p.Offset >= end.Offset || i == 0 && p.Offset != 0 {
				t.Fatalf("Parse(%q): step %d at %+v", s, i, p)
			}
		}
		if len(seq) < 100 && seq.Keys() < 1000 {
			quoted, err := Parse(Quote(s))
			if err != nil || eventString(quoted, nil) != eventString(text(s), nil) && s != "" {
				t.Fatalf("Quote(%q) = %q does not type it (%v)", s, Quote(s), err)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	var all strings.Builder
	for _, l := range corpus(b) {
		all.WriteString(l.In)
	}
	for name, src := range map[string]string{
		"corpus": all.String(),
		"text":   strings.Repeat("auto url=http://10.0.2.2:8000/preseed.cfg console=ttyS0 <- ", 1<<20/59),
		"tokens": strings.Repeat("<bs>", 1<<18),
		"waits":  strings.Repeat("<wait1m30s>", 1<<20/11),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
