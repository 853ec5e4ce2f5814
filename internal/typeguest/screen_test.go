package typeguest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTerminal(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"text", "Shell> ls", "Shell> ls"},
		{"colours", "\x1b[0m\x1b[37m\x1b[40mab", "ab"},
		{"clear and home", "xyz\x1b[2J\x1b[01;01Hab", "ab"},
		{"position", "\x1b[02;03Hab", "\n  ab"},
		{"back space", "abc\b\bX", "aXc"},
		{"wrap", "0123456789ab", "0123456789\nab"},
		{"wrap only when more comes", "0123456789\r\nab", "0123456789\nab"},
		{"scroll", "1\r\n2\r\n3\r\n4\r\n5", "2\n3\n4\n5"},
		{"to the end of the row", "abcdef\x1b[1;3H\x1b[K", "ab"},
		{"out of bounds", "\x1b[99;99Hx\x1b[99A\x1b[99Dy\x1b[0;0Hz", "z" + strings.Repeat("\n", 3) + strings.Repeat(" ", 9) + "x"},
	} {
		term := NewTerminal(10, 4)
		for i := range tt.in {
			term.Write([]byte(tt.in[i : i+1]))
		}
		if diff := cmp.Diff(tt.want, term.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestLine(t *testing.T) {
	var memory []byte
	for _, row := range []string{"boot: old ", "boot: abc ", "de f      "} {
		for _, c := range []byte(row) {
			memory = append(memory, c, 7)
		}
	}
	s := TextScreen(memory, 10)
	s.Row, s.Col = 2, 5
	for _, tt := range []struct {
		prompt  string
		newline int
		want    string
		ok      bool
	}{
		{"boot: ", 0, "abc de f ", true},
		{"boot: ", 3, "abcde ", true},
		{"boot: ", 4, "abc ", true},
		{"grub> ", 0, "", false},
	} {
		got, ok := s.Line(tt.prompt, tt.newline)
		if got != tt.want || ok != tt.ok {
			t.Errorf("Line(%q, %d) = %q, %v; want %q, %v", tt.prompt, tt.newline, got, ok, tt.want, tt.ok)
		}
	}
}
