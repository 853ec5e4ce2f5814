package imagebuild

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/internal/guest"
)

// A failed build leaves the disk where it was asked to, with what the guest had
// written to it, and nothing else.
func TestKeepDisk(t *testing.T) {
	t.Parallel()
	b, _ := newBuild(t, guest.Install, ready(), Type("half done<enter>"), WaitSerial("W|E"),
		Step{Name: "fail", Do: func(context.Context, *Guest) error { return errors.New("it fails") }})
	kept := filepath.Join(filepath.Dir(b.Output), "failed.qcow2")
	b.OnFailure = func(_ context.Context, g *Guest, _ error) {
		if err := g.KeepDisk(kept); err != nil {
			t.Error(err)
		}
	}
	fails(t, b, time.Minute, "it fails")
	if got := content(t, kept); !bytes.HasPrefix(got, []byte("half done\x00")) {
		t.Errorf("the disk holds %q", got[:16])
	}
	if left := names(t, filepath.Dir(b.Output)); !cmp.Equal(left, []string{"canary", "failed.qcow2"}) {
		t.Error(left)
	}
}

// A build that succeeds keeps nothing, and what is there is not replaced.
func TestKeepDiskNot(t *testing.T) {
	t.Parallel()
	b, _ := newBuild(t, guest.Button, ready(), Step{Name: "keep", Do: func(_ context.Context, g *Guest) error {
		dir := filepath.Dir(g.run.b.Output)
		if err := g.KeepDisk(filepath.Join(dir, "canary")); err == nil || !strings.Contains(err.Error(), "exists") {
			t.Errorf("a file that is there: %v", err)
		}
		return g.KeepDisk(filepath.Join(dir, "kept"))
	}})
	if _, err := b.Run(soon(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(filepath.Dir(b.Output), "kept")); err == nil {
		t.Error("the disk of a build that succeeded was kept")
	}
}
