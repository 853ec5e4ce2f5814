package httpserve

import (
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// Text is a file system of names and their contents, for answer files that are
// written in the program itself: Text{"seed/user-data": "#cloud-config\n"}.
// Names have no leading slash. It must not be modified while in use.
type Text map[string]string

// Open implements [io/fs.FS].
func (t Text) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	if content, ok := t[name]; ok {
		info := textInfo{path.Base(name), int64(len(content)), false}
		return &textFile{strings.NewReader(content), info}, nil
	}
	entries := t.entries(name)
	if len(entries) == 0 && name != "." {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &textDir{textInfo{path.Base(name), 0, true}, name, entries}, nil
}

// entries lists the directory name, which exists if a file's name implies it.
func (t Text) entries(name string) []fs.DirEntry {
	prefix := name + "/"
	if name == "." {
		prefix = ""
	}
	seen := map[string]textInfo{}
	for file, content := range t {
		rest, ok := strings.CutPrefix(file, prefix)
		if !ok {
			continue
		}
		first, _, deeper := strings.Cut(rest, "/")
		if deeper {
			seen[first] = textInfo{first, 0, true}
		} else {
			seen[first] = textInfo{first, int64(len(content)), false}
		}
	}
	list := make([]fs.DirEntry, 0, len(seen))
	for _, info := range seen {
		list = append(list, fs.FileInfoToDirEntry(info))
	}
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return list
}

// problems lists the names that cannot be served, sorted.
func (t Text) problems() []string {
	var list []string
	for name := range t {
		if !fs.ValidPath(name) || name == "." {
			list = append(list, fmt.Sprintf("%q: is no file name; write it like \"dir/file\", without a slash at the ends", name))
		}
		for parent := path.Dir(name); parent != "." && parent != "/"; parent = path.Dir(parent) {
			if _, ok := t[parent]; ok {
				list = append(list, fmt.Sprintf("%q: is a file, and %q needs a directory there; rename one", parent, name))
			}
		}
	}
	slices.Sort(list)
	return list
}

type textFile struct {
	*strings.Reader
	info textInfo
}

func (f *textFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *textFile) Close() error               { return nil }

type textDir struct {
	info textInfo
	name string
	left []fs.DirEntry
}

func (d *textDir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *textDir) Close() error               { return nil }

func (d *textDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.name, Err: fs.ErrInvalid}
}

// ReadDir implements [io/fs.ReadDirFile].
func (d *textDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n > 0 && len(d.left) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(d.left) {
		n = len(d.left)
	}
	list := d.left[:n]
	d.left = d.left[n:]
	return list, nil
}

type textInfo struct {
	name string
	size int64
	dir  bool
}

func (i textInfo) Name() string       { return i.name }
func (i textInfo) Size() int64        { return i.size }
func (i textInfo) ModTime() time.Time { return time.Time{} }
func (i textInfo) IsDir() bool        { return i.dir }
func (i textInfo) Sys() any           { return nil }

func (i textInfo) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o555
	}
	return 0o444
}
