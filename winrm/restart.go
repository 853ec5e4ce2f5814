package winrm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// RestartLine is a command line that restarts Windows at once.
const RestartLine = "shutdown /r /f /t 0"

// restartGrace is how long a command that restarts the guest is given to end,
// before we look for the guest again anyway.
const restartGrace = 30 * time.Second

// Exit statuses of shutdown that are no failures: a shutdown is under way
// already, or has been asked for.
const (
	statusUnderWay = 1115
	statusAskedFor = 1190
)

// BootID returns a text that is the same as long as the guest has not been
// restarted.
func (c *Client) BootID(ctx context.Context) (string, error) {
	out, err := c.Output(ctx, bootScript)
	if err != nil {
		return "", err
	}
	id := strings.TrimSpace(string(out))
	if id == "" {
		return "", errors.New("winrm: boot id: the guest printed nothing")
	}
	return id, nil
}

// Restart runs a command line that restarts the guest, such as [RestartLine], and
// waits until it lets us in again and has really been restarted. That the command
// is cut off is no error; that it fails is one.
func (c *Client) Restart(ctx context.Context, line string) error {
	before, err := c.BootID(ctx)
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, restartGrace)
	defer cancel()
	err = c.Run(limited, &Command{Line: line})
	var exit *ExitError
	var dial *DialError
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("winrm: restart: %w", context.Cause(ctx))
	case errors.As(err, &exit) && exit.Status != statusUnderWay && exit.Status != statusAskedFor, errors.As(err, &dial):
		return err
	}
	return c.wait(ctx, func(ctx context.Context) error {
		after, err := c.BootID(ctx)
		if err == nil && after == before {
			err = errNotRestarted
		}
		return err
	})
}
