package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRun(t *testing.T) {
	tests := []struct {
		name   string
		args   string
		stdin  string
		out    string
		err    string // a part of it
		status int
	}{
		{name: "json", args: "-json",
			stdin: `"<esc><wait>Ab"` + "\n\n" + `""` + "\n" + `"<wait0s>"` + "\n" + `"&é\n<bs*2>"`,
			out: `{"in":"<esc><wait>Ab","events":"+FF1B -FF1B w1s +FFE1 +41 -41 -FFE1 +62 -62"}
{"in":"","events":""}
{"in":"<wait0s>","error":"keyseq: parse 1:1 \"<wait0s>\": a wait is longer than 0 and at most 292 years; write <wait5> or <wait500ms>"}
{"in":"&é\n<bs*2>","events":"+FFE1 +26 -26 -FFE1 +E9 -E9 +A -A +FF08 -FF08 +FF08 -FF08"}
`},
		{name: "json goes on after a bad line", args: "-json", status: 1, stdin: "{\n\"a\"\nnull\n",
			out: `{"in":"{","error":"keys: line 1: not a JSON string: unexpected end of JSON input"}
{"in":"a","events":"+61 -61"}
{"in":"null","error":"keys: line 3: not a JSON string: null"}
`},
		{name: "json with bytes that are not UTF-8", args: "-json", stdin: "\"a\xff\"\n",
			out: "{\"in\":\"a\ufffd\",\"error\":\"keys: the boot command is not UTF-8\"}\n"},
		{name: "json on another layout", args: "-json -layout DE", stdin: `"@"`, out: `{"in":"@","events":"+FE03 +71 -71 -FE03"}` + "\n"},
		{name: "json findings", args: "-json -lint", stdin: "\"a\"\n\"a<space>\"\n", status: 1,
			out: `{"in":"a","findings":[]}
{"in":"a<space>","findings":[{"offset":1,"line":1,"column":2,"code":"unknown-token","severity":"warning","msg":"<space> is no token; it is typed as text","suggestion":"<spacebar>"}]}
`},
		{name: "no json findings", args: "-json -lint", stdin: `"a"`, out: `{"in":"a","findings":[]}` + "\n"},
		{name: "findings", args: "-lint <wait 5>", out: "1:1: warning: <wait 5> is no wait; it is typed as text (bad-wait); write <wait5>\n", status: 1},
		{name: "no findings", args: "-lint <wait5>"},
		{name: "table", args: "-layout de <esc><wait>A<bs*3>", out: `AT     PLACE  WHAT              EVENTS
0s     1:1    press esc         +FF1B -FF1B
200ms  1:6    wait 1s           w1s
1.2s   1:12   type "A"          +FFE1 +41 -41 -FFE1
1.6s   1:13   press bs 3 times  +FF08 -FF08 +FF08 -FF08 +FF08 -FF08

German: 5 keys, 2.2s with 100ms after each key event, of which 1s is waiting
`},
		{name: "json with waits for facts", args: "-json",
			stdin: `"<esc><wait \"boot:\" row=-1 5s>a<wait still 500ms>"` + "\n" + `"<wait change><wait fetch \"/x\" 2m><wait \"a b\">"` + "\n" + `"a<wait \"(\">"`,
			out: `{"in":"<esc><wait \"boot:\" row=-1 5s>a<wait still 500ms>","events":"+FF1B -FF1B w\"boot:\" +61 -61 wstill500ms"}
{"in":"<wait change><wait fetch \"/x\" 2m><wait \"a b\">","events":"wchange wfetch\"/x\" w\"a b\""}
{"in":"a<wait \"(\">","error":"keyseq: parse 1:8 \"\\\"(\\\"\": not a regular expression: missing closing ): ` + "`(`" + `"}
`},
		{name: "table with waits for facts", args: `<esc><wait "boot:" row=-1 5s>a<wait still 1s>b`, out: `AT      PLACE  WHAT                                 EVENTS
0s      1:1    press esc                            +FF1B -FF1B
200ms   1:6    wait for "boot:" row=-1, at most 5s  w"boot:"
200ms+  1:30   type "a"                             +61 -61
400ms+  1:31   wait until still for 1s              wstill1s
1.4s+   1:46   type "b"                             +62 -62

English (US): 3 keys, 1.6s+ with 100ms after each key event, of which 1s+ is waiting
`},
		{name: "table of what cannot be parsed", args: "<bs*0>", err: "1 to 10000", status: 1},
		{name: "unknown layout", args: "-layout xx a", err: `layout "xx": unknown`, status: 2},
		{name: "no boot command", err: "give a boot command", status: 2},
		{name: "json and a boot command", args: "-json a", err: "give a boot command", status: 2},
		{name: "unknown option", args: "-nosuch", err: "not defined", status: 2},
		{name: "help", args: "-h", err: "usage: keys"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := strings.Fields(tt.args)
			if i := strings.Index(tt.args, "<"); i >= 0 { // one argument, spaces and all
				args = append(strings.Fields(tt.args[:i]), tt.args[i:])
			}
			var out, errs bytes.Buffer
			status := run(args, strings.NewReader(tt.stdin), &out, &errs)
			if d := cmp.Diff(tt.out, out.String()); d != "" || status != tt.status || !strings.Contains(errs.String(), tt.err) {
				t.Errorf("status %d, want %d; standard error: %s; output (-want +got):\n%s", status, tt.status, &errs, d)
			}
		})
	}
}

func TestLongLines(t *testing.T) {
	in := "<wait" + strings.Repeat("1ns", 1<<19) + ">x"
	var out, errs bytes.Buffer
	if status := run([]string{"-json"}, strings.NewReader(`"`+in+`"`), &out, &errs); status != 0 {
		t.Fatalf("status %d: %s", status, &errs)
	}
	var got struct{ In, Events string }
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got.In != in || got.Events != "w524.288µs +78 -78" {
		t.Errorf("%d bytes of %d came back, with events %q (%v)", len(got.In), len(in), got.Events, err)
	}
}
