package qemuimg

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Finished sees the whole image in Dir, and can refuse it.
func TestPublishFinished(t *testing.T) {
	tool := realTool(t)
	source, dir, out := disk(t, 1), t.TempDir(), filepath.Join(t.TempDir(), "x.qcow2")
	refuse := errors.New("not good enough")
	for _, want := range []error{refuse, nil} {
		seen := ""
		o := PublishOptions{
			ConvertOptions: ConvertOptions{SourceFormat: Raw},
			Dir:            dir,
			Finished: func(path string) error {
				seen = path
				if info, err := tool.Info(soon(t), path, Qcow2); err != nil || info.VirtualSize != 1<<20 {
					t.Errorf("the image is %+v, %v", info, err)
				}
				if _, err := os.Lstat(out); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("the image has its name already: %v", err)
				}
				return want
			},
		}
		if err := tool.Publish(soon(t), source, out, o); !errors.Is(err, want) {
			t.Errorf("Publish: %v, want %v", err, want)
		}
		if filepath.Dir(filepath.Dir(seen)) != dir {
			t.Errorf("the image was made at %q and not in %q", seen, dir)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left in Dir: %v, %v", left, err)
		}
		if _, err := os.Lstat(out); (err == nil) != (want == nil) {
			t.Errorf("after %v: %v", want, err)
		}
	}
}
