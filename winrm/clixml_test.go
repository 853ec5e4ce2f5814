package winrm

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// What PowerShell writes is text again, however it was cut.
func TestCLIXML(t *testing.T) {
	const head = "#< CLIXML\r\n<Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/powershell/2004/04\">"
	for name, tt := range map[string]struct{ in, want string }{
		"nothing":       {"", ""},
		"plain":         {"a # b #< c\n", "a # b #< c\n"},
		"an error":      {head + `<S S="Error">it &lt;is&gt; _x005F_x0041_ wrong_x000D__x000A_</S><S S="Error">At line:1_x000D__x000A_</S></Objs>`, "it <is> _x0041_ wrong\nAt line:1\n"},
		"a pair":        {head + `<S S="Warning">_xD83D__xDE00_</S></Objs>`, "\U0001F600"},
		"progress":      {head + `<Obj S="progress" RefId="0"><TN RefId="0"><T>System.Object</T></TN><MS><PR N="Record"><AV>Preparing</AV><Nil /></PR></MS></Obj></Objs>`, ""},
		"a program":     {"before\n" + head + `<S S="Error">one_x000A_</S>program says` + "\n" + `<S S="Error">two_x000A_</S></Objs>after`, "before\none\nprogram says\ntwo\nafter"},
		"cut off":       {head + `<S S="Error">one_x000A_</S><S S="Err`, "one\n"},
		"cut in a text": {head + `<S S="Error">one`, "one"},
		"a mark alone":  {"#< CLIXML", "#< CLIXML"},
	} {
		for size := 1; size <= len(tt.in)+1; size++ {
			var out bytes.Buffer
			c := &clixml{to: &out}
			for rest := tt.in; rest != ""; {
				n := min(size, len(rest))
				if _, err := c.Write([]byte(rest[:n])); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			if err := c.flush(); err != nil || out.String() != tt.want {
				t.Errorf("%s, in pieces of %d: %q, want %q: %v", name, size, out.String(), tt.want, err)
				break
			}
		}
	}
}

// A message without end is passed on before it uses up the memory.
func TestCLIXMLEndless(t *testing.T) {
	var out bytes.Buffer
	c := &clixml{to: &out}
	for _, piece := range append([]string{"#< CLIXML\r\n<Objs><S S=\"Error\">"}, slices.Repeat([]string{strings.Repeat("x", 64<<10)}, 40)...) {
		if _, err := c.Write([]byte(piece)); err != nil {
			t.Fatal(err)
		}
	}
	if out.Len() < 1<<20 || len(c.rest) > 2<<20 {
		t.Errorf("%d bytes are passed on, and %d are kept", out.Len(), len(c.rest))
	}
}

// What a hostile guest writes is no panic, and grows nowhere.
func FuzzCLIXML(f *testing.F) {
	f.Add("#< CLIXML\r\n<Objs><S S=\"Error\">_x000D_</S></></Objs></a>")
	f.Fuzz(func(t *testing.T, in string) {
		var out strings.Builder
		c := &clixml{to: &out}
		if _, err := c.Write([]byte(in)); err != nil {
			t.Fatal(err)
		}
		if err := c.flush(); err != nil {
			t.Fatal(err)
		}
		if c.depth < 0 || out.Len() > 4*len(in) {
			t.Errorf("depth %d, %d bytes of %d", c.depth, out.Len(), len(in))
		}
	})
}
