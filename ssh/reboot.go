package ssh

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// rebootGrace is how long a command that reboots the guest is given to cut the
// connection or end, before we look for the guest again anyway.
const rebootGrace = 30 * time.Second

// bootIDLine prints what differs from one boot to the next: on Linux and
// FreeBSD an identifier, on other BSDs and macOS the time of the boot.
const bootIDLine = "cat /proc/sys/kernel/random/boot_id 2>/dev/null || sysctl -n kern.boot_id 2>/dev/null || sysctl -n kern.boottime"

// BootID returns a text that is the same as long as the guest has not booted
// again.
func (c *Client) BootID(ctx context.Context) (string, error) {
	out, err := c.Output(ctx, bootIDLine)
	if err != nil {
		return "", err
	}
	id := strings.TrimSpace(string(out))
	if id == "" {
		return "", errors.New("ssh: boot id: the guest printed nothing")
	}
	return id, nil
}

// Reconnect closes the client and waits, as [Wait] does with the same Config,
// until the guest lets us in again. The host key must be the same as before,
// unless [HostKeys.AllowChange] was called on Config.HostKeys.
func (c *Client) Reconnect(ctx context.Context) (*Client, error) {
	c.Close()
	return new(Waiter).wait(ctx, c.config)
}

// Reboot runs a command that reboots the guest, "reboot" or "sudo reboot" for
// instance, waits until the guest lets us in and its boot id is another, and
// returns the new client. This one is closed. That the command is cut off by
// the reboot is no error; that it fails is one.
func (c *Client) Reboot(ctx context.Context, line string) (*Client, error) {
	before, err := c.BootID(ctx)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, rebootGrace)
	defer cancel()
	err = c.Run(limited, &Command{Line: line})
	var exit *ExitError
	if errors.As(err, &exit) && exit.Signal == "" {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("ssh: reboot: %w", context.Cause(ctx))
	}
	c.Close()
	w := &Waiter{expect: func(ctx context.Context, next *Client) error {
		return rebooted(ctx, next, before, c.config.Expect)
	}}
	return w.wait(ctx, c.config)
}

func rebooted(ctx context.Context, c *Client, before string, expect func(context.Context, *Client) error) error {
	after, err := c.BootID(ctx)
	if err != nil {
		return err
	}
	if after == before {
		return errors.New("it has not rebooted yet")
	}
	if expect == nil {
		return nil
	}
	return expect(ctx, c)
}
