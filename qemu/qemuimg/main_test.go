package qemuimg

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/internal/need"
)

// TestMain lets the test binary play qemu-img, badly, where the environment
// says how.
func TestMain(m *testing.M) {
	if how := os.Getenv("QEMUIMG_STUB"); how != "" {
		stub(how)
	}
	os.Exit(m.Run())
}

func stub(how string) {
	target := os.Args[len(os.Args)-1]
	info := `{"format": "qcow2", "virtual-size": 1048576}`
	switch {
	case how == "garbage":
		fmt.Println("garbage")
	case how == "empty":
		fmt.Println("{}")
	case how == "flood":
		chunk := strings.Repeat("flood\r\n", 10000)
		for range 500 {
			os.Stdout.WriteString(chunk)
			os.Stderr.WriteString(chunk)
		}
		fmt.Fprintln(os.Stderr, "qemu-img: the last words")
		os.Exit(1)
	case os.Args[1] == "info":
		fmt.Println(info)
	case how == "hang":
		os.WriteFile(target, []byte("half an image"), 0o600)
		fmt.Print("    (50.00/100%)\r")
		if path := os.Getenv("QEMUIMG_PID"); path != "" {
			os.WriteFile(path+".new", fmt.Append(nil, os.Getpid()), 0o600)
			os.Rename(path+".new", path)
		}
		time.Sleep(time.Hour)
	case how == "refuse":
		os.WriteFile(target, []byte("half an image"), 0o600)
		fmt.Fprint(os.Stderr, "qemu-img: first\nqemu-img: second\n")
		os.Exit(1)
	}
	os.Exit(0)
}

// stubTool returns a qemu-img that misbehaves in the given way.
func stubTool(t *testing.T, how string) *Tool {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("QEMUIMG_STUB", how)
	return &Tool{Path: path}
}

func realTool(t *testing.T) *Tool {
	t.Helper()
	return &Tool{Path: need.Tool(t, "qemu-img")}
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// unchanged fails the test if, at its end, dir holds anything but what it
// holds now and the files that are added here by name.
func unchanged(t *testing.T, dir string, added ...string) {
	t.Helper()
	want := append(list(t, dir), added...)
	slices.Sort(want)
	t.Cleanup(func() {
		if got := list(t, dir); !slices.Equal(want, got) {
			t.Errorf("the directory holds %q, want %q", got, want)
		}
	})
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func write(t *testing.T, path string, data []byte) string {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// disk writes a raw image with data that do not compress, some that do, and
// a hole.
func disk(t *testing.T, mib int) string {
	t.Helper()
	data := make([]byte, mib<<20)
	rand.Read(data[:len(data)/2])
	copy(data[len(data)/2:], strings.Repeat("bootscribe ", len(data)/44))
	return write(t, filepath.Join(t.TempDir(), "disk.raw"), data)
}

// wantError fails the test unless err contains all of the words.
func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, w := range words {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("got error %v\nwant %s", err, w)
		}
	}
}
