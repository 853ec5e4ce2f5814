package ssh

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

const createNew = os.O_WRONLY | os.O_CREATE | os.O_EXCL

// destination is where an upload goes: SFTP, or the guest's shell.
type destination interface {
	put(from *reader, name string, mode fs.FileMode) error
	mkdir(name string) error
	link(target, name string) error
}

// Upload copies a local file to the guest. Remote is the path of the file
// itself, relative to the home directory where it does not begin with "/". The
// file gets its name only when it is whole, and keeps its permissions unless
// t.Mode says otherwise.
//
// It goes by SFTP, and where the guest has none through cat and mv in its
// shell.
func (c *Client) Upload(ctx context.Context, local, remote string, t *Transfer) error {
	file, err := os.Open(local)
	if err != nil {
		return fmt.Errorf("ssh: upload: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("ssh: upload: %w", err)
	}
	if info.IsDir() {
		return fmt.Errorf("ssh: upload: %q is a directory; use UploadTree", local)
	}
	return c.upload(ctx, file, info.Size(), info.Mode(), remote, t)
}

// UploadReader copies what r gives, until its end, to a file in the guest, like
// [Client.Upload]. The size is only for Progress; give -1 where it is not
// known.
func (c *Client) UploadReader(ctx context.Context, r io.Reader, size int64, remote string, t *Transfer) error {
	return c.upload(ctx, r, size, 0, remote, t)
}

func (c *Client) upload(ctx context.Context, r io.Reader, size int64, mode fs.FileMode, remote string, t *Transfer) error {
	if err := checkRemote(remote); err != nil {
		return fmt.Errorf("ssh: upload: %w", err)
	}
	if strings.HasSuffix(remote, "/") {
		return fmt.Errorf("ssh: upload: %w", errIsDirectory(remote))
	}
	x := newCopying(t, size)
	return c.send(ctx, fmt.Sprintf("upload to %q", remote), x, func(d destination) error {
		return d.put(&reader{ctx: ctx, from: r, copy: x}, remote, x.upMode(mode))
	})
}

// UploadTree copies all of a file system, a directory by os.DirFS for instance,
// into a directory of the guest, which is made if it is not there. What is
// there stays, except for files of the same names. Symbolic links are made
// again as they are.
func (c *Client) UploadTree(ctx context.Context, fsys fs.FS, remote string, t *Transfer) error {
	if err := checkRemote(remote); err != nil {
		return fmt.Errorf("ssh: upload tree: %w", err)
	}
	entries, size, err := walk(fsys)
	if err != nil {
		return fmt.Errorf("ssh: upload tree: %w", err)
	}
	x := newCopying(t, size)
	return c.send(ctx, fmt.Sprintf("upload tree to %q", remote), x, func(d destination) error {
		for _, e := range entries {
			if err := e.send(ctx, fsys, remote, x, d); err != nil {
				return err
			}
		}
		return nil
	})
}

// send runs do with SFTP if the guest has it, and else with its shell.
func (c *Client) send(ctx context.Context, op string, x *copying, do func(destination) error) error {
	err := c.withSFTP(ctx, op, x, func(s *sftpStore) error { return do(s) })
	if !errors.Is(err, errNoSFTP) {
		return err
	}
	x.over.Store(false)
	if err := do(&shellStore{ctx: ctx, client: c}); err != nil {
		return fmt.Errorf("ssh: %s: %w", op, err)
	}
	return nil
}

// entry is one thing of a tree.
type entry struct {
	name string
	info fs.FileInfo
	link string
}

// walk lists a tree, with what is needed to say no before the first byte.
func walk(fsys fs.FS) (entries []entry, size int64, err error) {
	err = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		e := entry{name: name}
		if e.info, err = d.Info(); err != nil {
			return err
		}
		switch {
		case d.Type() == fs.ModeSymlink:
			e.link, err = fs.ReadLink(fsys, name)
		case d.Type().IsRegular():
			size += e.info.Size()
		case !d.IsDir():
			err = fmt.Errorf("%q is neither a file, a directory nor a link; leave it out", name)
		}
		entries = append(entries, e)
		return err
	})
	return entries, size, err
}

func (e *entry) send(ctx context.Context, fsys fs.FS, remote string, x *copying, d destination) error {
	name := path.Join(remote, e.name)
	switch {
	case e.info.IsDir():
		return d.mkdir(name)
	case e.link != "":
		return d.link(e.link, name)
	}
	file, err := fsys.Open(e.name)
	if err != nil {
		return err
	}
	defer file.Close()
	return d.put(&reader{ctx: ctx, from: file, copy: x}, name, x.upMode(e.info.Mode()))
}

func checkRemote(name string) error {
	if name == "" {
		return errors.New("the path in the guest is empty; give one, or \".\" for the home directory")
	}
	if strings.Contains(name, "\x00") {
		return fmt.Errorf("the path in the guest contains a NUL: %q", name)
	}
	return nil
}

// temporaryName returns a name beside the given one, which nobody else uses.
func temporaryName(name string) string {
	dir, _ := path.Split(name)
	return dir + ".bootscribe-" + rand.Text()
}
