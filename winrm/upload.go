package winrm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Upload copies a file of this host to a path in the guest, such as
// `C:\Windows\Temp\setup.exe`; directories above it are made. The path may have
// variables, such as %TEMP%, and is looked for from the user's own directory. The
// file has its name only when it is whole, by its checksum.
func (c *Client) Upload(ctx context.Context, local, remote string, t *Transfer) error {
	f, err := os.Open(local)
	if err != nil {
		return fmt.Errorf("winrm: upload: %w", err)
	}
	defer f.Close()
	size := int64(-1)
	if info, err := f.Stat(); err == nil {
		if info.IsDir() {
			return fmt.Errorf("winrm: upload %s: is a directory; use UploadTree", local)
		}
		size = info.Size()
	}
	return c.UploadReader(ctx, f, size, remote, t)
}

// UploadReader is [Client.Upload] for what a reader gives. A size of -1 says that
// it is not known; one that is wrong is an error.
func (c *Client) UploadReader(ctx context.Context, from io.Reader, size int64, remote string, t *Transfer) error {
	return c.upload(ctx, remote, size, t, func(s *sender) error {
		n, err := s.file("", from)
		if err == nil && size >= 0 && n != size {
			err = fmt.Errorf("the source has %d bytes, and not %d", n, size)
		}
		return err
	})
}

// UploadTree copies the files and directories of fsys into a directory of the
// guest, which is made. Names that Windows does not allow are errors.
func (c *Client) UploadTree(ctx context.Context, fsys fs.FS, remote string, t *Transfer) error {
	var total int64
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if err := checkName(name); err != nil {
			return err
		}
		info, err := fs.Stat(fsys, name)
		if err == nil {
			total += info.Size()
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("winrm: upload to %s: %w", remote, err)
	}
	return c.upload(ctx, remote, total, t, func(s *sender) error {
		return fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return s.entry(fsys, name, d)
		})
	})
}

// upload runs the script that writes files, and feeds it.
func (c *Client) upload(ctx context.Context, remote string, total int64, t *Transfer, feed func(*sender) error) error {
	if err := checkPath(remote); err != nil {
		return fmt.Errorf("winrm: upload: %w", err)
	}
	in, out := io.Pipe()
	s := &sender{to: out, total: total, progress: t.withDefaults().Progress}
	fed := make(chan error, 1)
	go func() {
		err := feed(s)
		out.CloseWithError(err)
		fed <- err
	}()
	cmd := &Command{PowerShell: uploadScript(remote), Name: "upload to " + remote, Stdin: in}
	err := c.runScript(ctx, cmd)
	in.Close()
	if ferr := <-fed; ferr != nil && !errors.Is(ferr, io.ErrClosedPipe) && ctx.Err() == nil {
		return fmt.Errorf("winrm: upload to %s: %w", remote, ferr)
	}
	return err
}

// runScript is Run for the scripts of this package, which are known to fit.
func (c *Client) runScript(ctx context.Context, cmd *Command) error {
	if ctx.Err() != nil {
		return fmt.Errorf("winrm: %s: %w", cmd.name(), context.Cause(ctx))
	}
	r := newRun(c.config, cmd)
	defer r.lane.close()
	line := powershell(cmd.PowerShell)
	if len(line) > maxLine {
		return fmt.Errorf("winrm: %s: the path is too long", cmd.name())
	}
	return r.run(ctx, line, cmd.Stdin)
}

// sender writes the lines that uploadScript reads.
type sender struct {
	to       io.Writer
	done     int64
	total    int64
	progress func(done, total int64)
}

func (s *sender) line(kind byte, data []byte) error {
	line := append([]byte{kind}, base64.StdEncoding.EncodeToString(data)...)
	_, err := s.to.Write(append(line, "\r\n"...))
	return err
}

// entry sends what a directory has.
func (s *sender) entry(fsys fs.FS, name string, d fs.DirEntry) error {
	if d.IsDir() {
		if name == "." {
			name = ""
		}
		return s.line('/', []byte(name))
	}
	f, err := fsys.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = s.file(name, f)
	return err
}

// file sends a file and returns how large it was.
func (s *sender) file(name string, from io.Reader) (int64, error) {
	if err := s.line('>', []byte(name)); err != nil {
		return 0, err
	}
	sum := sha256.New()
	buf := make([]byte, pieceSize)
	var size int64
	for {
		n, err := fill(from, buf)
		if n > 0 {
			sum.Write(buf[:n])
			if err := s.line('+', buf[:n]); err != nil {
				return size, err
			}
			size += int64(n)
			s.moved(n)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return size, err
		}
	}
	_, err := fmt.Fprintf(s.to, "=%s\r\n", bytes.ToUpper(fmt.Appendf(nil, "%x", sum.Sum(nil))))
	return size, err
}

// fill reads as much as there is room for. Its error is io.EOF only at the end of
// the source, and not where the source itself says that it was cut off.
func fill(from io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var m int
		m, err = from.Read(buf[n:])
		n += m
	}
	return n, err
}

func (s *sender) moved(n int) {
	s.done += int64(n)
	if s.progress != nil {
		s.progress(s.done, s.total)
	}
}
