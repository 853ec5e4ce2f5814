//go:build unix

package qemuimg

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A published image has the mode that the umask leaves of 0666, as any new file
// has, or the one that is asked for. Until then only its owner may read it. The
// umask is the process's: no test may run beside this one.
func TestPublishMode(t *testing.T) {
	tool := realTool(t)
	source := disk(t, 1)
	for _, c := range []struct {
		umask      int
		mode, want fs.FileMode
	}{
		{umask: 0o022, want: 0o644},
		{umask: 0o002, want: 0o664},
		{umask: 0o027, want: 0o640},
		{umask: 0o077, want: 0o600},
		{umask: 0o022, mode: 0o600, want: 0o600},
		{umask: 0o077, mode: 0o444, want: 0o444},
	} {
		t.Run(fmt.Sprintf("%03o %03o", c.umask, c.mode), func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "x")
			var half, whole fs.FileMode
			mode := func(path string) fs.FileMode {
				info, err := os.Stat(path)
				if err != nil {
					t.Error(err)
					return 0
				}
				return info.Mode()
			}
			o := PublishOptions{
				ConvertOptions: ConvertOptions{SourceFormat: Raw, Progress: func(float64) {
					if temp, _ := filepath.Glob(filepath.Join(dir, ".bootscribe-*", "x")); len(temp) == 1 {
						half = mode(temp[0])
					}
				}},
				Mode:     c.mode,
				Finished: func(temp string) error { whole = mode(temp); return nil },
			}
			defer syscall.Umask(syscall.Umask(c.umask))
			if err := tool.Publish(soon(t), source, path, o); err != nil {
				t.Fatal(err)
			}
			if half != 0o600 || whole != c.want || mode(path) != c.want {
				t.Errorf("%v, %v, then %v; want -rw-------, %v, %[4]v", half, whole, mode(path), c.want)
			}
		})
	}
}
