package imagebuild

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A sweep takes what nobody holds, and nothing else.
func TestSweep(t *testing.T) {
	t.Parallel()
	parent := filepath.Join(t.TempDir(), `with [a] *, ? and \`)
	for _, dir := range []string{"empty", "stale", "strange"} {
		if err := os.MkdirAll(filepath.Join(parent, ".bootscribe-build-"+dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{".bootscribe-build-stale/lock", ".bootscribe-build-stale/disk.qcow2", ".bootscribe-build-strange/file", "mine"} {
		if err := os.WriteFile(filepath.Join(parent, file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(parent, ".bootscribe-build-link")); err != nil {
		t.Fatal(err)
	}
	held, err := newScratch(parent)
	if err != nil {
		t.Fatal(err)
	}
	sweep(parent)
	want := []string{filepath.Base(held.dir), ".bootscribe-build-link", ".bootscribe-build-strange", "mine"}
	slices.Sort(want)
	if diff := cmp.Diff(want, names(t, parent)); diff != "" {
		t.Error(diff)
	}
	if err := held.remove(); err != nil {
		t.Error(err)
	}
	if err := held.remove(); err != nil {
		t.Error("the second time:", err)
	}
}

// Builds that begin at the same time do not take each other's directories.
func TestScratchRace(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				s, err := newScratch(parent)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := os.Stat(s.path(lockName)); err != nil {
					t.Error("the directory was taken away:", err)
				}
				if err := s.remove(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if left := names(t, parent); len(left) > 0 {
		t.Error(strings.Join(left, " "))
	}
}
