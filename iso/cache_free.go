//go:build linux || darwin

package iso

import "syscall"

// freeBytes is how much an ordinary user can still write to the file system
// of dir; ok is false if that cannot be known.
func freeBytes(dir string) (free int64, ok bool) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, false
	}
	return int64(st.Bavail) * int64(st.Bsize), true
}
