package imagebuild

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLines(t *testing.T) {
	long := strings.Repeat("x", longestLine)
	for _, tt := range []struct {
		name, in string
		want     []string
	}{
		{"lines", "a\nb\r\n\nc", []string{"a", "b", "", "c"}},
		{"progress", " 1%\r 50%\r100%\r\n", []string{"100%"}},
		{"colours", "\x1b[1;31mred\x1b[0m \x1b[?25lx\x1b(Bok\n", []string{"red xok"}},
		{"title", "\x1b]0;rm -rf\x07a\x1b]0;t\x1b\\b\x1bPq\x1b\\c\n", []string{"abc"}},
		{"cut escapes", "a\x1b\nb\x1b[12\nc\x1b]0;t\n", []string{"a", "b", "c"}},
		{"control characters", "a\x00\x07\b\x7f\u009bb\tc\n", []string{"ab\tc"}},
		{"not UTF-8", "a\xffb\n", []string{"a\uFFFDb"}},
		{"long", long + long + "y\nz\n", []string{long, long, "y", "z"}},
	} {
		for _, size := range []int{1, 3, 1 << 20} {
			var got []string
			w := &lineWriter{line: func(s string) { got = append(got, s) }}
			for rest := tt.in; rest != ""; {
				n := min(size, len(rest))
				if m, err := w.Write([]byte(rest[:n])); m != n || err != nil {
					t.Fatal(m, err)
				}
				rest = rest[n:]
			}
			w.Flush()
			w.Flush()
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s, %d bytes at a time:\n%s", tt.name, size, diff)
			}
		}
	}
}
