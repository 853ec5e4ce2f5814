package qemu

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/internal/need"
)

func TestDisplayNames(t *testing.T) {
	for help, want := range map[string][]string{
		"Available display backend types:\nnone\ngtk\nsdl\n\nSome display backends support suboptions, which can be set with\n   -display backend,option=value\n": {"none", "gtk", "sdl"},
		"Available display backend types:\nnone\n": {"none"},
		"": {},
	} {
		if diff := cmp.Diff(want, displayNames(help)); diff != "" {
			t.Errorf("%q: %s", help, diff)
		}
	}
}

// A display that QEMU does not have is found before anything starts.
func TestCheckWindow(t *testing.T) {
	h := &Host{Binary: need.Tool(t, defaultBinary)}
	for display, want := range map[string]string{
		"":              "",
		"none":          "",
		"cathode,gl=on": `qemu: Display: this QEMU has no display "cathode", only `,
	} {
		var f findings
		(&Config{Display: display}).checkWindow(soon(t), &f, h)
		if err := errors.Join(f...); (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %q", display, err, want)
		}
	}
}
