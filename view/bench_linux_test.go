package view

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/detect"
	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/qemu"
)

// What a build that is watched may cost, in this process.
const maxMemory = 64 << 20 // bytes

// envWatch makes this test program a builder in the directory that it names.
const envWatch = "BOOTSCRIBE_WATCH_DIR"

// cost is what the builder reports.
type cost struct {
	Peak   int64 // bytes of memory, at most, when the build had ended
	Report int64 // and when the report was written
}

func TestMain(m *testing.M) {
	dir := os.Getenv(envWatch)
	if dir == "" {
		os.Exit(m.Run())
	}
	c, err := watchedBuild(context.Background(), dir)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(c)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// BenchmarkWatch runs a build in a process of its own, with a guest whose screen
// is 1280 by 800: it waits for the shell of a UEFI firmware, types at it, is
// recorded and shown, fails, and gets a report.
func BenchmarkWatch(b *testing.B) {
	need.Tool(b, "qemu-system-x86_64")
	need.Tool(b, "qemu-img")
	for b.Loop() {
		dir := b.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "medium.iso"), make([]byte, 1<<20), 0o600); err != nil {
			b.Fatal(err)
		}
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), envWatch+"="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			b.Fatal(err)
		}
		var c cost
		if err := json.Unmarshal(out, &c); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(c.Peak)/(1<<20), "MiB-build")
		b.ReportMetric(float64(c.Report)/(1<<20), "MiB-report")
		if c.Report > maxMemory {
			b.Errorf("at most %.1f MiB of memory; the limit is %d MiB", float64(c.Report)/(1<<20), maxMemory>>20)
		}
	}
}

func watchedBuild(ctx context.Context, dir string) (*cost, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	trace := filepath.Join(dir, "trace")
	rec, err := Record(&RecordConfig{Dir: trace})
	if err != nil {
		return nil, err
	}
	live := NewLive(nil)
	defer live.Close()
	failed := shellBuild(dir).run(ctx, func(e imagebuild.Event) { rec.Observe(e); live.Observe(e) })
	live.Finish(failed)
	if !errors.Is(failed, errGivenUp) {
		return nil, errors.Join(failed, rec.Finish(failed))
	}
	if err := rec.Finish(failed); err != nil {
		return nil, err
	}
	var c cost
	if c.Peak, err = peak(); err != nil {
		return nil, err
	}
	f, err := os.Create(filepath.Join(dir, "report.html"))
	if err != nil {
		return nil, err
	}
	if err := errors.Join(Report(f, trace), f.Close()); err != nil {
		return nil, err
	}
	c.Report, err = peak()
	return &c, err
}

type watchable struct{ imagebuild.Build }

func (w watchable) run(ctx context.Context, observe func(imagebuild.Event)) error {
	w.Observe = observe
	_, err := w.Run(ctx)
	return err
}

// shellBuild types at the shell of a firmware that finds nothing to boot.
func shellBuild(dir string) watchable {
	rules := detect.Default()
	rules.Rule("uefi-shell").Off = true
	steps := []imagebuild.Step{imagebuild.WaitText("Shell>")}
	for _, command := range []string{"map", "ver", "help", "memmap", "pci", "dh", "help mv", "cls"} {
		steps = append(steps, imagebuild.Type(command+"<enter>"), still())
	}
	return watchable{imagebuild.Build{
		Output:  filepath.Join(dir, "out.qcow2"),
		Media:   iso.Source{URLs: []string{filepath.Join(dir, "medium.iso")}, Checksum: "none"},
		Disk:    imagebuild.Disk{Size: 1 << 20},
		VM:      qemu.Config{Accel: qemu.TCG, Memory: 256, Firmware: qemu.Firmware{Type: qemu.UEFI}},
		Steps:   append(steps, giveUp()),
		Detect:  rules,
		Fetcher: iso.Fetcher{Dir: filepath.Join(dir, "cache")},
	}}
}

func still() imagebuild.Step {
	return imagebuild.Step{Name: "wait until it is still", Do: func(ctx context.Context, g *imagebuild.Guest) error {
		return g.WaitStill(ctx, time.Second)
	}}
}

// peak is the most memory that this process has had, in bytes.
func peak() (most int64, err error) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			_, err := fmt.Sscan(rest, &most)
			return most << 10, err
		}
	}
	return 0, errors.New("/proc/self/status has no VmHWM")
}
