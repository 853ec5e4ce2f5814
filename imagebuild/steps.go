package imagebuild

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/bootscribe/bootscribe/keyseq"
	"github.com/bootscribe/bootscribe/ssh"
)

// Type returns a step that types a boot command on a US keyboard; see package
// keyseq for the language. A command that cannot be typed is found before the
// machine starts.
func Type(command string) Step {
	return TypeFunc(func(Vars) string { return command })
}

// TypeFunc is Type for a command that names the URL of an answer file or other
// [Vars]:
//
//	imagebuild.TypeFunc(func(v imagebuild.Vars) string {
//		return "<esc>auto url=" + v.URL + "/preseed.cfg<enter>"
//	})
//
// The function must give the same command each time: it is called to check the
// command as well.
func TypeFunc(command func(Vars) string) Step {
	return TypeOn(nil, command)
}

// TypeOn is TypeFunc for a keyboard layout; nil is us.
func TypeOn(layout *keyseq.Layout, command func(Vars) string) Step {
	return Step{
		Name: "type the boot command",
		Check: func(v Vars) error {
			seq, err := keyseq.Parse(command(v))
			if err != nil {
				return err
			}
			return seq.Check(layout)
		},
		Do: func(ctx context.Context, g *Guest) error {
			return g.Type(ctx, command(g.Vars), &TypeOptions{Layout: layout})
		},
	}
}

// WaitSerial returns a step that waits until the guest has written what matches
// a regular expression to its serial port, after what an earlier WaitSerial
// has matched.
func WaitSerial(pattern string) Step {
	return Step{
		Name: fmt.Sprintf("wait for %q on the serial line", pattern),
		Check: func(Vars) error {
			_, err := regexp.Compile(pattern)
			return err
		},
		Do: func(ctx context.Context, g *Guest) error {
			re, err := regexp.Compile(pattern)
			if err != nil {
				return err
			}
			_, err = g.WaitSerial(ctx, re)
			return err
		},
	}
}

// WaitFetch returns a step that waits until the guest has fetched a file over
// HTTP, given by its path, such as "/preseed.cfg".
func WaitFetch(path string) Step {
	return Step{
		Name: "wait until the guest has fetched " + path,
		Do: func(ctx context.Context, g *Guest) error {
			_, err := g.WaitFetch(ctx, path)
			return err
		},
	}
}

// WaitStill returns a step that waits until the screen has not changed for a
// time; see [Guest.WaitStill].
func WaitStill(still time.Duration) Step {
	return Step{
		Name: fmt.Sprintf("wait until the screen is still for %v", still),
		Do:   func(ctx context.Context, g *Guest) error { return g.WaitStill(ctx, still) },
	}
}

// Pause returns a step that waits for a time. Where there is a fact to wait
// for, wait for that.
func Pause(d time.Duration) Step {
	return Step{
		Name: fmt.Sprintf("pause for %v", d),
		Do: func(ctx context.Context, g *Guest) error {
			timer := time.NewTimer(d)
			defer timer.Stop()
			select {
			case <-timer.C:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		},
	}
}

// WaitSSH returns a step that waits until the guest lets us in by SSH.
func WaitSSH() Step {
	return Step{
		Name: "wait for SSH",
		Do: func(ctx context.Context, g *Guest) error {
			_, err := g.SSH(ctx)
			return err
		},
	}
}

// WaitShutdown returns a step that waits until the guest has switched itself
// off; it can only be the last one.
func WaitShutdown() Step {
	return Step{Name: "wait until the guest is off", Do: func(ctx context.Context, g *Guest) error { return g.WaitShutdown(ctx) }}
}

// Shell returns a step that runs a script in the guest by SSH: with /bin/sh,
// which stops at the first command that fails. The script is passed on standard
// input, so its commands must not read that.
func Shell(script string) Step {
	name, _, _ := strings.Cut(strings.TrimSpace(script), "\n")
	return Step{
		Name: fmt.Sprintf("run %q", name),
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
// in the guest.
func Upload(local, remote string) Step {
	return Step{
		Name: fmt.Sprintf("upload %s", local),
		Check: func(Vars) error {
			_, err := os.Stat(local)
			return err
		},
		Do: func(ctx context.Context, g *Guest) error {
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
// guest.
func UploadFS(fsys fs.FS, remote string) Step {
	return Step{
		Name: "upload files to " + remote,
		Do: func(ctx context.Context, g *Guest) error {
			client, err := g.SSH(ctx)
			if err != nil {
				return err
			}
			return client.UploadTree(ctx, fsys, remote, nil)
		},
	}
}

// Download returns a step that copies a file of the guest to a path of the
// host, which must not exist.
func Download(remote, local string) Step {
	return Step{
		Name:  "download " + remote,
		Check: func(Vars) error { return absentPath(local) },
		Do: func(ctx context.Context, g *Guest) error {
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

// Reboot returns a step that reboots the guest by SSH with a command, such as
// "reboot" or "sudo reboot", and waits until it lets us in again.
func Reboot(command string) Step {
	return Step{Name: "reboot", Do: func(ctx context.Context, g *Guest) error { return g.Reboot(ctx, command) }}
}

func (g *Guest) transferred(what string) func(done, total int64) {
	return func(done, total int64) {
		g.run.emit(Progress{What: what, Done: done, Total: total, Bytes: true})
	}
}
