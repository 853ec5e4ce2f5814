package iso_test

import (
	"bytes"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/bootscribe/bootscribe/iso"
)

// volMount returns what the kernel reads.
func volMount(t *testing.T, image, kind, options string) volSeen {
	t.Helper()
	dir := t.TempDir()
	if out, err := mount(image, dir, kind, options); err != nil {
		t.Fatalf("mount: %v: %s", err, out)
	}
	defer func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	}()
	return volWant(t, os.DirFS(dir))
}

func mount(image, dir, kind, options string) ([]byte, error) {
	return exec.Command("mount", "-t", kind, "-o", "loop,ro,"+options, image, dir).CombinedOutput()
}

// needMount skips the test where the kernel cannot mount a file system, in CI
// as well: a container's kernel is not ours to choose. That it knows the file
// system but not this image is for the test to find.
func needMount(t *testing.T, kind string) {
	t.Helper()
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		t.Skip("needs root on Linux to mount an image")
	}
	if !kernelKnows(kind) && exec.Command("modprobe", kind).Run() != nil {
		t.Skipf("needs a kernel with the file system %s", kind)
	}
	if out, err := exec.Command("losetup", "--find").CombinedOutput(); err != nil {
		t.Skipf("needs loop devices to mount an image: %v: %s", err, bytes.TrimSpace(out))
	}
	if out, err := exec.Command("unshare", "--mount", "true").CombinedOutput(); err != nil {
		t.Skipf("needs the right to mount: %v: %s", err, bytes.TrimSpace(out))
	}
}

func kernelKnows(kind string) bool {
	known, err := os.ReadFile("/proc/filesystems")
	return err == nil && slices.Contains(strings.Fields(string(known)), kind)
}

func TestLinuxMountsCD(t *testing.T) {
	needMount(t, "iso9660")
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
	needMount(t, "vfat")
	for name, tree := range volTrees() {
		t.Run(name, func(t *testing.T) {
			image := volFile(t, (&iso.Volume{Label: "cidata", FS: tree}).CreateFloppy)
			got := volMount(t, image, "vfat", "utf8=1")
			volDiff(t, "Linux", volWant(t, tree).withoutModes(), got.withoutModes())
		})
	}
}
