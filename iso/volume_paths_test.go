package iso_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/bootscribe/bootscribe/iso"
	"github.com/google/go-cmp/cmp"
)

func volMatch(t *testing.T, pattern, text string) {
	t.Helper()
	if ok, err := regexp.MatchString(pattern, text); err != nil || !ok {
		t.Errorf("got %q, want a match of %q (%v)", text, pattern, err)
	}
}

// volHost makes a directory of the host from name and text; names ending in a
// slash are directories, texts beginning with -> are links.
func volHost(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		switch target, isLink := strings.CutPrefix(text, "->"); {
		case isLink:
			err = os.Symlink(target, full)
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(full, 0o755)
		default:
			err = os.WriteFile(full, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestVolumePaths(t *testing.T) {
	dir := volHost(t, map[string]string{
		"top.txt": "top", "tree/a": "a", "tree/sub/b": "b", "tree/void/": "", "tree/link": "->sub/b", "-x": "dash",
		"top-link": "->top.txt", "tree-link": "->tree",
	})
	t.Chdir(dir)
	inTree := map[string]string{"a": "a", "sub/b": "b", "link": "b"}
	under := func(prefix string) volSeen {
		seen := volSeen{prefix + "sub": {Dir: true}, prefix + "void": {Dir: true}}
		for name, text := range inTree {
			seen[prefix+name] = volEntry{Content: text}
		}
		if prefix != "" {
			seen[strings.TrimSuffix(prefix, "/")] = volEntry{Dir: true}
		}
		return seen
	}
	tests := map[string]struct {
		volume iso.Volume
		want   volSeen
	}{
		"file":               {iso.Volume{Paths: []string{"top.txt"}}, volSeen{"top.txt": {Content: "top"}}},
		"file below":         {iso.Volume{Paths: []string{filepath.Join(dir, "tree/sub/b"), "-x"}}, volSeen{"b": {Content: "b"}, "-x": {Content: "dash"}}},
		"same file twice":    {iso.Volume{Paths: []string{"top.txt", filepath.Join(dir, "top.txt")}}, volSeen{"top.txt": {Content: "top"}}},
		"link to file":       {iso.Volume{Paths: []string{"top-link"}}, volSeen{"top-link": {Content: "top"}}},
		"link to directory":  {iso.Volume{Paths: []string{"tree-link/"}}, under("")},
		"directory":          {iso.Volume{Paths: []string{"tree"}}, under("tree/")},
		"its contents":       {iso.Volume{Paths: []string{"tree/"}}, under("")},
		"its contents, dot":  {iso.Volume{Paths: []string{"./tree/."}}, under("")},
		"content wins":       {iso.Volume{Paths: []string{"top.txt"}, Content: map[string]string{"top.txt": "mine", "d/e/f": "x"}}, volSeen{"top.txt": {Content: "mine"}, "d": {Dir: true}, "d/e": {Dir: true}, "d/e/f": {Content: "x"}}},
		"paths win over FS":  {iso.Volume{Paths: []string{"top.txt"}, FS: fstest.MapFS{"top.txt": volText("fs"), "more": volText("fs")}}, volSeen{"top.txt": {Content: "top"}, "more": {Content: "fs"}}},
		"directories merge":  {iso.Volume{Paths: []string{"tree"}, Content: map[string]string{"tree/sub/c": "c"}}, merged(under("tree/"), volSeen{"tree/sub/c": {Content: "c"}})},
		"working directory":  {iso.Volume{Paths: []string{"./tree/sub/../sub/"}}, volSeen{"b": {Content: "b"}}},
		"FS with directory ": {iso.Volume{FS: os.DirFS("tree")}, under("")},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			volDiff(t, "xorriso", tt.want, volExtract(t, volFile(t, tt.volume.CreateCD)))
		})
	}
}

func merged(a, b volSeen) volSeen {
	for k, v := range b {
		a[k] = v
	}
	return a
}

func TestVolumeRefusesPaths(t *testing.T) {
	dir := volHost(t, map[string]string{
		"x": "1", "other/x": "2", "secret": "s", "escape/link": "->../secret", "absolute/link": "->/etc/passwd", "dirs/d/": "", "dirs/link": "->d",
		"loop/link": "->link", "dangling/link": "->nothing", "bad/\xff": "latin1",
	})
	t.Chdir(dir)
	tests := map[string]struct {
		paths []string
		want  string
	}{
		"two of a name":     {[]string{"x", "other/x"}, `Volume.Paths\[1\] "other/x": "x": is given by both .*/x and .*/other/x: drop or rename one`},
		"file as directory": {[]string{"x/"}, `not a directory|is not a directory`},
		"escape":            {[]string{"escape"}, `Volume.Paths\[0\] "escape": .*escapes`},
		"absolute":          {[]string{"absolute/"}, `Volume.Paths\[0\] "absolute/": .*escapes`},
		"directory link":    {[]string{"dirs"}, `"link": is a symbolic link to a directory; put a copy there`},
		"loop":              {[]string{"loop"}, `loop|too many levels`},
		"dangling":          {[]string{"dangling"}, `no such file`},
		"not UTF-8":         {[]string{"bad"}, `"\\xff": name is not valid UTF-8; rename it`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := (&iso.Volume{Paths: tt.paths}).ValidateCD()
			if err == nil {
				t.Fatal("no error")
			}
			volMatch(t, tt.want, err.Error())
		})
	}
}

func TestVolumeIsDeterministic(t *testing.T) {
	files := map[string]string{"a": "1", "b/c": "2", "b/d": strings.Repeat("x", 5000)}
	write := func(volume iso.Volume, f func(*iso.Volume, context.Context, io.Writer) error) []byte {
		var b bytes.Buffer
		if err := f(&volume, t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	for name, f := range map[string]func(*iso.Volume, context.Context, io.Writer) error{
		"CD": (*iso.Volume).WriteCD, "floppy": (*iso.Volume).WriteFloppy,
	} {
		t.Run(name, func(t *testing.T) {
			dir := volHost(t, files)
			if err := os.Chtimes(filepath.Join(dir, "a"), time.Unix(1, 0), time.Unix(1, 0)); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(filepath.Join(dir, "a"), 0o666); err != nil {
				t.Fatal(err)
			}
			one := write(iso.Volume{Label: "x", Paths: []string{dir + "/"}}, f)
			two := write(iso.Volume{Label: "x", Content: files}, f)
			if !bytes.Equal(one, two) {
				t.Error("the same files give other bytes")
			}
			if bytes.Equal(one, write(iso.Volume{Label: "x", Content: files, Time: time.Unix(1e9, 0)}, f)) {
				t.Error("another time gives the same bytes")
			}
		})
	}
}

func TestVolumeCreateLeavesFilesAlone(t *testing.T) {
	volume := iso.Volume{Content: map[string]string{"a": "b"}}
	for name, create := range map[string]func(context.Context, string) error{"CD": volume.CreateCD, "floppy": volume.CreateFloppy} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "mine")
			if err := os.WriteFile(path, []byte("mine"), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := create(t.Context(), path); !errors.Is(err, fs.ErrExist) {
				t.Errorf("got %v, want %v", err, fs.ErrExist)
			}
			if b, err := os.ReadFile(path); err != nil || string(b) != "mine" {
				t.Errorf("the file is now %q, %v", b, err)
			}
			fresh := volFile(t, create)
			info, err := os.Stat(fresh)
			if err != nil || info.Mode() != 0o600 {
				t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
			}
		})
	}
}

// A changingFS says another size than its file has, as if it changed between
// the plan and the copy.
type changingFS struct {
	fstest.MapFS
	extra string
}

func (c changingFS) Open(name string) (fs.File, error) {
	if name == "file" {
		return fstest.MapFS{"file": volText(c.extra)}.Open(name)
	}
	return c.MapFS.Open(name)
}

func (c changingFS) Stat(name string) (fs.FileInfo, error) { return c.MapFS.Stat(name) }

func TestVolumeCreateRemovesWhatFailed(t *testing.T) {
	canceled, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	cancel(cause)
	planned := fstest.MapFS{"file": volText("planned")}
	tests := map[string]struct {
		ctx  context.Context
		fs   fs.FS
		want string
	}{
		"grown":    {t.Context(), changingFS{planned, "planned and more"}, `"file": Volume.FS file is no longer 7 bytes long`},
		"shrunk":   {t.Context(), changingFS{planned, "plan"}, `"file": Volume.FS file is no longer 7 bytes long`},
		"canceled": {canceled, planned, "enough"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			volume := iso.Volume{FS: tt.fs}
			for _, create := range []func(context.Context, string) error{volume.CreateCD, volume.CreateFloppy} {
				err := create(tt.ctx, filepath.Join(dir, "seed"))
				if err == nil {
					t.Fatal("no error")
				}
				volMatch(t, tt.want, err.Error())
			}
			left, err := os.ReadDir(dir)
			if diff := cmp.Diff(0, len(left)); diff != "" || err != nil {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}
