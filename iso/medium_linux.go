package iso

import (
	"io/fs"
	"syscall"
	"time"
)

// changeTime is when the file's content or inode last changed; unlike the
// modification time it cannot be set.
func changeTime(info fs.FileInfo) time.Time {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(st.Ctim.Unix())
	}
	return time.Time{}
}
