package iso_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/google/go-cmp/cmp"
)

// volEntry is what a reader sees of a file or directory.
type volEntry struct {
	Dir, Exec bool
	Content   string
}

// volSeen is a tree as a reader sees it, by path.
type volSeen map[string]volEntry

// volWant is what a reader must see of a tree of files: the tree itself and the
// directories that lead to its files.
func volWant(t *testing.T, files fs.FS) volSeen {
	t.Helper()
	seen := make(volSeen)
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == "." {
			return err
		}
		info, err := fs.Stat(files, path)
		if err != nil {
			return err
		}
		e := volEntry{Dir: info.IsDir()}
		if !e.Dir {
			b, err := fs.ReadFile(files, path)
			if err != nil {
				return err
			}
			e.Content, e.Exec = string(b), info.Mode()&0o100 != 0
		}
		seen[path] = e
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

// withoutModes is the tree as readers see it where there are no modes.
func (s volSeen) withoutModes() volSeen {
	out := make(volSeen)
	for p, e := range s {
		e.Exec = false
		out[p] = e
	}
	return out
}

func volText(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s), Mode: 0o644} }

// volMany is a flat tree of files that take three FAT entries each.
func volMany(n int) fstest.MapFS {
	tree := fstest.MapFS{}
	for i := range n {
		tree[fmt.Sprintf("file number %03d", i)] = volText(fmt.Sprint(i))
	}
	return tree
}

// volTrees are trees that have been trouble for writers of seed media. Every
// name is one that both media can hold.
func volTrees() map[string]fstest.MapFS {
	many := fstest.MapFS{}
	for i := range 300 {
		many[fmt.Sprintf("many/file number %03d.conf", i)] = volText(fmt.Sprint(i))
	}
	deep := fstest.MapFS{"a/b/c/d/e/f/g/h/i/j/k/l/end.txt": volText("deep")}
	dirs := fstest.MapFS{}
	for i := range 200 {
		dirs[fmt.Sprintf("d%03d/s%03d/x", i%20, i)] = volText("x")
	}
	return map[string]fstest.MapFS{
		"empty":          {},
		"nocloud":        {"meta-data": volText(""), "user-data": volText("#cloud-config\n"), "network-config": volText("version: 2\n")},
		"flat 300 files": many, "deep": deep, "many directories": dirs,
		"8.3 clashes": {
			"longfilename1.txt": volText("1"), "longfilename2.txt": volText("2"), "LONGFI~1.TXT": volText("3"), "longfi~2.txt": volText("4"),
			"a.b.c": volText("5"), "a+b.c": volText("6"), "a_b.c": volText("7"), "README": volText("8"), "Readme.txt": volText("9"),
		},
		"unicode": {
			"résumé.txt": volText("é"), "界/世界.txt": volText("界"), "Ünïcödé dir/ß.txt": volText("ß"), "привет/мир": volText("мир"), "e\u0301 decomposed": volText("e"),
		},
		"dots and spaces": {
			".bashrc": volText("1"), ".config/.hidden/x.y.z": volText("2"), "with space.txt": volText("3"), "sub dir/a b c": volText("4"),
			"-dash": volText("5"), "a,b+c=d[e].txt": volText("6"), "tar.tar.gz": volText("7"),
		},
		"block sizes": {
			"s/0": volText(""), "s/1": volText("x"), "s/511": volText(strings.Repeat("a", 511)), "s/512": volText(strings.Repeat("b", 512)),
			"s/2047": volText(strings.Repeat("c", 2047)), "s/2048": volText(strings.Repeat("d", 2048)), "s/2049": volText(strings.Repeat("e", 2049)),
			"s/100000": volText(strings.Repeat("0123456789", 10000)), "empty": {Mode: fs.ModeDir | 0o755}, "empty2/empty3": {Mode: fs.ModeDir | 0o755},
		},
		"executable": {"run.sh": {Data: []byte("#!/bin/sh\n"), Mode: 0o700}, "bin/tool": {Data: []byte("x"), Mode: 0o555}, "bin/data": {Data: []byte("y"), Mode: 0o600}},
		"windows":    {"Autounattend.xml": volText("<x/>"), "$WinpeDriver$/viostor/w10/amd64/viostor.inf": volText("[Version]"), "$OEM$/$$/Setup/Scripts/SetupComplete.cmd": volText("rem")},
	}
}

// volRun runs a tool with UTF-8 names and returns what it printed.
func volRun(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(need.Tool(t, name), args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s%s", name, args, err, out, stderr.Bytes())
	}
	return string(out)
}

// volDiff fails the test where a reader sees something else than it must.
func volDiff(t *testing.T, reader string, want, got volSeen) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s sees (-want +got):\n%s", reader, diff)
	}
}

// volFile writes the image of a volume to a file of the test.
func volFile(t *testing.T, create func(context.Context, string) error) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "seed.img")
	if err := create(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestVolumeValidate(t *testing.T) {
	tests := []struct {
		name   string
		volume iso.Volume
		check  func(*iso.Volume) error
		want   []string // one a line of the error, in order; none: valid
	}{
		{"zero", iso.Volume{}, (*iso.Volume).Validate, nil},
		{"zero CD", iso.Volume{}, (*iso.Volume).ValidateCD, nil},
		{"zero floppy", iso.Volume{}, (*iso.Volume).ValidateFloppy, nil},
		{"cidata", iso.Volume{Label: "cidata"}, (*iso.Volume).ValidateFloppy, nil},
		{"32", iso.Volume{Label: strings.Repeat("x", 32)}, (*iso.Volume).ValidateCD, nil},
		{"33", iso.Volume{Label: strings.Repeat("x", 33)}, (*iso.Volume).Validate, []string{`Volume.Label "x{33}": has 33 characters; the label of a CD has up to 32`}},
		{"12 floppy", iso.Volume{Label: "ABCDEFGHIJKL"}, (*iso.Volume).ValidateFloppy, []string{`Volume.Label .*: has 12 characters; the label of a floppy has up to 11`}},
		{"floppy label characters", iso.Volume{Label: "A.B"}, (*iso.Volume).ValidateFloppy, []string{`Volume.Label "A.B": the label of a floppy has none of`}},
		{"label", iso.Volume{Label: "é"}, (*iso.Volume).Validate, []string{`Volume.Label "é": use printable ASCII`}},
		{"label with newline", iso.Volume{Label: "a\nb"}, (*iso.Volume).Validate, []string{`Volume.Label "a\\nb": use printable ASCII`}},
		{"label with space", iso.Volume{Label: "a "}, (*iso.Volume).Validate, []string{`Volume.Label "a ": begins or ends with a space`}},
		{"all at once", iso.Volume{Label: "é", Paths: []string{""}, Content: map[string]string{"/user-data": "", "../x": "", "": ""}}, (*iso.Volume).Validate, []string{
			`Volume.Label`, `Volume.Paths\[0\]: is empty`, `Volume.Content\[""\]: is not a file's name`,
			`Volume.Content\["../x"\]: is not .*; write "x"`, `Volume.Content\["/user-data"\]: .*write "user-data"`,
		}},
		{"missing", iso.Volume{Paths: []string{"/nonexistent/a", "/nonexistent/b"}}, (*iso.Volume).ValidateCD, []string{
			`Volume.Paths\[0\] "/nonexistent/a": .*no such file`, `Volume.Paths\[1\] "/nonexistent/b": .*no such file`,
		}},
		{"device", iso.Volume{Paths: []string{"/dev/null"}}, (*iso.Volume).ValidateCD, []string{`"/dev/null": is not a regular file`}},
		{"size", iso.Volume{FloppySize: 1000}, (*iso.Volume).ValidateFloppy, []string{`Volume.FloppySize 1000: use a multiple of 512`}},
		{"file and directory", iso.Volume{Content: map[string]string{"a": "", "a/b": ""}}, (*iso.Volume).ValidateCD, []string{`"a/b": is a directory in one of .* and a file in the other`}},
		{"long name", iso.Volume{Content: map[string]string{strings.Repeat("n", 254): ""}}, (*iso.Volume).ValidateCD, []string{`"n{254}": name has 254 bytes; shorten it to 253`}},
		{"case", iso.Volume{Content: map[string]string{"d/Éa": "", "d/éA": ""}}, (*iso.Volume).ValidateFloppy, []string{`"d/éA": FAT cannot tell it from "Éa"`}},
		{"FAT names", iso.Volume{Content: map[string]string{"a:b": "", "d/c?": "", "e.": "", "f ": ""}}, (*iso.Volume).ValidateFloppy, []string{
			`"a:b": FAT names cannot hold`, `"e.": FAT names cannot end`, `"f ": FAT names cannot end`, `"d/c\?": FAT names cannot hold`,
		}},
		{"full root", iso.Volume{Label: "x", FS: volMany(75)}, (*iso.Volume).ValidateFloppy, []string{`root directory needs 226 entries, 224 available`}},
		{"full root and volume", iso.Volume{FS: volMany(75), Content: map[string]string{"a": strings.Repeat("x", 1457665)}}, (*iso.Volume).ValidateFloppy, []string{
			`root directory needs 227 entries`, `files need 1496576 bytes`,
		}},
		{"full", iso.Volume{Content: map[string]string{"a": strings.Repeat("x", 1457665)}}, (*iso.Volume).ValidateFloppy, []string{
			`files need 1458176 bytes in clusters of 512, 1457664 available: leave some out or make the volume larger`,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.check(&tt.volume)
			var lines []string
			if err != nil {
				lines = strings.Split(err.Error(), "\n")
			}
			if len(lines) != len(tt.want) {
				t.Fatalf("got %d errors, want %d:\n%v", len(lines), len(tt.want), err)
			}
			for i, line := range lines {
				volMatch(t, tt.want[i], line)
			}
		})
	}
}
