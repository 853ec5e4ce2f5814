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
	"path/filepath"
	"strings"
)

// Download copies a file of the guest to a local path, which must not exist
// unless t.Overwrite is set. The local file gets its name only when it is
// whole. It goes by SFTP, and where the guest has none through cat.
func (c *Client) Download(ctx context.Context, remote, local string, t *Transfer) error {
	if err := checkRemote(remote); err != nil {
		return fmt.Errorf("ssh: download: %w", err)
	}
	root, err := os.OpenRoot(filepath.Dir(local))
	if err != nil {
		return fmt.Errorf("ssh: download: %w", err)
	}
	defer root.Close()
	x := newCopying(t, -1)
	x.single = true
	return c.receive(ctx, fmt.Sprintf("download %q", remote), x, func(get getter) error {
		return keep(ctx, root, filepath.Base(local), x, func(w *writer) (fs.FileMode, error) { return get(remote, w) })
	})
}

// DownloadTo copies a file of the guest to w, from a goroutine of its own, like
// [Client.Download].
func (c *Client) DownloadTo(ctx context.Context, remote string, w io.Writer, t *Transfer) error {
	if err := checkRemote(remote); err != nil {
		return fmt.Errorf("ssh: download: %w", err)
	}
	x := newCopying(t, -1)
	x.single = true
	return c.receive(ctx, fmt.Sprintf("download %q", remote), x, func(get getter) error {
		_, err := get(remote, &writer{ctx: ctx, to: w, copy: x})
		return err
	})
}

// getter copies one file of the guest, and returns its mode as far as known.
type getter func(remote string, w *writer) (fs.FileMode, error)

// receive runs do with SFTP if the guest has it, and else with its shell.
func (c *Client) receive(ctx context.Context, op string, x *copying, do func(getter) error) error {
	err := c.withSFTP(ctx, op, x, func(s *sftpStore) error { return do(s.get) })
	if !errors.Is(err, errNoSFTP) {
		return err
	}
	x.over.Store(false)
	shell := &shellStore{ctx: ctx, client: c}
	err = do(func(remote string, w *writer) (fs.FileMode, error) { return 0, shell.get(remote, w) })
	if err != nil {
		return fmt.Errorf("ssh: %s: %w", op, err)
	}
	return nil
}

// DownloadTree copies the files and directories in a directory of the guest
// into a local directory, which is made if it is not there. It needs SFTP.
//
// The guest may be hostile: nothing is written outside the directory, whatever
// names the guest sends; no links and devices are made; modes are those of
// [Transfer.Mode]; and the limits of t hold.
func (c *Client) DownloadTree(ctx context.Context, remote, local string, t *Transfer) error {
	if err := checkRemote(remote); err != nil {
		return fmt.Errorf("ssh: download tree: %w", err)
	}
	if err := os.MkdirAll(local, 0o755); err != nil {
		return fmt.Errorf("ssh: download tree: %w", err)
	}
	root, err := os.OpenRoot(local)
	if err != nil {
		return fmt.Errorf("ssh: download tree: %w", err)
	}
	defer root.Close()
	x := newCopying(t, -1)
	return c.withSFTP(ctx, fmt.Sprintf("download tree %q", remote), x, func(s *sftpStore) error {
		return (&tree{ctx, s, root, x, 0}).fetch(remote, ".")
	})
}

// tree is a tree's download under way.
type tree struct {
	ctx   context.Context
	guest *sftpStore
	root  *os.Root
	copy  *copying
	files int
}

// maxDepth is how deep directories may be nested: a guest can go on for ever,
// and the stack of this process should not.
const maxDepth = 128

// fetch copies a directory of the guest into one below root.
func (t *tree) fetch(remote, local string) error {
	if strings.Count(local, string(filepath.Separator)) >= maxDepth {
		return fmt.Errorf("list %q: more than %d directories deep", remote, maxDepth)
	}
	infos, err := t.guest.list(t.ctx, remote)
	if err != nil {
		return err
	}
	for _, info := range infos {
		if t.files++; t.copy.MaxFiles >= 0 && t.files > t.copy.MaxFiles {
			return fmt.Errorf("list %q: more than %d files; raise Transfer.MaxFiles if that is right", remote, t.copy.MaxFiles)
		}
		if err := t.one(info, path.Join(remote, info.Name()), filepath.Join(local, info.Name())); err != nil {
			return err
		}
	}
	return nil
}

// one copies one entry of a directory.
func (t *tree) one(info fs.FileInfo, remote, local string) error {
	switch mode := info.Mode(); {
	case !isElement(info.Name()):
		t.skip(remote, "the name cannot be that of a file here")
		return nil
	case mode.IsDir():
		if err := t.root.Mkdir(local, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		return t.fetch(remote, local)
	case !mode.IsRegular():
		t.skip(remote, "is neither a file nor a directory")
		return nil
	}
	return keep(t.ctx, t.root, local, t.copy, func(w *writer) (fs.FileMode, error) { return t.guest.get(remote, w) })
}

func (t *tree) skip(name, reason string) {
	if t.copy.Skipped == nil {
		return
	}
	t.copy.caller.Lock()
	defer t.copy.caller.Unlock()
	t.copy.Skipped(printable(name), reason)
}

// isElement reports whether a name from the guest is one element of a path
// here, and nothing else.
func isElement(name string) bool {
	return name != "." && filepath.IsLocal(name) && !strings.ContainsAny(name, "/\x00"+string(filepath.Separator))
}

// keep has fetch write to a temporary file below root, and names it when it is
// whole.
func keep(ctx context.Context, root *os.Root, name string, x *copying, fetch func(*writer) (fs.FileMode, error)) (err error) {
	if err := vacant(root, name, x.Overwrite); err != nil {
		return err
	}
	temporary := filepath.Join(filepath.Dir(name), ".bootscribe-"+rand.Text())
	file, err := root.OpenFile(temporary, createNew, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			file.Close()
			root.Remove(temporary)
		}
	}()
	mode, err := fetch(&writer{ctx: ctx, to: file, copy: x})
	if err != nil {
		return err
	}
	if err := file.Chmod(x.downMode(mode)); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	if err := vacant(root, name, x.Overwrite); err != nil {
		return err
	}
	return root.Rename(temporary, name)
}

// vacant returns an error when the name is taken by what must stay.
func vacant(root *os.Root, name string, overwrite bool) error {
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%q is a directory here", name)
	case !overwrite:
		return fmt.Errorf("%q exists here; set Transfer.Overwrite to replace it", name)
	}
	return nil
}
