package qemu

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/internal/need"
)

var update = flag.Bool("update", false, "write the golden files in testdata anew")

// TestMain lets the test binary play QEMU, under the name that stub gives it,
// and the embedding program, as embed runs it.
func TestMain(m *testing.M) {
	if role, ok := strings.CutPrefix(filepath.Base(os.Args[0]), stubPrefix); ok {
		os.Exit(playQEMU(role))
	}
	if disk := os.Getenv("QEMU_TEST_EMBEDDER"); disk != "" {
		os.Exit(playEmbedder(disk))
	}
	os.Exit(m.Run())
}

const stubPrefix = "qemu-system-x86_64.stub-"

// stub returns a program that plays the given part of a bad QEMU.
func stub(t *testing.T, role string) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), stubPrefix+role)
	if err := os.Symlink(exe, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func playQEMU(role string) int {
	switch role {
	case "hang":
		time.Sleep(time.Minute)
	case "flood":
		line := bytes.Repeat([]byte("flood\n"), 1<<14)
		for range 100 << 20 / len(line) {
			os.Stderr.Write(line)
		}
		fmt.Fprintln(os.Stderr, "the last words")
		return 3
	case "garbage":
		os.NewFile(qmpFD, "qmp").WriteString("SSH-2.0-OpenSSH_9.2\r\n")
		time.Sleep(time.Minute)
	case "secret":
		fmt.Fprintln(os.Stderr, strings.Join(os.Environ(), "\n"))
		return 4
	}
	return 127
}

// playEmbedder is a program that runs a machine until it is killed.
func playEmbedder(disk string) int {
	c := &Config{Accel: TCG, Memory: 32, Disks: []Disk{{Path: disk, Format: "raw"}}}
	if dir := os.Getenv("QEMU_TEST_SHARE"); dir != "" {
		c.Shares = []Share{{Tag: "a", Path: dir, Type: VirtioFS, Writable: true}}
	}
	if os.Getenv("QEMU_TEST_TPM") != "" {
		c.TPM = &TPM{}
	}
	vm, err := Start(context.Background(), c)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(vm.PID())
	for _, a := range vm.attendants() {
		fmt.Println(a.proc.pid)
	}
	<-vm.Done()
	fmt.Println("done:", vm.Err())
	return 0
}

// soon is a context for what takes a moment.
func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// events records the events of a machine.
type events struct{ c chan Event }

func newEvents() *events { return &events{c: make(chan Event, 1000)} }

// next returns the next event of type T, passing over others.
func next[T Event](t *testing.T, e *events) T {
	t.Helper()
	limit := time.After(time.Minute) // which no machine takes, however busy the host
	for {
		select {
		case got := <-e.c:
			if want, ok := got.(T); ok {
				return want
			}
		case <-limit:
			t.Fatalf("no %T within a minute", *new(T))
		}
	}
}

// boot starts a machine with a boot sector on a raw disk and closes it when
// the test ends.
func boot(t testing.TB, disk string, change func(*Config)) (*VM, *events) {
	t.Helper()
	need.Tool(t, defaultBinary)
	e := newEvents()
	c := &Config{Accel: TCG, Memory: 32, Disks: []Disk{{Path: disk, Format: "raw"}}}
	c.Observe = func(ev Event) { e.c <- ev }
	if change != nil {
		change(c)
	}
	vm, err := Start(soon(t), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := vm.Close(); err != nil {
			t.Error(err)
		}
	})
	return vm, e
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
