package template

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path"
	"strings"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/ssh"
	"github.com/bootscribe/bootscribe/winrm"
)

// remote is a login on the guest, by SSH or WinRM, as provisioners use it that
// work with both.
type remote interface {
	run(ctx context.Context, name, line string, stdout, stderr io.Writer) error
	put(ctx context.Context, text []byte, name string) error
	upload(ctx context.Context, local, name string, moved moved) error
	uploadTree(ctx context.Context, local, name string, moved moved) error
	download(ctx context.Context, name, local string, moved moved) error
	downloadTree(ctx context.Context, name, local string, moved moved) error
}

// moved is told how many bytes have been copied, and of how many.
type moved = func(done, total int64)

// remote logs in to the guest.
func (g *generator) remote(ctx context.Context, guest *imagebuild.Guest) (remote, error) {
	if g.winrm() {
		client, err := guest.WinRM(ctx)
		return byWinRM{client}, err
	}
	client, err := guest.SSH(ctx)
	return bySSH{client, g}, err
}

// base is the last part of a path in the guest.
func (g *generator) base(name string) string {
	if g.winrm() {
		name = strings.ReplaceAll(name, `\`, "/")
	}
	return path.Base(name)
}

// isDir tells whether a path in the guest is to be a directory.
func (g *generator) isDir(name string) bool {
	return strings.HasSuffix(name, "/") || g.winrm() && strings.HasSuffix(name, `\`)
}

// runOn runs a command line in the guest and passes on what it prints.
func (g *generator) runOn(ctx context.Context, r remote, step, line string) error {
	stdout, stderr := &lines{step: step, say: g.say}, &lines{step: step, stderr: true, say: g.say}
	defer stdout.flush()
	defer stderr.flush()
	return r.run(ctx, step, line, stdout, stderr)
}

// exitStatus returns the status of a command that has ended by itself.
func exitStatus(err error) (int, bool) {
	var s *ssh.ExitError
	var w *winrm.ExitError
	switch {
	case err == nil:
		return 0, true
	case errors.As(err, &s):
		return s.Status, true
	case errors.As(err, &w):
		return w.Status, true
	}
	return 0, false
}

// bySSH is a login by SSH.
type bySSH struct {
	c *ssh.Client
	g *generator
}

func (r bySSH) run(ctx context.Context, name, line string, stdout, stderr io.Writer) error {
	return r.c.Run(ctx, &ssh.Command{Line: line, Name: name, Stdout: stdout, Stderr: stderr, PTY: r.g.pty, IdleTimeout: r.g.idle})
}

func (r bySSH) put(ctx context.Context, text []byte, name string) error {
	return r.c.UploadReader(ctx, bytes.NewReader(text), int64(len(text)), name, nil)
}

func (r bySSH) upload(ctx context.Context, local, name string, moved moved) error {
	return r.c.Upload(ctx, local, name, &ssh.Transfer{Progress: moved})
}

func (r bySSH) uploadTree(ctx context.Context, local, name string, moved moved) error {
	return r.c.UploadTree(ctx, os.DirFS(local), name, &ssh.Transfer{Progress: moved})
}

func (r bySSH) download(ctx context.Context, name, local string, moved moved) error {
	return r.c.Download(ctx, name, local, &ssh.Transfer{Overwrite: true, Progress: moved})
}

func (r bySSH) downloadTree(ctx context.Context, name, local string, moved moved) error {
	return r.c.DownloadTree(ctx, name, local, &ssh.Transfer{Overwrite: true, Progress: moved})
}

// byWinRM is a login by WinRM.
type byWinRM struct{ c *winrm.Client }

func (r byWinRM) run(ctx context.Context, name, line string, stdout, stderr io.Writer) error {
	return r.c.Run(ctx, &winrm.Command{Line: line, Name: name, Stdout: stdout, Stderr: stderr})
}

func (r byWinRM) put(ctx context.Context, text []byte, name string) error {
	return r.c.UploadReader(ctx, bytes.NewReader(text), int64(len(text)), name, nil)
}

func (r byWinRM) upload(ctx context.Context, local, name string, moved moved) error {
	return r.c.Upload(ctx, local, name, &winrm.Transfer{Progress: moved})
}

func (r byWinRM) uploadTree(ctx context.Context, local, name string, moved moved) error {
	return r.c.UploadTree(ctx, os.DirFS(local), name, &winrm.Transfer{Progress: moved})
}

func (r byWinRM) download(ctx context.Context, name, local string, moved moved) error {
	return r.c.Download(ctx, name, local, &winrm.Transfer{Overwrite: true, Progress: moved})
}

func (r byWinRM) downloadTree(ctx context.Context, name, local string, moved moved) error {
	return r.c.DownloadTree(ctx, name, local, &winrm.Transfer{Overwrite: true, Progress: moved})
}
