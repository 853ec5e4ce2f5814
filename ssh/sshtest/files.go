package sshtest

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/pkg/sftp"
	xssh "golang.org/x/crypto/ssh"
)

func (s *Server) hasSFTP() bool { return s.config.Dir != "" || s.config.SFTP != nil }

// sftp serves the files of Config.Dir to one session.
func (s *Server) sftp(ch xssh.Channel) {
	defer ch.Close()
	status := uint32(0)
	if err := s.serveFiles(ch); err != nil && !errors.Is(err, io.EOF) {
		status = 1
	}
	ch.SendRequest("exit-status", false, xssh.Marshal(struct{ Status uint32 }{status}))
}

func (s *Server) serveFiles(ch io.ReadWriteCloser) error {
	if s.config.SFTP != nil {
		return s.config.SFTP(ch)
	}
	root, err := os.OpenRoot(s.config.Dir)
	if err != nil {
		return err
	}
	defer root.Close()
	f := &files{root}
	server := sftp.NewRequestServer(ch, sftp.Handlers{FileGet: f, FilePut: f, FileCmd: f, FileList: f})
	defer server.Close()
	return server.Serve()
}

// files serves a directory as "/".
type files struct{ root *os.Root }

// local returns the name below the root of a path that the library has made
// absolute and clean.
func local(path string) string {
	if name := strings.TrimPrefix(path, "/"); name != "" {
		return name
	}
	return "."
}

// Fileread opens a file for reading.
func (f *files) Fileread(r *sftp.Request) (io.ReaderAt, error) { return f.root.Open(local(r.Filepath)) }

// Filewrite opens a file for writing.
func (f *files) Filewrite(r *sftp.Request) (io.WriterAt, error) {
	flags, asked := os.O_WRONLY, r.Pflags()
	if asked.Creat {
		flags |= os.O_CREATE
	}
	if asked.Excl {
		flags |= os.O_EXCL
	}
	if asked.Trunc {
		flags |= os.O_TRUNC
	}
	file, err := f.root.OpenFile(local(r.Filepath), flags, 0o644)
	if err != nil {
		return nil, err
	}
	return written{file}, nil
}

// written is a file that a client writes, and may run when it is closed.
type written struct{ *os.File }

// Close closes the file when no fork is under way: a program that this one starts
// inherits the file for a moment, and one that is open cannot be run ("text file
// busy").
func (w written) Close() error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return w.File.Close()
}

// Filecmd does everything that changes names and attributes.
func (f *files) Filecmd(r *sftp.Request) error {
	name, target := local(r.Filepath), local(r.Target)
	switch r.Method {
	case "Setstat":
		return f.setstat(name, r)
	case "Rename":
		if _, err := f.root.Lstat(target); err == nil {
			return fs.ErrExist
		}
		return f.root.Rename(name, target)
	case "Rmdir", "Remove":
		return f.root.Remove(name)
	case "Mkdir":
		return f.root.Mkdir(name, 0o755)
	case "Symlink":
		// The library hands the link's text in Filepath and its place in Target.
		return f.root.Symlink(r.Filepath, target)
	}
	return sftp.ErrSSHFxOpUnsupported
}

// PosixRename renames over what is there.
func (f *files) PosixRename(r *sftp.Request) error {
	return f.root.Rename(local(r.Filepath), local(r.Target))
}

func (f *files) setstat(name string, r *sftp.Request) error {
	flags, attributes := r.AttrFlags(), r.Attributes()
	if flags.Permissions {
		if err := f.root.Chmod(name, attributes.FileMode().Perm()); err != nil {
			return err
		}
	}
	if flags.Size {
		return os.ErrInvalid
	}
	return nil
}

// Filelist lists a directory, or one file.
func (f *files) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	if r.Method != "List" {
		info, err := f.root.Stat(local(r.Filepath))
		return infos{info}, err
	}
	dir, err := f.root.Open(local(r.Filepath))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	list, err := dir.Readdir(-1)
	return infos(list), err
}

// Lstat describes a name without following a link.
func (f *files) Lstat(r *sftp.Request) (sftp.ListerAt, error) {
	info, err := f.root.Lstat(local(r.Filepath))
	return infos{info}, err
}

// Readlink returns the text of a link.
func (f *files) Readlink(name string) (string, error) { return f.root.Readlink(local(name)) }

// infos is a listing.
type infos []fs.FileInfo

// ListAt copies a part of the listing.
func (l infos) ListAt(to []os.FileInfo, offset int64) (int, error) {
	if offset >= int64(len(l)) {
		return 0, io.EOF
	}
	n := copy(to, l[offset:])
	if n < len(to) {
		return n, io.EOF
	}
	return n, nil
}
