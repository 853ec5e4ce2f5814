package template_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/template"
)

// screenServer starts an X server without a screen, and returns its display.
func screenServer(t *testing.T) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command(need.Tool(t, "Xvfb"), "-displayfd", "3", "-nolisten", "tcp", "-screen", "0", "1024x768x24")
	cmd.ExtraFiles = []*os.File{w}
	err = cmd.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal("the X server does not start: ", err)
	}
	return ":" + strings.TrimSpace(line)
}

// TestWindow opens a window of QEMU's where there is a display.
func TestWindow(t *testing.T) {
	emulator, list := need.Tool(t, "qemu-system-x86_64"), need.Tool(t, "xwininfo")
	if out, _ := exec.Command(emulator, "-display", "help").Output(); !regexp.MustCompile("(?m)^gtk$").Match(out) {
		need.Skip(t, "needs a QEMU with windows; `make deps` installs it")
	}
	display := screenServer(t)
	t.Setenv("DISPLAY", display)
	for _, headless := range []bool{false, true} {
		c := template.Config{Env: func(name string) (string, bool) { return display, name == "DISPLAY" }}
		look(t, &c, func(ctx context.Context, g *imagebuild.Guest) error {
			for {
				out, err := exec.CommandContext(ctx, list, "-root", "-tree").CombinedOutput()
				if err != nil {
					return err
				}
				open := strings.Contains(string(out), "QEMU (disk)")
				if headless && open {
					t.Errorf("there is a window: %s", out)
				}
				if headless || open {
					return g.VM.Powerdown(ctx)
				}
				if err := sleep(ctx, 100*time.Millisecond); err != nil {
					t.Errorf("there is no window: %s", out)
					return err
				}
			}
		})
		b, _, err := run(t, map[string]any{
			"iso_url": guest.CD(t, guest.Button), "communicator": "none", "output_directory": filepath.Join(t.TempDir(), "out"), "vm_name": "disk", "headless": headless,
		}, map[string]any{"provisioners": []any{map[string]any{"type": "look"}}}, &c)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range b.Warnings {
			if strings.Contains(w.Option, "headless") {
				t.Errorf("headless %v: %v", headless, w)
			}
		}
	}
}

// sleep waits for a time or the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
