package ssh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	xssh "golang.org/x/crypto/ssh"
)

// ErrClosed is the error of a client after [Client.Close].
var ErrClosed = errors.New("the ssh client is closed")

// LostError says that the connection, or a command on it, ended without a
// result: whether the command ran to its end is not known. It is no success,
// unless the command was to shut the guest down.
type LostError struct {
	// Op is what was going on, for instance `run "poweroff"`.
	Op string
	// Err is the cause.
	Err error
}

// Error says what was lost and why.
func (e *LostError) Error() string {
	return "ssh: " + e.Op + ": connection lost: " + printable(e.Err.Error())
}

// Unwrap returns the cause.
func (e *LostError) Unwrap() error { return e.Err }

// Client is a login on a guest. Its methods may be called from several
// goroutines at once. Close it.
type Client struct {
	config  *Config // with defaults
	link    *link
	wire    *wire
	ssh     *xssh.Client
	hostKey xssh.PublicKey
	version string
	banner  string

	tunnels struct{ local, remote []net.Addr } // where they listen

	done       chan struct{}
	goroutines sync.WaitGroup
	mu         sync.Mutex
	err        error
	closing    bool

	sftpMissing atomic.Bool // once it was asked for in vain
}

func newClient(config *Config, l *link, h *handshake, s *xssh.Client) *Client {
	c := &Client{config: config, link: l, wire: h.wire, ssh: s, done: make(chan struct{})}
	h.mu.Lock()
	c.hostKey, c.banner = h.hostKey, h.banner
	h.mu.Unlock()
	c.version, _ = h.wire.introduction()
	c.goroutines.Go(c.watch)
	if config.KeepAlive > 0 {
		c.goroutines.Go(c.keepAlive)
	}
	return c
}

// watch notes the end of the connection.
func (c *Client) watch() {
	c.fail(&LostError{Op: c.config.name(), Err: c.ssh.Wait()})
	close(c.done)
}

// fail records why the connection ended, where that is not known yet, and cuts
// it.
func (c *Client) fail(err error) {
	c.mu.Lock()
	if c.err == nil {
		c.err = err
	}
	c.mu.Unlock()
	c.link.abort()
}

// keepAlive asks the guest for a sign of life every so often. A request to a
// dead guest blocks until the connection is closed, so that is for a goroutine
// of its own, and the time is kept here.
func (c *Client) keepAlive() {
	ticker := time.NewTicker(c.config.KeepAlive)
	defer ticker.Stop()
	answered := make(chan struct{}, 1)
	waiting, missed, seen := false, 0, int64(0)
	for {
		select {
		case <-c.done:
			return
		case <-answered:
			waiting = false
			continue
		case <-ticker.C:
		}
		received := c.wire.received.Load()
		if missed++; received != seen || !waiting {
			missed = 0
		}
		seen = received
		if missed >= missedKeepAlives {
			c.fail(&LostError{Op: c.config.name(), Err: fmt.Errorf("the guest has sent nothing for %v; it hangs, or has gone", missedKeepAlives*c.config.KeepAlive)})
			return
		}
		if !waiting {
			waiting = true
			c.spawn(func() {
				c.ssh.SendRequest("keepalive@openssh.com", true, nil)
				answered <- struct{}{}
			})
		}
	}
}

// spawn starts a goroutine that Close waits for; none where Close was called.
func (c *Client) spawn(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closing {
		c.goroutines.Go(f)
	}
}

// Done is closed when the connection has ended, for whatever reason.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err returns nil while the connection lives, then [ErrClosed] or a
// [*LostError].
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close ends the connection at once, with all that runs on it, and waits for
// the client's goroutines. It may be called again, and always returns nil.
func (c *Client) Close() error {
	c.mu.Lock()
	c.closing = true
	c.mu.Unlock()
	c.fail(ErrClosed)
	c.goroutines.Wait()
	c.link.close()
	return nil
}

// ServerVersion returns how the server announced itself, for instance
// "SSH-2.0-OpenSSH_9.2p1 Debian-2".
func (c *Client) ServerVersion() string { return c.version }

// Banner returns what the server wished to be shown before login, on one line
// and without control characters.
func (c *Client) Banner() string { return c.banner }

// HostKey returns the key that the guest identified itself with, as a line of
// ssh_host_*_key.pub.
func (c *Client) HostKey() string { return publicLine(c.hostKey) }

// Dial connects to an address as seen from the guest (RFC 4254 §7.2). The error
// is syscall.ECONNREFUSED, wrapped, where the guest says that nobody listens.
func (c *Client) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := c.ssh.DialContext(ctx, network, addr)
	if err == nil {
		return conn, nil
	}
	op := fmt.Sprintf("dial %s from %s", addr, c.config.name())
	var open *xssh.OpenChannelError
	switch {
	case errors.As(err, &open) && strings.Contains(strings.ToLower(open.Message), "refused"):
		return nil, fmt.Errorf("ssh: %s: %w", op, syscall.ECONNREFUSED)
	case errors.As(err, &open):
		return nil, fmt.Errorf("ssh: %s: %s", op, printable(open.Message))
	case ctx.Err() == nil && c.Err() != nil:
		return nil, c.lost(op, err)
	}
	return nil, fmt.Errorf("ssh: %s: %w", op, because(ctx, err))
}

// lost makes the error of an operation that the end of the connection, or of
// its channel on it, has ended.
func (c *Client) lost(op string, err error) error {
	var lost *LostError
	switch cause := c.Err(); {
	case errors.As(cause, &lost):
		return &LostError{Op: op, Err: lost.Err}
	case cause != nil:
		return &LostError{Op: op, Err: cause}
	}
	return &LostError{Op: op, Err: err}
}
