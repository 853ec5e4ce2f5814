package ssh_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/ssh"
)

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestQuote(t *testing.T) {
	for want, args := range map[string][]string{
		"":                     nil,
		"''":                   {""},
		"'a' 'b c'":            {"a", "b c"},
		`'it'\''s'`:            {"it's"},
		"'$HOME' '*' '\n' '~'": {"$HOME", "*", "\n", "~"},
	} {
		if got := ssh.Quote(args...); got != want {
			t.Errorf("Quote(%q) = %s, want %s", args, got, want)
		}
	}
}

// FuzzQuote has a real shell read what was quoted.
func FuzzQuote(f *testing.F) {
	for _, s := range append(odd, "", "'", "''", "\\'", "if", "a=b", "~", "!!", "\xff\xfe", "`id`") {
		f.Add(s, "next")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if strings.Contains(a+b, "\x00") {
			t.Skip("no NUL in arguments")
		}
		sh := need.Tool(t, "sh")
		out, err := exec.Command(sh, "-c", `printf '%s\0' `+ssh.Quote(a, b)).Output()
		if want := a + "\x00" + b + "\x00"; err != nil || string(out) != want {
			t.Errorf("the shell read %q, %v, want %q", out, err, want)
		}
	})
}
