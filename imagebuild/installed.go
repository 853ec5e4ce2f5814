package imagebuild

import (
	"context"
	"errors"
	"fmt"

	"github.com/bootscribe/bootscribe/ssh"
)

// Installed tells whether the system that has let us in is the one that is
// waited for: an installer may run an sshd of its own. Nil means yes, and an
// error not yet. [AfterReset], [HasFile] and [HasHostKey] return one.
type Installed func(ctx context.Context, g *Guest, c *ssh.Client) error

// AfterReset is for an installer that ends with a reboot: the guest has been
// reset since the newest boot command was begun, or since it was started if
// nothing was typed.
func AfterReset() Installed {
	return func(ctx context.Context, g *Guest, c *ssh.Client) error {
		if g.run.machine.resets.Load() == g.typedAt {
			return errors.New("the guest has not been reset since the last boot command")
		}
		// A login from before the reset has no answer now.
		return c.Run(ctx, &ssh.Command{Line: "true"})
	}
}

// HasFile is for an installer that leaves a mark in the system that it installs:
// there is a file or directory of that path.
func HasFile(path string) Installed {
	return func(ctx context.Context, _ *Guest, c *ssh.Client) error {
		err := c.Run(ctx, &ssh.Command{Line: "test -e " + ssh.Quote(path)})
		var exit *ssh.ExitError
		if errors.As(err, &exit) {
			return fmt.Errorf("there is no %s", path)
		}
		return err
	}
}

// HasHostKey is for a system whose host key is known beforehand, such as one
// that the answer file installs: the key is one of these lines, as in a .pub or
// known_hosts file.
func HasHostKey(lines ...string) Installed {
	return func(_ context.Context, _ *Guest, c *ssh.Client) error {
		keys, err := ssh.ExpectHostKeys(lines...)
		if err != nil {
			return err
		}
		for _, key := range keys.Pinned() {
			if key == c.HostKey() {
				return nil
			}
		}
		return fmt.Errorf("the host key is %s, which is none of those expected", c.HostKey())
	}
}

// WaitSSH waits until the guest lets us in by SSH and all of known say that it
// is the installed system. A connection of an earlier step to another system is
// closed. Observers see what they say as [ssh.AttemptFailed].
func (g *Guest) WaitSSH(ctx context.Context, known ...Installed) error {
	if g.client != nil && len(known) > 0 {
		if g.client.Err() == nil && g.installed(ctx, g.client, known) == nil {
			return nil
		}
		_ = g.client.Close()
		g.client = nil // the next one has another host key
	}
	g.known = known
	defer func() { g.known = nil }()
	_, err := g.SSH(ctx)
	return err
}

func (g *Guest) installed(ctx context.Context, c *ssh.Client, known []Installed) error {
	for _, is := range known {
		if err := is(ctx, g, c); err != nil {
			return err
		}
	}
	return nil
}

// expect adds what the installed system is known by to a configuration.
func (g *Guest) expect(config *ssh.Config) {
	known, others := g.known, config.Expect
	if len(known) == 0 {
		return
	}
	config.Expect = func(ctx context.Context, c *ssh.Client) error {
		if others != nil {
			if err := others(ctx, c); err != nil {
				return err
			}
		}
		return g.installed(ctx, c, known)
	}
}
