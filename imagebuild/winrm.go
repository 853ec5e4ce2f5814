package imagebuild

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"

	"github.com/bootscribe/bootscribe/winrm"
)

// byWinRM reports whether WinRM does what SSH would else do.
func (b *Build) byWinRM() bool { return b.SSH.User == "" && b.WinRM.User != "" }

// winrmForwarded is forwarded for WinRM.
func (b *Build) winrmForwarded() bool {
	return b.WinRM.User != "" && b.WinRM.Addr == "" && b.WinRM.Dial == nil
}

func (b *Build) guestWinRMPort() int {
	if b.WinRMPort == 0 {
		return b.WinRM.Port()
	}
	return b.WinRMPort
}

func (b *Build) validateWinRM() error {
	if b.WinRM.User == "" {
		return nil
	}
	var errs []error
	if b.WinRMPort < 0 || b.WinRMPort > 65535 {
		errs = append(errs, &ConfigError{"WinRMPort", fmt.Sprintf("%d is no port", b.WinRMPort), "give one from 1 to 65535, or 0 for that of WinRM"})
	}
	c := b.WinRM
	if b.winrmForwarded() {
		c.Dial = func(context.Context) (net.Conn, error) { return nil, errors.ErrUnsupported } // as WinRM will be reached
		errs = append(errs, b.reachable("WinRM.Addr"))
	}
	return errors.Join(append(errs, c.Validate())...)
}

// WinRM returns a login on the guest, as Build.WinRM says. It waits until the
// guest lets us in, unless an earlier step has done so.
func (g *Guest) WinRM(ctx context.Context) (*winrm.Client, error) {
	if g.over {
		return nil, errors.New("the build has ended, and its guest with it")
	}
	if g.windows != nil {
		return g.windows, nil
	}
	config, err := g.run.winrmConfig(ctx)
	if err != nil {
		return nil, err
	}
	err = g.knock(ctx, func(ctx context.Context) (err error) {
		g.windows, err = winrm.Wait(ctx, config)
		return err
	})
	return g.windows, err
}

// WaitWinRM waits until the guest lets us in by WinRM and runs PowerShell, also
// where an earlier step has been let in.
func (g *Guest) WaitWinRM(ctx context.Context) error {
	g.windows = nil
	_, err := g.WinRM(ctx)
	return err
}

// WinRMAddr returns the host:port of the guest's WinRM service as this host
// reaches it, as SSHAddr does.
func (g *Guest) WinRMAddr(ctx context.Context) (string, error) {
	b := g.run.b
	switch {
	case b.WinRM.Addr != "":
		return b.WinRM.Addr, nil
	case !b.winrmForwarded():
		return "", errors.New("only WinRM.Dial knows where the guest is")
	}
	return g.run.addr(ctx, b.guestWinRMPort())
}

// winrmConfig returns how to log in to this run's guest.
func (r *run) winrmConfig(ctx context.Context) (*winrm.Config, error) {
	config := r.b.WinRM
	if config.User == "" {
		return nil, errors.New("the build has no WinRM: set WinRM.User")
	}
	if r.b.winrmForwarded() {
		port := r.b.guestWinRMPort()
		if r.b.bridge() == "" {
			var err error
			if config.Addr, err = r.addr(ctx, port); err != nil {
				return nil, err
			}
		}
		config.Dial = r.dialer(port)
	}
	config.Observe = func(e winrm.Event) {
		if r.b.WinRM.Observe != nil {
			r.callbacks.call(func() { r.b.WinRM.Observe(e) })
		}
		r.emit(WinRM{e})
	}
	return &config, nil
}

// shutDownByWinRM runs a command that switches the guest off. That the guest does
// not answer any more is what it is for.
func (g *Guest) shutDownByWinRM(ctx context.Context, command string) error {
	err := g.runByWinRM(ctx, &winrm.Command{Line: command})
	var lost *winrm.LostError
	if errors.As(err, &lost) {
		return nil
	}
	return err
}

// runByWinRM runs a command whose output is told to the observer.
func (g *Guest) runByWinRM(ctx context.Context, cmd *winrm.Command) error {
	client, err := g.WinRM(ctx)
	if err != nil {
		return err
	}
	stdout, stderr := g.output(false), g.output(true)
	defer stdout.Flush()
	defer stderr.Flush()
	cmd.Stdout, cmd.Stderr = stdout, stderr
	return client.Run(ctx, cmd)
}

func (g *Guest) restartByWinRM(ctx context.Context, command string) error {
	client, err := g.WinRM(ctx)
	if err != nil {
		return err
	}
	return client.Restart(ctx, command)
}

func (g *Guest) uploadByWinRM(ctx context.Context, local, remote string) error {
	if info, err := os.Stat(local); err == nil && info.IsDir() {
		return g.uploadTreeByWinRM(ctx, os.DirFS(local), remote)
	}
	client, err := g.WinRM(ctx)
	if err != nil {
		return err
	}
	return client.Upload(ctx, local, remote, &winrm.Transfer{Progress: g.transferred("uploading " + local)})
}

func (g *Guest) uploadTreeByWinRM(ctx context.Context, fsys fs.FS, remote string) error {
	client, err := g.WinRM(ctx)
	if err != nil {
		return err
	}
	return client.UploadTree(ctx, fsys, remote, &winrm.Transfer{Progress: g.transferred("uploading to " + remote)})
}

func (g *Guest) downloadByWinRM(ctx context.Context, remote, local string) error {
	client, err := g.WinRM(ctx)
	if err != nil {
		return err
	}
	return client.Download(ctx, remote, local, &winrm.Transfer{Progress: g.transferred("downloading " + remote)})
}
