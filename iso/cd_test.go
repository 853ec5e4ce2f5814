package iso_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/google/go-cmp/cmp"
)

// volExtract returns what xorriso reads from a CD, by default by Rock Ridge.
func volExtract(t *testing.T, image string, options ...string) volSeen {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "out")
	args := append([]string{"-no_rc", "-report_about", "WARNING"}, options...)
	args = append(args, "-osirrox", "on", "-indev", image, "-extract", "/", dir)
	volRun(t, "xorriso", args...)
	return volWant(t, os.DirFS(dir))
}

// volIsoinfo returns what isoinfo reads in the Rock Ridge or Joliet tree: the
// paths and, one run of the tool each, the contents of the files in want.
func volIsoinfo(t *testing.T, image, tree string, want volSeen) volSeen {
	t.Helper()
	args := []string{"-i", image, tree}
	seen := make(volSeen)
	for line := range strings.Lines(volRun(t, "isoinfo", append(args, "-f")...)) {
		listed := strings.TrimSuffix(line, "\n")
		path := strings.TrimSuffix(strings.TrimPrefix(listed, "/"), ";1")
		e := volEntry{Dir: want[path].Dir}
		if !e.Dir {
			e.Content = volRun(t, "isoinfo", append(args, "-x", listed)...)
		}
		seen[path] = e
	}
	return seen
}

func TestCDIsReadable(t *testing.T) {
	need.Tool(t, "xorriso")
	for name, tree := range volTrees() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			image := volFile(t, (&iso.Volume{Label: "cidata", FS: tree}).CreateCD)
			want := volWant(t, tree)
			volDiff(t, "xorriso by Rock Ridge", want, volExtract(t, image))
			volDiff(t, "xorriso by Joliet", want.withoutModes(), volExtract(t, image, "-read_fs", "norock").withoutModes())
		})
	}
}

func TestCDIsReadableByIsoinfo(t *testing.T) {
	need.Tool(t, "isoinfo")
	tree := fstest.MapFS{
		"user-data": volText("#cloud-config\n"), "sub dir/Autounattend.xml": volText("<x/>"), "sub dir/deeper/.dot": volText("."),
		"a/b/c/d/e/f/g/h/i/j.txt": volText("deep"), "big": volText(strings.Repeat("0123456789abcdef", 1000)),
	}
	image := volFile(t, (&iso.Volume{Label: "cidata", FS: tree}).CreateCD)
	want := volWant(t, tree)
	volDiff(t, "isoinfo by Rock Ridge", want, volIsoinfo(t, image, "-R", want))
	volDiff(t, "isoinfo by Joliet", want, volIsoinfo(t, image, "-J", want))
}

func TestCDNamesOfEachTree(t *testing.T) {
	long := strings.Repeat("long name ", 8) // 80 characters
	tree := fstest.MapFS{
		long + "1.conf": volText("1"), long + "2.conf": volText("2"), "what?.txt": volText("3"), "what*.txt": volText("4"), "back\\slash": volText("5"),
		"case": volText("6"), "CASE": volText("7"), "Case/x": volText("8"), strings.Repeat("x", 253): volText("9"), strings.Repeat("é", 126): volText("10"),
		strings.Repeat("d", 250) + "/y": volText("11"), "dot.": volText("12"), "new\nline": volText("13"),
	}
	image := volFile(t, (&iso.Volume{FS: tree}).CreateCD)
	volDiff(t, "xorriso by Rock Ridge", volWant(t, tree), volExtract(t, image))
	want := volSeen{
		long[:59] + ".conf": {Content: "1"}, long[:57] + "~1.conf": {Content: "2"}, "what_.txt": {Content: "4"}, "what_~1.txt": {Content: "3"},
		"back_slash": {Content: "5"}, "case": {Content: "6"}, "CASE": {Content: "7"}, "Case": {Dir: true}, "Case/x": {Content: "8"},
		strings.Repeat("x", 64): {Content: "9"}, strings.Repeat("é", 64): {Content: "10"},
		strings.Repeat("d", 64): {Dir: true}, strings.Repeat("d", 64) + "/y": {Content: "11"}, "dot_": {Content: "12"}, "new_line": {Content: "13"},
	}
	volDiff(t, "xorriso by Joliet", want, volExtract(t, image, "-read_fs", "norock").withoutModes())
}

// Long names continue in an area after the directory: here one directory needs
// several blocks of it.
func TestCDManyLongNames(t *testing.T) {
	tree := fstest.MapFS{}
	for i := range 60 {
		tree[fmt.Sprintf("d/%s%02d", strings.Repeat("n", 120+2*i), i)] = volText(fmt.Sprint(i))
	}
	image := volFile(t, (&iso.Volume{FS: tree}).CreateCD)
	volDiff(t, "xorriso by Rock Ridge", volWant(t, tree), volExtract(t, image))
	if out := volRun(t, "isovfy", image); !strings.Contains(out, "No errors found") {
		t.Errorf("isovfy: %s", out)
	}
}

func TestCDLabel(t *testing.T) {
	for _, label := range []string{"cidata", "OEMDRV", "packer", "A Label, with = signs", strings.Repeat("0123456789abcdef", 2), ""} {
		t.Run(label, func(t *testing.T) {
			image := volFile(t, (&iso.Volume{Label: label, Content: map[string]string{"meta-data": ""}}).CreateCD)
			info := volRun(t, "isoinfo", "-d", "-i", image)
			var got []string
			for line := range strings.Lines(info) {
				if id, ok := strings.CutPrefix(line, "Volume id:"); ok {
					got = append(got, strings.TrimSpace(id))
				}
			}
			if diff := cmp.Diff([]string{label}, got); diff != "" {
				t.Errorf("primary descriptor (-want +got):\n%s", diff)
			}
			raw, err := os.ReadFile(image)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff((label + strings.Repeat(" ", 16))[:16], ucs2(raw[17*2048+40:17*2048+72])); diff != "" {
				t.Errorf("Joliet descriptor (-want +got):\n%s", diff)
			}
		})
	}
}

func ucs2(b []byte) string {
	var s strings.Builder
	for i := 0; i < len(b); i += 2 {
		s.WriteRune(rune(b[i])<<8 | rune(b[i+1]))
	}
	return s.String()
}
