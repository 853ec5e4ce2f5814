package imagebuild

import (
	"fmt"
	"os"
	"path/filepath"
)

// KeepDisk keeps the machine's first disk if the build fails: when the machine
// has ended, it is moved to path, as a qcow2 image, for looking into it or for
// starting a machine on it. With a Disk.Image it holds only what differs from
// that. The path must be in the file system of the Build's Output, and nothing
// may be there unless the Build has Overwrite. Nothing is kept of a build that
// succeeds. It is for OnFailure, or for a step; the last call counts, and ""
// takes it back.
func (g *Guest) KeepDisk(path string) error {
	if path == "" {
		g.run.kept = ""
		return nil
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("imagebuild: keep the disk: %w", err)
	}
	if _, err := os.Lstat(abs); err == nil && !g.run.b.Overwrite {
		return fmt.Errorf("imagebuild: keep the disk: %q exists; remove it, or set Overwrite", abs)
	}
	g.run.kept = abs
	return nil
}

// keepDisk moves the disk of a failed build, whose machine has ended, to where
// it was asked to be kept.
func (r *run) keepDisk() error {
	if r.kept == "" {
		return nil
	}
	if err := os.Rename(r.media.disk, r.kept); err != nil {
		return fmt.Errorf("imagebuild: keep the disk: %w", err)
	}
	return nil
}
