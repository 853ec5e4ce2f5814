package template_test

import (
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/internal/typeguest"
	"github.com/bootscribe/bootscribe/template"
)

// TestLinux boots a kernel without a medium, and types on its serial port.
func TestLinux(t *testing.T) {
	t.Parallel()
	kernel, initrd, err := typeguest.Linux(t.Context(), t.TempDir())
	if missing := new(typeguest.MissingError); errors.As(err, &missing) {
		t.Skip(err) // other systems have no such package
	} else if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var lines []string
	c := &template.Config{Observe: func(_ string, e imagebuild.Event) {
		mu.Lock()
		defer mu.Unlock()
		if l, ok := e.(imagebuild.ConsoleLine); ok {
			lines = append(lines, l.Line)
		}
	}}
	_, artifacts, err := run(t, map[string]any{
		"kernel": kernel, "initrd": initrd, "kernel_args": typeguest.LinuxShell + " word={{.Name}}", "memory": 256,
		"communicator": "none", "output_directory": filepath.Join(t.TempDir(), "out"), "vm_name": "disk",
		"boot_serial": []string{
			`<wait "typeguest# ">grep -o 'word=.*' /proc/cmdline<enter>`,
			"poweroff -f<enter>",
		},
	}, nil, c)
	if err != nil {
		t.Fatal(err)
	}
	said := strings.Join(lines, "\n") + "\n"
	if !strings.Contains(said, "\nword=disk\n") {
		t.Errorf("the kernel's command line is not in what the guest said:\n%s", said)
	}
	if len(artifacts) != 1 || artifacts[0].Image.Medium != "" {
		t.Errorf("%+v", artifacts)
	}
}
