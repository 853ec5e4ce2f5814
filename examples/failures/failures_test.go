package main

import (
	"strings"
	"testing"

	"github.com/bootscribe/bootscribe/internal/need"
)

// The quick failures have their names. All of them, with their times, is what
// the program is for.
func TestNamed(t *testing.T) {
	need.Tool(t, "qemu-system-x86_64")
	need.Tool(t, "qemu-img")
	for _, name := range []string{"no-medium", "wrong-root"} {
		t.Run(name, func(t *testing.T) {
			chosen, err := choose(name)
			if err != nil {
				t.Fatal(err)
			}
			r := chosen[0].run(t.Context(), &environment{cache: "../../.cache/typing"})
			t.Logf("%s after %.1f s", r.Got, r.Seconds)
			if r.Skipped != "" {
				need.Skip(t, r.Skipped)
			}
			if r.Got != r.Want || r.Seconds < 0 {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestChoose(t *testing.T) {
	if _, err := choose("no-medium,no-such"); err == nil {
		t.Error("no error")
	}
	if err := run(t.Context(), []string{"no-medium"}); err == nil || !strings.Contains(err.Error(), "-only") {
		t.Errorf("an argument: %v", err)
	}
	if chosen, err := choose(""); err != nil || len(chosen) != 10 {
		t.Errorf("%d, %v; want ten", len(chosen), err)
	}
}
