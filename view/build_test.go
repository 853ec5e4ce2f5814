package view

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/qemu"
)

// errGivenUp is how the builds that shall fail do so.
var errGivenUp = errors.New("no medium that can be started was found")

// smallBuild returns a build with a guest of 512 bytes that is typed to.
func smallBuild(t *testing.T, steps ...imagebuild.Step) *imagebuild.Build {
	t.Helper()
	need.Tool(t, "qemu-system-x86_64")
	need.Tool(t, "qemu-img")
	return &imagebuild.Build{
		Output:  filepath.Join(t.TempDir(), "small.qcow2"),
		Media:   iso.Source{URLs: []string{guest.CD(t, guest.Install)}, Checksum: "none"},
		Fetcher: iso.Fetcher{Dir: filepath.Join(t.TempDir(), "cache")},
		Disk:    imagebuild.Disk{Size: 1 << 20},
		VM:      qemu.Config{Accel: qemu.TCG, Memory: 32},
		Steps: append([]imagebuild.Step{
			imagebuild.WaitSerial("R"),
			imagebuild.Type("install auto=true priority=critical<enter>"),
			imagebuild.WaitSerial("W|E"),
		}, steps...),
	}
}

// giveUp is a step that fails.
func giveUp() imagebuild.Step {
	return imagebuild.Step{Name: "start the installed system", Do: func(context.Context, *imagebuild.Guest) error { return errGivenUp }}
}

// run runs a build that is observed, and ends the test if it takes too long.
func run(t *testing.T, b *imagebuild.Build, observe func(imagebuild.Event)) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	b.Observe = observe
	_, err := b.Run(ctx)
	return err
}
