package typeguest

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCompare(t *testing.T) {
	for _, tt := range []struct {
		typed, arrived string
		want           Difference
	}{
		{"", "", Difference{}},
		{"linux quiet", "linux quiet", Difference{}},
		{"abc", "", Difference{Lost: 3}},
		{"", "abc", Difference{Wrong: 3}},
		{"", "aa", Difference{Doubled: 2}},
		{"abc", "ac", Difference{Lost: 1}},
		{"abc", "abbc", Difference{Doubled: 1}},
		{"ab", "aab", Difference{Doubled: 1}},
		{"abc", "abcc", Difference{Doubled: 1}},
		{"abc", "abxc", Difference{Wrong: 1}},
		{"aBc", "abc", Difference{Wrong: 1}},
		{"abcdef", "bcddef", Difference{Lost: 1, Doubled: 1}},
	} {
		if diff := cmp.Diff(tt.want, Compare(tt.typed, tt.arrived)); diff != "" {
			t.Errorf("Compare(%q, %q) (-want +got):\n%s", tt.typed, tt.arrived, diff)
		}
	}
}

// What was taken out of a long text is found, wherever it was.
func TestCompareLong(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	typed := make([]byte, 3000)
	for i := range typed {
		typed[i] = byte(' ' + random.IntN(95))
	}
	for _, n := range []int{1, 30, 1000, 2990} {
		arrived := append([]byte(nil), typed...)
		for range n {
			at := random.IntN(len(arrived))
			arrived = append(arrived[:at], arrived[at+1:]...)
		}
		if got := Compare(string(typed), string(arrived)); got != (Difference{Lost: n}) {
			t.Errorf("%d characters removed, found %+v", n, got)
		}
	}
}

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
