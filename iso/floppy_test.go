package iso_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/google/go-cmp/cmp"
)

// volMcopy returns what mtools reads from a floppy.
func volMcopy(t *testing.T, image string) volSeen {
	t.Helper()
	dir := t.TempDir()
	volRun(t, "mcopy", "-s", "-n", "-Q", "-i", image, "::/", dir)
	return volWant(t, os.DirFS(dir)).withoutModes()
}

func TestFloppyIsReadable(t *testing.T) {
	need.Tool(t, "mcopy")
	need.Tool(t, "fsck.fat")
	for name, tree := range volTrees() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			image := volFile(t, (&iso.Volume{Label: "cidata", FS: tree}).CreateFloppy)
			volRun(t, "fsck.fat", "-n", image)
			volDiff(t, "mtools", volWant(t, tree).withoutModes(), volMcopy(t, image))
		})
	}
}

func TestFloppySizes(t *testing.T) {
	need.Tool(t, "mcopy")
	for _, kib := range []int64{0, 160, 720, 1200, 1440, 2880, 2000, 4096, 8192, 20000, 65536, 200000} {
		t.Run("", func(t *testing.T) {
			tree := fstest.MapFS{"dir/a file": volText(strings.Repeat("x", 50_000)), "b": volText("b")}
			image := volFile(t, (&iso.Volume{Label: "cidata", FS: tree, FloppySize: kib << 10}).CreateFloppy)
			volRun(t, "fsck.fat", "-n", image)
			volDiff(t, "mtools", volWant(t, tree), volMcopy(t, image))
			info, err := os.Stat(image)
			if want := max(kib, 1440*min(1, 1/max(kib, 1))) << 10; err != nil || info.Size() != want {
				t.Errorf("size %d, %v; want %d", info.Size(), err, want)
			}
		})
	}
}

func TestFloppyLabel(t *testing.T) {
	for _, label := range []string{"cidata", "OEMDRV", "A B", "ABCDEFGHIJK", ""} {
		t.Run(label, func(t *testing.T) {
			image := volFile(t, (&iso.Volume{Label: label, Content: map[string]string{"meta-data": ""}}).CreateFloppy)
			got := volRun(t, "mlabel", "-s", "-i", image, "::")
			want := " Volume label is " + label
			if label == "" {
				want = " Volume has no label"
			}
			if diff := cmp.Diff(want, strings.TrimRight(got, " \n")); diff != "" {
				t.Errorf("root directory (-want +got):\n%s", diff)
			}
			raw, err := os.ReadFile(image)
			if err != nil {
				t.Fatal(err)
			}
			if label == "" {
				label = "NO NAME"
			}
			if diff := cmp.Diff(label, strings.TrimRight(string(raw[43:54]), " ")); diff != "" {
				t.Errorf("boot sector (-want +got):\n%s", diff)
			}
		})
	}
}
