package imagebuild

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/screen"
)

// TestMain lets the test binary play the embedding program that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("IMAGEBUILD_TEST_EMBEDDER"); dir != "" {
		os.Exit(playEmbedder(dir))
	}
	os.Exit(m.Run())
}

// events records what a build tells its observer.
type events struct {
	mu  sync.Mutex
	all []Event
}

func (r *events) observe(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, e)
}

func (r *events) list() []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

// only returns the events of one type.
func only[T Event](r *events) []T {
	var list []T
	for _, e := range r.list() {
		if t, ok := e.(T); ok {
			list = append(list, t)
		}
	}
	return list
}

// newBuild returns a build whose medium starts a boot sector, whose output goes
// to a directory of its own, and which is fast. When the test ends, nothing may
// be left of it.
func newBuild(t *testing.T, sector []byte, steps ...Step) (*Build, *events) {
	t.Helper()
	need.Tool(t, "qemu-system-x86_64")
	need.Tool(t, "qemu-img")
	r := &events{}
	dir := t.TempDir()
	b := &Build{
		Output:   filepath.Join(dir, "out.qcow2"),
		Media:    iso.Source{URLs: []string{guest.CD(t, sector)}, Checksum: "none"},
		Fetcher:  iso.Fetcher{Dir: filepath.Join(t.TempDir(), "cache")},
		Disk:     Disk{Size: 1 << 20},
		VM:       qemu.Config{Accel: qemu.TCG, Memory: 32},
		Steps:    steps,
		Fonts:    fonts(),
		Shutdown: Shutdown{Timeout: 20 * time.Second},
		Observe:  r.observe,
	}
	canary := filepath.Join(dir, "canary", "file")
	if err := os.MkdirAll(filepath.Dir(canary), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(canary, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if text, err := os.ReadFile(canary); err != nil || string(text) != "mine" {
			t.Errorf("the file beside the output: %q, %v", text, err)
		}
		nothingLeft(t, dir)
	})
	return b, r
}

// fonts are read once: under the race detector it takes a while.
var fonts = sync.OnceValue(screen.SystemFonts)

// soon is a context for what takes a moment.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// nothingLeft fails the test if a build has left a file in dir or a process.
func nothingLeft(t *testing.T, dir string) {
	t.Helper()
	for _, name := range names(t, dir) {
		if strings.HasPrefix(name, ".bootscribe") {
			t.Errorf("left behind: %s", filepath.Join(dir, name))
		}
	}
	for pid, args := range processes(t, dir) {
		t.Errorf("left behind: process %d, %s", pid, args)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// processes returns those that run in dir or have a path in it among their
// arguments.
func processes(t *testing.T, dir string) map[int]string {
	t.Helper()
	found := map[int]string{}
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range lines {
		text, err := os.ReadFile(path)
		cwd, _ := os.Readlink(filepath.Join(filepath.Dir(path), "cwd"))
		if err != nil || !strings.Contains(string(text), dir+"/") && !strings.HasPrefix(cwd, dir+"/") {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil || pid == os.Getpid() {
			continue
		}
		found[pid] = strings.ReplaceAll(string(text), "\x00", " ")
	}
	return found
}

// ready is a step that waits until the guest listens.
func ready() Step { return WaitSerial("R") }

// do is a step of the test's own.
func do(name string, f func(ctx context.Context, g *Guest) error) Step {
	return Step{Name: name, Do: f}
}

// playEmbedder is a program that builds until it is killed. It tells when the
// machine runs.
func playEmbedder(dir string) int {
	b := &Build{
		Output: filepath.Join(dir, "out.qcow2"),
		Media:  iso.Source{URLs: []string{filepath.Join(dir, "guest.iso")}, Checksum: "none"},
		Disk:   Disk{Size: 1 << 20},
		VM:     qemu.Config{Accel: qemu.TCG, Memory: 32},
		Steps: []Step{ready(), do("tell", func(ctx context.Context, g *Guest) error {
			fmt.Println(g.VM.PID())
			<-ctx.Done()
			return ctx.Err()
		})},
	}
	_, err := b.Run(context.Background())
	fmt.Println(err)
	return 1
}
