package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"sync/atomic"

	"github.com/pkg/sftp"
	xssh "golang.org/x/crypto/ssh"
)

// errNoSFTP says that the guest has no SFTP, as many small ones have not.
var errNoSFTP = errors.New("the guest's sshd has no SFTP; install its sftp-server")

// maxListing is how much a guest may send as the listing of one directory:
// that comes into memory as a whole, and has no end but the guest's word.
const maxListing = 16 << 20

// sftpStore is the guest's files by SFTP.
type sftpStore struct {
	*sftp.Client
	session *xssh.Session
	limit   *limited
}

// limited is a reader that can be given a limit for a while.
type limited struct {
	from io.Reader
	left atomic.Int64 // zero is no limit, negative is beyond it
}

var errEndless = errors.New("the guest lists it without end")

// Read reads, and fails at the limit.
func (l *limited) Read(p []byte) (int, error) {
	n, err := l.from.Read(p)
	if left := l.left.Load(); left != 0 && l.left.Add(-int64(n)) <= 0 {
		l.left.Store(-1)
		return 0, errEndless
	}
	return n, err
}

// sftpSession opens an SFTP session. The error is errNoSFTP where there is
// none but the connection is good.
func (c *Client) sftpSession(s *xssh.Session) (*sftpStore, error) {
	stdin, err := s.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := s.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.RequestSubsystem("sftp"); err != nil {
		return nil, c.noSFTP(err)
	}
	limit := &limited{from: stdout}
	// Without concurrent writes, a packet would wait for the answer to the
	// one before. A failed upload may then have holes: see put.
	client, err := sftp.NewClientPipe(limit, stdin, sftp.UseConcurrentWrites(true))
	if err != nil {
		return nil, c.noSFTP(err)
	}
	return &sftpStore{client, s, limit}, nil
}

func (c *Client) noSFTP(err error) error {
	if c.Err() != nil {
		return err
	}
	c.sftpMissing.Store(true)
	return errNoSFTP
}

// withSFTP runs do on a new SFTP session.
func (c *Client) withSFTP(ctx context.Context, op string, x *copying, do func(*sftpStore) error) error {
	if c.sftpMissing.Load() {
		return fmt.Errorf("ssh: %s: %w", op, errNoSFTP)
	}
	var session atomic.Pointer[xssh.Session]
	abort := func() {
		if s := session.Load(); s != nil {
			s.Close()
		}
	}
	return c.guard(ctx, op, x, abort, func() error {
		s, err := c.ssh.NewSession()
		if err != nil {
			return err
		}
		defer s.Close()
		session.Store(s)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		store, err := c.sftpSession(s)
		if err != nil {
			return err
		}
		defer store.Close()
		return do(store)
	})
}

// put writes a file under a temporary name, checks that it is whole, and gives
// it its own name.
func (s *sftpStore) put(from *reader, name string, mode fs.FileMode) (err error) {
	if info, err := s.Stat(name); err == nil && info.IsDir() {
		return errIsDirectory(name)
	}
	temporary := temporaryName(name)
	file, err := s.OpenFile(temporary, createNew)
	if err != nil {
		return fmt.Errorf("create %q: %w", name, err)
	}
	defer func() {
		if err != nil {
			file.Close()
			s.Remove(temporary)
		}
	}()
	// Before the content, which may be a secret.
	if err := file.Chmod(mode); err != nil {
		return fmt.Errorf("set mode of %q: %w", name, err)
	}
	if _, err := file.ReadFromWithConcurrency(from, 0); err != nil {
		return fmt.Errorf("write %q: %w", name, err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("close %q: %w", name, err)
	}
	info, err := s.Stat(temporary)
	if err != nil {
		return fmt.Errorf("check %q: %w", name, err)
	}
	if info.Size() != from.n {
		return fmt.Errorf("check %q: the guest has %d bytes of %d", name, info.Size(), from.n)
	}
	if err := s.replace(temporary, name); err != nil {
		return fmt.Errorf("rename to %q: %w", name, err)
	}
	return nil
}

// replace renames a file over what is there. The rename of SFTP itself does
// not do that; the extension of OpenSSH does.
func (s *sftpStore) replace(from, to string) error {
	if _, ok := s.HasExtension("posix-rename@openssh.com"); ok {
		return s.PosixRename(from, to)
	}
	if _, err := s.Lstat(to); err == nil {
		if err := s.Remove(to); err != nil {
			return err
		}
	}
	return s.Rename(from, to)
}

// mkdir makes a directory and those above it.
func (s *sftpStore) mkdir(name string) error {
	if err := s.MkdirAll(name); err != nil {
		return fmt.Errorf("make directory %q: %w", name, err)
	}
	return nil
}

// link makes a symbolic link, in place of a link or file that is there.
func (s *sftpStore) link(target, name string) error {
	if info, err := s.Lstat(name); err == nil && !info.IsDir() {
		s.Remove(name)
	}
	if err := s.Symlink(target, name); err != nil {
		return fmt.Errorf("link %q: %w", name, err)
	}
	return nil
}

// get copies a file of the guest.
func (s *sftpStore) get(name string, to *writer) (fs.FileMode, error) {
	file, err := s.Open(name)
	if err != nil {
		return 0, fmt.Errorf("open %q: %w", name, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return 0, fmt.Errorf("open %q: %w", name, err)
	}
	if info.IsDir() {
		return 0, errIsDirectory(name)
	}
	if to.copy.single && info.Mode().IsRegular() && info.Size() > 0 {
		to.copy.total = info.Size()
	}
	if _, err := file.WriteTo(to); err != nil {
		return 0, fmt.Errorf("read %q: %w", name, err)
	}
	// More is no fault: logs grow, and files of /proc claim to be empty.
	if to.n < info.Size() {
		return 0, fmt.Errorf("read %q: %d bytes of %d came", name, to.n, info.Size())
	}
	return info.Mode(), nil
}

// list returns the entries of a directory.
func (s *sftpStore) list(ctx context.Context, dir string) ([]fs.FileInfo, error) {
	s.limit.left.Store(maxListing)
	defer s.limit.left.Store(0)
	infos, err := s.ReadDirContext(ctx, dir)
	if s.limit.left.Load() < 0 { // the library knows only that the reading ended
		err = errEndless
	}
	if err != nil {
		return nil, fmt.Errorf("list %q: %w", dir, err)
	}
	return infos, nil
}

func errIsDirectory(name string) error {
	return fmt.Errorf("%q is a directory; name the file itself", path.Clean(name))
}
