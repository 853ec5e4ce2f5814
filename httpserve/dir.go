package httpserve

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

var errNotRegular = errors.New("neither a regular file nor a directory")

// Dir returns the files of a directory of the host for [Config.Files]. Unlike
// those of os.DirFS, its symbolic links cannot lead out of the directory, not
// even one that is made while the server runs, and a named pipe or a device in
// it cannot be opened. It holds no file descriptor between calls. A relative
// path is resolved at once.
func Dir(path string) (fs.FS, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("httpserve: directory %q: %w", path, err)
	}
	fi, err := os.Stat(abs)
	if err != nil {
		return nil, fmt.Errorf("httpserve: directory: %w", err)
	}
	if !fi.IsDir() {
		return nil, fmt.Errorf("httpserve: directory %q: is a file; name the directory that holds it", path)
	}
	return dir{abs}, nil
}

type dir struct{ path string }

// Open opens a regular file or a directory. What it opens is inspected through
// its descriptor, so swapping the name between the two steps gains nothing.
func (d dir) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	root, err := os.OpenRoot(d.path)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := openIn(root, name)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func openIn(root *os.Root, name string) (*os.File, error) {
	// Opening a device can have effects, so look first; a pipe that takes the
	// name's place after the look does not block because of openFlags.
	fi, err := root.Stat(name)
	if err != nil {
		return nil, err
	}
	if err := servable(name, fi); err != nil {
		return nil, err
	}
	f, err := root.OpenFile(name, openFlags, 0)
	if err != nil {
		return nil, err
	}
	if fi, err = f.Stat(); err == nil {
		err = servable(name, fi)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func servable(name string, fi fs.FileInfo) error {
	if fi.Mode().IsRegular() || fi.IsDir() {
		return nil
	}
	return &fs.PathError{Op: "open", Path: name, Err: errNotRegular}
}
