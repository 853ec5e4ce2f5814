package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bootscribe/bootscribe/imagebuild"
)

// TestDisk: a size that is wrong is refused by the name of its flag, and the
// product in bytes does not wrap around to one that looks right.
func TestDisk(t *testing.T) {
	for _, gib := range []int64{0, -1, -20, 1, minDisk - 1, maxDisk + 1, 1 << 34, 1<<34 + 20, math.MinInt64, math.MaxInt64} {
		_, err := options{arch: "amd64", disk: gib}.build()
		if err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("-disk %d: ", gib)) || !strings.Contains(err.Error(), "leave it out for 20") {
			t.Errorf("-disk %d: got %v", gib, err)
		}
	}
	for _, gib := range []int64{minDisk, defaultDisk, maxDisk} {
		b, err := options{arch: "amd64", disk: gib}.build()
		if err != nil {
			t.Fatal(err)
		}
		if b.Disk.Size != gib<<30 {
			t.Errorf("-disk %d makes %d bytes", gib, b.Disk.Size)
		}
	}
}

// What is typed is possible, and waits for the menu and the prompt.
func TestCommand(t *testing.T) {
	v := imagebuild.Vars{Name: "debian", URL: "http://10.0.2.2:65535"}
	var steps []imagebuild.Step
	for arch := range arches {
		steps = append(steps, options{arch: arch, mirror: "deb.example.org"}.steps()...)
	}
	for _, s := range steps {
		if s.Timeout < 0 || s.Name == "" {
			t.Errorf("%+v", s)
		}
		if s.Check == nil {
			continue
		}
		if err := s.Check(v); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
	}
	for _, d := range dialogs() {
		if d.Text == "" || d.Err == nil {
			t.Errorf("%+v", d)
		}
	}
}

// What was recorded stays after a failure, with a page, or when it was asked for.
func TestWatch(t *testing.T) {
	for name, tt := range map[string]struct {
		trace  bool
		failed error
		want   int // files and directories
	}{
		"good":       {false, nil, 0},
		"failed":     {false, errors.New("no disk"), 2},
		"asked":      {true, nil, 2},
		"asked, bad": {true, errors.New("no disk"), 2},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			o := options{out: filepath.Join(dir, "out.qcow2")}
			if tt.trace {
				o.trace = filepath.Join(dir, "trace")
			}
			w, err := watch(o)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.finish(tt.failed); (err == nil) != (tt.failed == nil) {
				t.Error(err)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != tt.want {
				t.Errorf("%v, %v", left, err)
			}
		})
	}
}
