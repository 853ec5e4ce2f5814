// Package need skips a test for want of an outside program, with the reason,
// and fails it instead where nothing may be wanting: in CI.
package need

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Tool returns the path of the first of the named programs that is found in
// PATH. Where none is, the test is skipped, or fails if the environment
// variable CI is set, since CI installs every tool that a test needs. With
// -short a test that asks for QEMU is skipped everywhere: it would start a
// machine.
func Tool(t testing.TB, names ...string) string {
	t.Helper()
	if testing.Short() && strings.HasPrefix(names[0], "qemu-system-") {
		t.Skip("starts a machine; run without -short")
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	Skip(t, "needs "+names[0]+" in PATH; `make deps` installs it")
	return ""
}

// File returns path if it exists, and otherwise skips or fails like [Tool].
func File(t testing.TB, path, remedy string) string {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		Skip(t, "needs "+path+"; "+remedy)
	}
	return path
}

// Skip skips the test with a reason, or fails it in CI.
func Skip(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal("in CI nothing may be missing: " + reason)
	}
	t.Skip(reason)
}
