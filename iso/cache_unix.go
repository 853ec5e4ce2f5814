//go:build unix

package iso

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// anyoneMayReplace reports whether every user may rename files in the
// directory: it is writable by all and has no sticky bit.
func anyoneMayReplace(info fs.FileInfo) bool {
	return info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0
}

// syncDir makes the names in a directory durable. Some file systems cannot
// and say so with EINVAL or ENOTSUP; they need no more than the rename.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return err
	}
	return nil
}
