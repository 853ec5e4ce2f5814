package iso_test

import (
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/bootscribe/bootscribe/iso"
)

// volMount returns what the kernel reads. It skips the test where that cannot
// be tried, in CI as well: a container's kernel is not ours to choose.
func volMount(t *testing.T, image, kind, options string) volSeen {
	t.Helper()
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		t.Skip("needs root on Linux to mount an image")
	}
	dir := t.TempDir()
	out, err := exec.Command("mount", "-t", kind, "-o", "loop,ro,"+options, image, dir).CombinedOutput()
	if err != nil {
		t.Skipf("needs a kernel that mounts %s from a file: %v: %s", kind, err, out)
	}
	defer func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	}()
	return volWant(t, os.DirFS(dir))
}

func TestLinuxMountsCD(t *testing.T) {
	for name, tree := range volTrees() {
		t.Run(name, func(t *testing.T) {
			image := volFile(t, (&iso.Volume{Label: "cidata", FS: tree}).CreateCD)
			want := volWant(t, tree)
			volDiff(t, "Linux by Rock Ridge", want, volMount(t, image, "iso9660", "iocharset=utf8"))
			volDiff(t, "Linux by Joliet", want.withoutModes(), volMount(t, image, "iso9660", "norock,iocharset=utf8").withoutModes())
		})
	}
}

func TestLinuxMountsFloppy(t *testing.T) {
	for name, tree := range volTrees() {
		t.Run(name, func(t *testing.T) {
			image := volFile(t, (&iso.Volume{Label: "cidata", FS: tree}).CreateFloppy)
			got := volMount(t, image, "vfat", "utf8=1")
			volDiff(t, "Linux", volWant(t, tree).withoutModes(), got.withoutModes())
		})
	}
}
