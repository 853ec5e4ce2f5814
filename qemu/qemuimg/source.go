package qemuimg

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// checkReadable refuses what qemu-img would hang on or read by mistake.
func checkReadable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if m := info.Mode(); !m.IsRegular() && (m&os.ModeDevice == 0 || m&os.ModeCharDevice != 0) {
		return errors.New("it is neither a regular file nor a disk")
	}
	return nil
}

// inspect returns what the image is, and refuses one that would make qemu-img
// read files that the caller does not expect: a file from a stranger can name
// any file of the host as its backing file, and would be published with it.
// backing lists the files expected under the image, the nearest first.
func (t *Tool) inspect(ctx context.Context, path string, format Format, backing []string) (*Info, error) {
	top, err := t.info(ctx, path, format)
	if err != nil {
		return nil, err
	}
	info := top
	for {
		if len(info.OtherFiles) > 0 {
			return nil, otherFilesError(path, info)
		}
		if info.Backing == "" {
			return top, nil
		}
		if len(backing) == 0 {
			return nil, fmt.Errorf("%q has the backing file %q, which is not expected; if it may be read, convert the image and name that file in SourceBacking", path, info.Backing)
		}
		want, err := absolute(backing[0])
		if err != nil {
			return nil, fmt.Errorf("field SourceBacking: %w", err)
		}
		if info.Backing != asJSON(want) {
			return nil, fmt.Errorf("%q has the backing file %q instead of SourceBacking %q", path, info.Backing, want)
		}
		if info.BackingFormat == "" {
			return nil, fmt.Errorf("%q does not say the format of its backing file, which would be guessed; set it with qemu-img rebase -u -F", path)
		}
		path, backing = want, backing[1:]
		if info, err = t.info(ctx, path, info.BackingFormat); err != nil {
			return nil, fmt.Errorf("backing file %q: %w", path, err)
		}
	}
}

func otherFilesError(path string, info *Info) error {
	return fmt.Errorf("%q keeps data in other files, %q, which is not supported; make it a single file with qemu-img convert if they may be read", path, info.OtherFiles)
}
