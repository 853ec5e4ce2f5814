package imagebuild

import (
	"context"
	"errors"
	"net"
	"strconv"

	"github.com/bootscribe/bootscribe/ssh"
	"github.com/bootscribe/bootscribe/winrm"
)

// login is a guest's SSH connection and its login by WinRM, made when they are
// first needed.
type login struct {
	client *ssh.Client
	known  []Installed // what the system is known by that is waited for

	windows *winrm.Client // the login by WinRM
}

func (l *login) logout() {
	if l.client != nil {
		_ = l.client.Close()
	}
}

// SSH returns a connection to the guest, as Build.SSH says. It waits until the
// guest lets us in, unless an earlier step has a connection that still lives;
// only one of them is open at a time, and the build closes it.
func (g *Guest) SSH(ctx context.Context) (*ssh.Client, error) {
	if g.over {
		return nil, errors.New("the build has ended, and its guest with it")
	}
	if g.client != nil {
		if g.client.Err() == nil {
			return g.client, nil
		}
		err := g.knock(ctx, func(ctx context.Context) error {
			client, err := g.client.Reconnect(ctx)
			if err == nil {
				g.client = client
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		return g.client, nil
	}
	config, err := g.run.sshConfig()
	if err != nil {
		return nil, err
	}
	g.expect(config)
	err = g.knock(ctx, func(ctx context.Context) (err error) {
		g.client, err = ssh.Wait(ctx, config)
		return err
	})
	return g.client, err
}

// knock waits for a login.
func (g *Guest) knock(ctx context.Context, login func(context.Context) error) error {
	defer g.run.sentry.knocking()()
	err := g.wait(ctx, login)
	if err == nil {
		g.run.sentry.loggedIn()
	}
	return err
}

// SSHAddr returns the host:port of the guest's sshd as this host reaches it, by
// Build.SSH, a forwarded port, or the address that a guest on a bridge was last
// heard of with.
func (g *Guest) SSHAddr(ctx context.Context) (string, error) {
	b := g.run.b
	switch {
	case b.SSH.Addr != "":
		return b.SSH.Addr, nil
	case !b.forwarded():
		return "", errors.New("only SSH.Dial knows where the guest is")
	}
	return g.run.addr(ctx, b.guestSSHPort())
}

// addr returns the host:port that a port of the guest has on this host.
func (r *run) addr(ctx context.Context, port int) (string, error) {
	if r.b.bridge() != "" {
		addrs, err := r.neighbours()
		if err != nil {
			return "", err
		}
		return net.JoinHostPort(addrs[0].String(), strconv.Itoa(port)), nil
	}
	addr, err := r.vm.Forwarded(ctx, port)
	return addr.String(), err
}

// Reboot runs a command that reboots the guest, such as "reboot", by SSH or, if
// there is none, by WinRM, and returns when the guest has booted again and lets us
// in.
func (g *Guest) Reboot(ctx context.Context, command string) error {
	if g.run.b.byWinRM() {
		return g.restartByWinRM(ctx, command)
	}
	client, err := g.SSH(ctx)
	if err != nil {
		return err
	}
	defer g.run.sentry.knocking()() // not knock: the command is not given twice
	next, err := client.Reboot(ctx, command)
	if err != nil {
		return err
	}
	g.client = next
	return nil
}

// sshConfig returns how to log in to this run's guest.
func (r *run) sshConfig() (*ssh.Config, error) {
	config := r.b.SSH
	if config.User == "" {
		return nil, errors.New("the build has no SSH: set SSH.User")
	}
	if r.key != nil {
		config.Keys = []*ssh.Key{r.key}
	}
	if r.b.forwarded() {
		config.Dial = r.dialer(r.b.guestSSHPort())
	}
	config.Observe = func(e ssh.Event) {
		if r.b.SSH.Observe != nil {
			r.callbacks.call(func() { r.b.SSH.Observe(e) })
		}
		r.sentry.loginTried(e)
		r.emit(LoggedIn{e})
	}
	return &config, nil
}

// dialer returns a function that connects to a port of the guest: on a bridge, or
// by the port that QEMU forwards.
func (r *run) dialer(port int) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		if r.b.bridge() != "" {
			return r.dialNeighbour(ctx, port)
		}
		addr, err := r.vm.Forwarded(ctx, port)
		if err != nil {
			return nil, err
		}
		var d net.Dialer
		return d.DialContext(ctx, "tcp", addr.String())
	}
}

// command returns a command whose output is told to the observer.
func (g *Guest) command(line string) *ssh.Command {
	return &ssh.Command{Line: line, Stdout: g.output(false), Stderr: g.output(true)}
}

func (g *Guest) output(stderr bool) *lineWriter {
	step := g.step
	return &lineWriter{line: func(s string) { g.run.emit(Output{step, s, stderr}) }}
}
