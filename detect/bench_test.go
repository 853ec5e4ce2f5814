package detect

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
)

// console returns a megabyte of what good guests say.
func console(tb testing.TB) []byte {
	tb.Helper()
	log, err := os.ReadFile("testdata/good.log")
	if err != nil {
		tb.Fatal(err)
	}
	return bytes.Repeat(log, 1<<20/len(log)+1)
}

func BenchmarkFeed(b *testing.B) {
	text := console(b)
	d := newDetector(b, Default())
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		for rest := text; len(rest) > 0; {
			n := min(len(rest), 4096)
			d.Feed(at(0), Serial, rest[:n])
			rest = rest[n:]
		}
	}
}

// BenchmarkFeedHard feeds lines that the filter does not hold back.
func BenchmarkFeedHard(b *testing.B) {
	var text []byte
	for i := range 10000 {
		text = fmt.Appendf(text, "[%5d] \x1b[32mnearly\x1b[0m a Kernel panic - not syncing: and error: out of memory, dracut: FATAL: %s\n", i, strings.Repeat("x", 20))
	}
	d := newDetector(b, Default())
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		d.Feed(at(0), Serial, text)
	}
}

func BenchmarkScreen(b *testing.B) {
	d := newDetector(b, Default())
	lines := make([]string, 25)
	for i := range lines {
		lines[i] = strings.Repeat("abcdefghi ", 7) + fmt.Sprint(i)
	}
	for b.Loop() {
		lines[24] += "x"
		if len(lines[24]) > 80 {
			lines[24] = "y"
		}
		d.Screen(at(0), lines)
	}
}

func BenchmarkNew(b *testing.B) {
	set := Default()
	for b.Loop() {
		d := newDetector(b, set)
		d.Feed(at(0), Serial, []byte("x\n"))
	}
}
