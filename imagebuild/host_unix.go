//go:build linux || darwin || freebsd

package imagebuild

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// leastRoom is the free space below which hardly a build can succeed: the
// smallest of systems, twice, since its disk is there until the image is.
const leastRoom = 64 << 20

// writable checks that files can be made in a directory.
func writable(field, dir string) error {
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return &ConfigError{field, fmt.Sprintf("the directory %q cannot be written to: %v", dir, err), "choose another one, or change its permissions"}
	}
	return nil
}

// roomFor checks that a build could fit into a directory's file system.
func roomFor(field, dir string) error {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return nil // that it is not there has been said
	}
	free := int64(st.Bavail) * int64(st.Bsize)
	if free < leastRoom {
		return &ConfigError{field, fmt.Sprintf("only %d MiB are free where %q is, and a build takes more than %d MiB", free>>20, dir, int64(leastRoom)>>20), "free some space, or choose another directory"}
	}
	return nil
}
