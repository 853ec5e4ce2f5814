package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/httpserve"
	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/qemu/qemuimg"
	"github.com/bootscribe/bootscribe/ssh"
)

// What a whole build may cost, and how long it is watched while it waits.
const (
	maxMemory  = 64 << 20 // bytes
	maxPercent = 2        // of one processor
	waiting    = 10 * time.Second
	mediumSize = 1 << 30
	floppySize = 1440 << 10
)

// The environment variables that make this test program a builder.
const (
	envMedium = "BOOTSCRIBE_BENCH_MEDIUM" // the medium's URL
	envDir    = "BOOTSCRIBE_BENCH_DIR"    // a directory with the guest, guest.img
)

// cost is what a builder reports.
type cost struct {
	Peak    int64         // bytes of memory, at most
	Busy    time.Duration // of processors, while it waited
	Waited  time.Duration
	Took    time.Duration
	BusyAll time.Duration // of processors, in all
}

func TestMain(m *testing.M) {
	if os.Getenv(envMedium) == "" {
		os.Exit(m.Run())
	}
	c, err := build(context.Background(), os.Getenv(envMedium), os.Getenv(envDir))
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(c)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// BenchmarkBuild runs a whole build in a process of its own: fetch and verify
// 1 GiB, make a disk, serve a file, boot, wait for SSH for a while, press the
// power button, publish a compressed image.
func BenchmarkBuild(b *testing.B) {
	need.Tool(b, "qemu-system-x86_64")
	need.Tool(b, "qemu-img")
	medium := serve(b)
	for b.Loop() {
		c := inProcess(b, medium)
		percent := 100 * c.Busy.Seconds() / c.Waited.Seconds()
		b.ReportMetric(float64(c.Peak)/(1<<20), "MiB-peak")
		b.ReportMetric(percent, "%core-waiting")
		b.ReportMetric(c.BusyAll.Seconds(), "s-busy")
		if c.Peak > maxMemory {
			b.Errorf("at most %.1f MiB of memory; the limit is %d MiB", float64(c.Peak)/(1<<20), maxMemory>>20)
		}
		if percent > maxPercent {
			b.Errorf("%.2f %% of a processor while waiting; the limit is %d %%", percent, maxPercent)
		}
	}
}

// serve serves a medium of zero bytes, from which nothing boots.
func serve(b *testing.B) string {
	path := filepath.Join(b.TempDir(), "medium.iso")
	if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, mediumSize)); err != nil {
		b.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, path) }))
	b.Cleanup(s.Close)
	return s.URL + "/medium.iso"
}

func inProcess(b *testing.B, medium string) cost {
	dir := b.TempDir()
	floppy := make([]byte, floppySize)
	copy(floppy, guest.Button)
	if err := os.WriteFile(filepath.Join(dir, "guest.img"), floppy, 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envMedium+"="+medium, envDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		b.Fatal(err)
	}
	var c cost
	if err := json.Unmarshal(out, &c); err != nil {
		b.Fatal(err)
	}
	return c
}

// build is what the process does. The guest is on a floppy, since neither the
// medium nor the disk boots.
func build(ctx context.Context, medium, dir string) (*cost, error) {
	var c cost
	began := time.Now()
	b := imagebuild.Build{
		Output:      filepath.Join(dir, "out.qcow2"),
		Manifest:    filepath.Join(dir, "out.json"),
		Compress:    qemuimg.Zlib,
		Media:       iso.Source{URLs: []string{medium}, Checksum: "none"},
		Fetcher:     iso.Fetcher{Dir: filepath.Join(dir, "cache")},
		VM:          qemu.Config{Accel: qemu.TCG, Floppy: filepath.Join(dir, "guest.img")},
		Files:       httpserve.Text{"preseed.cfg": "# nothing\n"},
		SSH:         ssh.Config{User: "root"},
		StepTimeout: 2 * time.Minute,
		Steps: []imagebuild.Step{
			imagebuild.WaitSerial("R"),
			{Name: "wait", Do: func(ctx context.Context, g *imagebuild.Guest) error { return c.wait(ctx, g) }},
		},
		Observe: func(imagebuild.Event) {},
	}
	if _, err := b.Run(ctx); err != nil {
		return nil, err
	}
	c.Took, c.BusyAll = time.Since(began), busy()
	var err error
	c.Peak, err = peak()
	return &c, err
}

// wait waits for an sshd that this guest does not have.
func (c *cost) wait(ctx context.Context, g *imagebuild.Guest) error {
	ctx, cancel := context.WithTimeout(ctx, waiting)
	defer cancel()
	began, before := time.Now(), busy()
	_, err := g.SSH(ctx)
	c.Waited, c.Busy = time.Since(began), busy()-before
	if err == nil || ctx.Err() == nil {
		return fmt.Errorf("waiting for SSH ended early: %w", err)
	}
	return nil
}

// busy is how long processors have worked for this process, without its
// children.
func busy() time.Duration {
	var self syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &self) != nil {
		return 0
	}
	return time.Duration(self.Utime.Nano() + self.Stime.Nano())
}

// peak is the most memory that this process has had, in bytes. The figure of
// getrusage would include that of the process that started this one.
func peak() (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, rest, ok := strings.Cut(string(status), "VmHWM:")
	if !ok {
		return 0, errors.New("/proc/self/status has no VmHWM")
	}
	kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	return kib << 10, err
}
