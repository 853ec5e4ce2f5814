package qemuimg

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// renameNoReplace renames temp to path unless path exists.
func renameNoReplace(temp, path string) error {
	err := unix.Renameat2(unix.AT_FDCWD, temp, unix.AT_FDCWD, path, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) { // some file systems cannot
		return linkAndRemove(temp, path)
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: temp, New: path, Err: err}
	}
	return nil
}
