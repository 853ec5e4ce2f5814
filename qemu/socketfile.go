package qemu

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// maxSocket is the length of a socket's path: sun_path holds 108 bytes on Linux
// and 104 on macOS, with the final NUL.
const maxSocket = 103

// socketPath finds a path that no Unix socket can have.
func (f *findings) socketPath(field, path string) {
	f.path(field, path, true)
	if len(path) > maxSocket {
		f.add(field, fmt.Sprintf("use a path of at most %d bytes, such as one in /tmp", maxSocket), "%d bytes are too long for a socket: %q", len(path), path)
	}
}

// freeSocket finds what is in the way of a new socket.
func (f *findings) freeSocket(field, path string) {
	if abs, err := filepath.Abs(path); err == nil && len(path) <= maxSocket {
		f.socketPath(field, abs)
	}
	if dir := filepath.Dir(path); !isDir(dir) {
		f.add(field, "create it, with a mode that lets only you in", "%q is not a directory", dir)
	} else if _, err := os.Lstat(path); err == nil {
		f.add(field, "remove it, or choose another path", "%q exists", path)
	}
}

// socketFile is a Unix socket that other programs find by its path. This package
// listens itself and hands that to QEMU, which would remove a file that is in
// its way.
type socketFile struct {
	path string // absolute
	made os.FileInfo
	file *os.File // what listens; closed when QEMU has it
}

// listenSocket listens at a path where nothing is yet.
func listenSocket(path string) (*socketFile, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	s := &socketFile{path: path}
	// QEMU removes the name that it was bound to, whoever has that by then.
	bound := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%06x", rand.N(1<<24)))
	if s.file, err = listenUnix(bound); err != nil {
		return nil, err
	}
	err = giveName(bound, path)
	if err == nil {
		s.made, err = os.Lstat(path)
	}
	if err != nil {
		s.file.Close()
		os.Remove(bound)
		return nil, err
	}
	return s, nil
}

// giveName renames a file to one that does not exist yet. Not every file system
// has links of sockets.
func giveName(from, to string) error {
	err := os.Link(from, to)
	switch {
	case err == nil:
		return os.Remove(from)
	case errors.Is(err, os.ErrExist):
		return err
	}
	if _, err := os.Lstat(to); err == nil {
		return &os.PathError{Op: "listen", Path: to, Err: os.ErrExist}
	}
	return os.Rename(from, to)
}

// close stops listening in this program, and removes the file that was made,
// but not another one that has taken its place. A nil socketFile has nothing to
// close.
func (s *socketFile) close() {
	if s == nil {
		return
	}
	s.file.Close()
	// Another file may have got the number of one that was removed.
	now, err := os.Lstat(s.path)
	if err == nil && os.SameFile(now, s.made) && now.Mode() == s.made.Mode() && now.ModTime().Equal(s.made.ModTime()) {
		os.Remove(s.path)
	}
}
