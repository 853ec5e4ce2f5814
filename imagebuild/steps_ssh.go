package imagebuild

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/bootscribe/bootscribe/ssh"
)

// WaitSSH returns a step that waits until the guest lets us in by SSH. Where the
// installer has an sshd too, say how the installed system is known from it, for
// instance with [AfterReset].
func WaitSSH(known ...Installed) Step {
	return Step{
		Name:  "wait for SSH",
		check: needsSSH,
		Do:    func(ctx context.Context, g *Guest) error { return g.WaitSSH(ctx, known...) },
	}
}

// Shell returns a step that runs a script in the guest by SSH: with /bin/sh,
// which stops at the first command that fails. The script is passed on standard
// input, so its commands must not read that.
func Shell(script string) Step {
	name, _, _ := strings.Cut(strings.TrimSpace(script), "\n")
	return Step{
		Name:  fmt.Sprintf("run %q", name),
		check: needsSSH,
		Do: func(ctx context.Context, g *Guest) error {
			client, err := g.SSH(ctx)
			if err != nil {
				return err
			}
			stdout, stderr := g.output(false), g.output(true)
			defer stdout.Flush()
			defer stderr.Flush()
			return client.Run(ctx, &ssh.Command{
				Line: "/bin/sh -e -s", Name: name, Stdin: strings.NewReader(script),
				Stdout: stdout, Stderr: stderr,
			})
		},
	}
}

// Upload returns a step that copies a file or directory of the host to a path
// in the guest, by SSH or, if there is none, by WinRM.
func Upload(local, remote string) Step {
	return Step{
		Name:  fmt.Sprintf("upload %s", local),
		check: needsLogin,
		Check: func(Vars) error {
			if _, err := os.Stat(local); err != nil {
				return fmt.Errorf("%w; check the path", err)
			}
			return nil
		},
		Do: func(ctx context.Context, g *Guest) error {
			if g.run.b.byWinRM() {
				return g.uploadByWinRM(ctx, local, remote)
			}
			client, err := g.SSH(ctx)
			if err != nil {
				return err
			}
			transfer := &ssh.Transfer{Progress: g.transferred("uploading " + local)}
			if info, err := os.Stat(local); err == nil && info.IsDir() {
				return client.UploadTree(ctx, os.DirFS(local), remote, transfer)
			}
			return client.Upload(ctx, local, remote, transfer)
		},
	}
}

// UploadFS returns a step that copies the files of fsys to a directory of the
// guest, by SSH or, if there is none, by WinRM.
func UploadFS(fsys fs.FS, remote string) Step {
	return Step{
		Name:  "upload files to " + remote,
		check: needsLogin,
		Do: func(ctx context.Context, g *Guest) error {
			if g.run.b.byWinRM() {
				return g.uploadTreeByWinRM(ctx, fsys, remote)
			}
			client, err := g.SSH(ctx)
			if err != nil {
				return err
			}
			return client.UploadTree(ctx, fsys, remote, nil)
		},
	}
}

// Download returns a step that copies a file of the guest to a path of the
// host, which must not exist, by SSH or, if there is none, by WinRM.
func Download(remote, local string) Step {
	return Step{
		Name:  "download " + remote,
		check: needsLogin,
		Check: func(Vars) error { return absentPath(local) },
		Do: func(ctx context.Context, g *Guest) error {
			if g.run.b.byWinRM() {
				return g.downloadByWinRM(ctx, remote, local)
			}
			client, err := g.SSH(ctx)
			if err != nil {
				return err
			}
			return client.Download(ctx, remote, local, &ssh.Transfer{Progress: g.transferred("downloading " + remote)})
		},
	}
}

func absentPath(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%q exists; remove it or choose another name", path)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Reboot returns a step that reboots the guest with a command, by SSH, such as
// "reboot" or "sudo reboot", or if there is none by WinRM, such as
// [winrm.RestartLine], and waits until it lets us in again.
func Reboot(command string) Step {
	return Step{Name: "reboot", check: needsLogin, Do: func(ctx context.Context, g *Guest) error { return g.Reboot(ctx, command) }}
}

func (g *Guest) transferred(what string) func(done, total int64) {
	return func(done, total int64) {
		g.run.emit(Progress{What: what, Done: done, Total: total, Bytes: true})
	}
}
