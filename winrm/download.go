package winrm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
)

// Download copies a file of the guest to a path of this host, which must not
// exist unless Transfer.Overwrite is set. It has its name only when it is whole,
// by its checksum. The path in the guest is as for [Client.Upload].
func (c *Client) Download(ctx context.Context, remote, local string, t *Transfer) error {
	return c.download(ctx, &receiver{t: t.withDefaults(), root: local}, remote)
}

// DownloadTree copies all that is below a directory of the guest into a directory
// of this host, which is made. Links are left out, and a name that would lead out
// of the directory is an error.
func (c *Client) DownloadTree(ctx context.Context, remote, local string, t *Transfer) error {
	return c.download(ctx, &receiver{t: t.withDefaults(), root: local, tree: true}, remote)
}

func (c *Client) download(ctx context.Context, r *receiver, remote string) error {
	op := "download " + remote
	if err := checkPath(remote); err != nil {
		return fmt.Errorf("winrm: download: %w", err)
	}
	if _, err := os.Lstat(r.root); err == nil && !r.tree && !r.t.Overwrite {
		return fmt.Errorf("winrm: %s: %s exists; remove it, or set Transfer.Overwrite", op, r.root)
	}
	defer r.drop()
	err := c.runScript(ctx, &Command{PowerShell: downloadScript(remote), Name: op, Stdout: r})
	switch {
	case err != nil:
		return err
	case r.file != nil || len(r.rest) > 0 || r.files == 0:
		return fmt.Errorf("winrm: %s: the guest stopped in the midst of it", op)
	}
	return nil
}

// receiver takes the lines that downloadScript prints.
type receiver struct {
	t     *Transfer
	root  string
	tree  bool
	rest  []byte // of a line
	files int
	done  int64

	file *os.File // nil between files
	name string   // what it will be called
	sum  hash.Hash
}

// Write takes any piece of the output.
func (r *receiver) Write(p []byte) (int, error) {
	r.rest = append(r.rest, p...)
	for {
		line, rest, ok := bytes.Cut(r.rest, []byte("\n"))
		if !ok {
			break
		}
		if err := r.line(bytes.TrimRight(line, "\r")); err != nil {
			return 0, err
		}
		r.rest = rest
	}
	if len(r.rest) > maxDownloadLine {
		return 0, errors.New("the guest sends a line without end")
	}
	r.rest = bytes.Clone(r.rest)
	return len(p), nil
}

func (r *receiver) line(line []byte) error {
	if len(line) == 0 {
		return nil
	}
	kind, text := line[0], string(line[1:])
	if kind == '=' {
		return r.finish(text)
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return fmt.Errorf("the guest sends what is no file: %q", line[:min(len(line), 80)])
	}
	switch kind {
	case '/':
		return r.directory(string(data))
	case '>':
		return r.begin(string(data))
	case '+':
		return r.piece(data)
	case '-':
		return nil // a link
	}
	return fmt.Errorf("the guest sends what is no file: %q", line[:min(len(line), 80)])
}

// place returns where something of the guest's belongs.
func (r *receiver) place(name string) (string, error) {
	if r.files++; r.t.MaxFiles >= 0 && r.files > r.t.MaxFiles {
		return "", fmt.Errorf("the guest sends more than %d files; raise Transfer.MaxFiles if that is right", r.t.MaxFiles)
	}
	if name == "" {
		return r.root, nil
	}
	local := filepath.FromSlash(name)
	if !r.tree || !fs.ValidPath(name) || !filepath.IsLocal(local) {
		return "", fmt.Errorf("the guest sends a file that is called %q", name)
	}
	return filepath.Join(r.root, local), nil
}

func (r *receiver) directory(name string) error {
	if !r.tree {
		return errors.New("it is a directory; use DownloadTree")
	}
	path, err := r.place(name)
	if err != nil {
		return err
	}
	return os.MkdirAll(path, 0o777)
}

func (r *receiver) begin(name string) (err error) {
	if r.file != nil || r.tree && name == "" {
		return errors.New("it is no directory; use Download")
	}
	if r.name, err = r.place(name); err != nil {
		return err
	}
	if _, err := os.Lstat(r.name); err == nil && !r.t.Overwrite {
		return fmt.Errorf("%s exists; remove it, or set Transfer.Overwrite", r.name)
	}
	r.sum = sha256.New()
	r.file, err = os.CreateTemp(filepath.Dir(r.name), "."+filepath.Base(r.name)+"-*")
	return err
}

func (r *receiver) piece(data []byte) error {
	if r.file == nil {
		return errors.New("the guest sends a piece of no file")
	}
	if limit := r.t.MaxBytes; limit >= 0 && r.done+int64(len(data)) > limit {
		return fmt.Errorf("the guest sends more than %d bytes; raise Transfer.MaxBytes if that is right", limit)
	}
	r.sum.Write(data)
	if _, err := r.file.Write(data); err != nil {
		return err
	}
	r.done += int64(len(data))
	if r.t.Progress != nil {
		r.t.Progress(r.done, -1)
	}
	return nil
}

// finish gives the file its name, if all of it is here.
func (r *receiver) finish(sum string) error {
	if r.file == nil {
		return errors.New("the guest ends no file")
	}
	want, err := hex.DecodeString(sum)
	if err != nil || !bytes.Equal(want, r.sum.Sum(nil)) {
		return errors.New("what arrived is not what was sent")
	}
	if err := errors.Join(r.file.Chmod(0o644), r.file.Close(), os.Rename(r.file.Name(), r.name)); err != nil {
		return err
	}
	r.file = nil
	return nil
}

// drop removes what did not arrive whole.
func (r *receiver) drop() {
	if r.file != nil {
		_ = r.file.Close()
		_ = os.Remove(r.file.Name())
	}
}
