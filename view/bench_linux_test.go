package view

import (
	"bytes"
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

// What watching may cost this process.
const (
	maxMemory = 64 << 20 // bytes
	maxShare  = 3        // hundredths of a core, at a screen that is still
)

// The environment that makes this test program a builder: in the directory that
// it names, and with a guest that stands still for a while.
const (
	envWatch = "BOOTSCRIBE_WATCH_DIR"
	envStill = "BOOTSCRIBE_WATCH_STILL"
)

// cost is what the builder reports.
type cost struct {
	Bare   memory // before the build began
	Build  memory // at most, when it had ended
	Report memory // and when the report was written

	Still time.Duration // how long the guest stood still
	Own   time.Duration // this process's share of the processor in that time
	QEMU  time.Duration // and QEMU's
	Looks int           // how many looks there were, besides those of the rules
}

// memory is what /proc says of a process, in bytes.
type memory struct {
	Peak  int64 // most that was resident, files and all
	Own   int64 // resident now and in no file
	Files int64 // resident now of files, which is the program itself
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

// builder runs a build in a process of its own.
func builder(b *testing.B, env ...string) (c cost) {
	b.Helper()
	need.Tool(b, "qemu-system-x86_64")
	need.Tool(b, "qemu-img")
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "medium.iso"), make([]byte, 1<<20), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), envWatch+"="+dir), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &c)
	}
	if err != nil {
		b.Fatal(err)
	}
	return c
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

// BenchmarkWatch runs a build in a process of its own, with a guest whose screen
// is 1280 by 800: it waits for the shell of a UEFI firmware, types at it, is
// recorded and shown, fails, and gets a report.
func BenchmarkWatch(b *testing.B) {
	for b.Loop() {
		c := builder(b)
		b.ReportMetric(mib(c.Bare.Peak), "MiB-bare")
		b.ReportMetric(mib(c.Build.Own), "MiB-build-own")
		b.ReportMetric(mib(c.Build.Peak), "MiB-build")
		b.ReportMetric(mib(c.Report.Peak), "MiB-report")
		if c.Report.Peak > maxMemory {
			b.Errorf("at most %.1f MiB of memory; the limit is %d MiB", mib(c.Report.Peak), maxMemory>>20)
		}
	}
}

// BenchmarkStill runs a build whose guest stands still, with a screen of 1280 by
// 800 at which a step looks twice a second, besides all rules, which look once a
// second at what is still. The machine is stopped, so that QEMU does nothing but
// show it.
func BenchmarkStill(b *testing.B) {
	for b.Loop() {
		c := builder(b, envStill+"=20s")
		own, host := 100*c.Own.Seconds()/c.Still.Seconds(), 100*c.QEMU.Seconds()/c.Still.Seconds()
		b.ReportMetric(own, "%-of-a-core")
		b.ReportMetric(host, "%-of-a-core-QEMU")
		b.ReportMetric(float64(c.Looks)/c.Still.Seconds(), "looks/s")
		if own > maxShare {
			b.Errorf("%.1f %% of a core; the limit is %d %%", own, maxShare)
		}
	}
}

func watchedBuild(ctx context.Context, dir string) (c *cost, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	c = &cost{}
	if c.Bare, err = memoryNow(); err != nil {
		return nil, err
	}
	trace := filepath.Join(dir, "trace")
	rec, err := Record(&RecordConfig{Dir: trace})
	if err != nil {
		return nil, err
	}
	live := NewLive(nil)
	defer live.Close()
	failed := shellBuild(dir, c).run(ctx, func(e imagebuild.Event) { rec.Observe(e); live.Observe(e) })
	live.Finish(failed)
	if !errors.Is(failed, errGivenUp) {
		return nil, errors.Join(failed, rec.Finish(failed))
	}
	if err := rec.Finish(failed); err != nil {
		return nil, err
	}
	if c.Build, err = memoryNow(); err != nil {
		return nil, err
	}
	f, err := os.Create(filepath.Join(dir, "report.html"))
	if err != nil {
		return nil, err
	}
	if err := errors.Join(Report(f, trace), f.Close()); err != nil {
		return nil, err
	}
	c.Report, err = memoryNow()
	return c, err
}

type watchable struct{ imagebuild.Build }

func (w watchable) run(ctx context.Context, observe func(imagebuild.Event)) error {
	w.Observe = observe
	_, err := w.Run(ctx)
	return err
}

// shellBuild types at the shell of a firmware that finds nothing to boot.
func shellBuild(dir string, c *cost) watchable {
	rules := detect.Default()
	rules.Rule("uefi-shell").Off = true
	steps := []imagebuild.Step{imagebuild.WaitText("Shell>")}
	for _, command := range []string{"map", "ver", "help", "memmap", "pci", "dh", "help mv", "cls"} {
		steps = append(steps, imagebuild.Type(command+"<enter>"), still())
	}
	if d, err := time.ParseDuration(os.Getenv(envStill)); err == nil {
		steps = append(steps[:3], imagebuild.Step{Name: "stand still", Do: func(ctx context.Context, g *imagebuild.Guest) error {
			return c.standStill(ctx, g, d)
		}})
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

// standStill measures what it costs to watch a machine that is stopped.
func (c *cost) standStill(ctx context.Context, g *imagebuild.Guest, d time.Duration) error {
	if err := g.VM.QMP().Execute(ctx, "stop", nil, nil); err != nil {
		return err
	}
	if err := g.WaitStill(ctx, time.Second); err != nil { // what was under way is over then
		return err
	}
	own, host, began := processorTime("self"), processorTime(fmt.Sprint(g.VM.PID())), time.Now()
	ticker := time.NewTicker(time.Second / 2)
	defer ticker.Stop()
	for time.Since(began) < d {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if _, err := g.Text(ctx); err != nil {
			return err
		}
		c.Looks++
	}
	c.Own, c.QEMU, c.Still = processorTime("self")-own, processorTime(fmt.Sprint(g.VM.PID()))-host, time.Since(began)
	return nil
}

// processorTime is what a process has used so far, to ten milliseconds.
func processorTime(pid string) time.Duration {
	stat, _ := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var user, system int64
	if len(fields) > 12 {
		fmt.Sscan(fields[11]+" "+fields[12], &user, &system)
	}
	return time.Duration(user+system) * 10 * time.Millisecond // USER_HZ is 100
}

func still() imagebuild.Step {
	return imagebuild.Step{Name: "wait until it is still", Do: func(ctx context.Context, g *imagebuild.Guest) error {
		return g.WaitStill(ctx, time.Second)
	}}
}

func memoryNow() (m memory, err error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return m, err
	}
	for name, value := range map[string]*int64{"VmHWM:": &m.Peak, "RssAnon:": &m.Own, "RssFile:": &m.Files} {
		_, rest, _ := strings.Cut(string(status), "\n"+name)
		if _, err := fmt.Sscan(rest, value); err != nil {
			return m, fmt.Errorf("/proc/self/status has no %s: %w", name, err)
		}
		*value <<= 10
	}
	return m, nil
}
