package ssh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	xssh "golang.org/x/crypto/ssh"
)

// Dial makes one attempt to log in to the guest, for at most
// Config.AttemptTimeout, and opens the tunnels. The error is a [*DialError], a
// [*TunnelError], or what [Config.Validate] returns.
//
// Config.Expect is not asked. The context bounds only this call.
func Dial(ctx context.Context, c *Config) (*Client, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	d := c.withDefaults()
	start := time.Now()
	client, derr := dial(ctx, d)
	if derr != nil {
		d.observe(AttemptFailed{Attempt: 1, Took: time.Since(start), Err: derr})
		return nil, derr
	}
	d.HostKeys.accept(client.hostKey)
	if err := client.openTunnels(ctx); err != nil {
		client.Close()
		d.observe(AttemptFailed{Attempt: 1, Took: time.Since(start), Err: err})
		return nil, err
	}
	d.observe(Connected{Attempt: 1, Took: time.Since(start), ServerVersion: client.version})
	return client, nil
}

// dial makes one attempt with a configuration that has its defaults. Whoever
// takes the client pins its host key.
func dial(ctx context.Context, c *Config) (*Client, *DialError) {
	// One deadline from the first packet to the login. The library's own
	// covers the TCP connection alone, and a port forward accepts at once.
	attempt, cancel := context.WithTimeoutCause(ctx, c.AttemptTimeout,
		fmt.Errorf("no login within %v: %w", c.AttemptTimeout, context.DeadlineExceeded))
	defer cancel()
	l, err := carry(attempt, c)
	if err != nil {
		return nil, &DialError{Addr: c.name(), User: c.User, Reason: dialReason(err), Err: because(attempt, err)}
	}
	stop := context.AfterFunc(attempt, l.abort)
	defer stop()
	h := &handshake{config: c, wire: &wire{Conn: l.conn}}
	conn, chans, reqs, err := h.run()
	if err == nil && !stop() {
		err = context.Cause(attempt)
	}
	if err != nil {
		l.close()
		return nil, h.failed(attempt, err)
	}
	return newClient(c, l, h, xssh.NewClient(conn, chans, reqs)), nil
}

// because returns the reason for which ctx ended, if it did, since err is then
// only what came of that.
func because(ctx context.Context, err error) error {
	if !over(ctx) {
		return err
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		return cause
	}
	return err
}

// link is the connection that carries SSH, and the bastion that it goes
// through, if any.
type link struct {
	conn    net.Conn
	bastion *Client
}

// carry makes the connection below SSH.
func carry(ctx context.Context, c *Config) (*link, error) {
	if c.Dial != nil {
		conn, err := c.Dial(ctx)
		return &link{conn: conn}, err
	}
	if c.Bastion == nil {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", c.Addr)
		return &link{conn: conn}, err
	}
	bastion, derr := dial(ctx, c.Bastion)
	if derr != nil {
		// Not wrapped: that the bastion refused says nothing of the guest.
		return nil, fmt.Errorf("bastion: %v", derr)
	}
	conn, err := bastion.Dial(ctx, "tcp", c.Addr)
	if err != nil {
		bastion.Close()
		return nil, err
	}
	c.Bastion.HostKeys.accept(bastion.hostKey)
	return &link{conn: conn, bastion: bastion}, nil
}

// abort cuts the connection at its root, from any goroutine. It does not
// block, as closing a bastion's channel may: that sends a message.
func (l *link) abort() {
	if l.bastion != nil {
		l.bastion.link.abort()
		return
	}
	l.conn.Close()
}

// close cuts the connection and waits for the bastion's goroutines.
func (l *link) close() {
	l.abort()
	if l.bastion != nil {
		l.bastion.Close()
	}
}

// handshake is one exchange of versions, keys and credentials, and remembers
// how far it came.
type handshake struct {
	config *Config
	wire   *wire

	mu         sync.Mutex // the library calls back on its own goroutines
	hostKey    xssh.PublicKey
	hostKeyErr error
	offered    []string
	tried      []string
	banner     string
}

func (h *handshake) run() (xssh.Conn, <-chan xssh.NewChannel, <-chan *xssh.Request, error) {
	creds := newCredentials(h.config)
	defer creds.close()
	config := &xssh.ClientConfig{
		User:              h.config.User,
		Auth:              creds.methods,
		HostKeyAlgorithms: h.config.HostKeys.algorithms(),
		HostKeyCallback:   h.seeHostKey,
		AuthCallback:      h.seeMethods,
		BannerCallback:    h.seeBanner,
	}
	h.config.setAlgorithms(config)
	return xssh.NewClientConn(h.wire, h.config.name(), config)
}

// seeHostKey is called for each key exchange, so again while the client lives.
func (h *handshake) seeHostKey(_ string, _ net.Addr, key xssh.PublicKey) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.hostKey != nil && !equalTo(key)(h.hostKey) {
		return errors.New("the host key has changed within one connection")
	}
	h.hostKey = key
	h.hostKeyErr = h.config.HostKeys.check(key)
	return h.hostKeyErr
}

// seeMethods notes what the server offers, and leaves the choice to the library.
func (h *handshake) seeMethods(auth *xssh.ClientAuthContext) (xssh.AuthMethod, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tried = auth.TriedMethods
	h.offered = nil
	for _, method := range auth.AllowedMethods {
		h.offered = append(h.offered, printable(method))
	}
	return nil, nil
}

func (h *handshake) seeBanner(message string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.banner = printable(message)
	return nil
}

// failed makes the error of a handshake that ended with err.
func (h *handshake) failed(ctx context.Context, err error) *DialError {
	h.mu.Lock()
	defer h.mu.Unlock()
	version, _ := h.wire.introduction()
	return &DialError{
		Addr: h.config.name(), User: h.config.User, Reason: h.reason(ctx, err), ServerVersion: version,
		Offered: h.offered, Tried: h.tried, Banner: h.banner, Err: because(ctx, err),
	}
}

// reason classifies the failure. The caller holds the lock.
func (h *handshake) reason(ctx context.Context, err error) Reason {
	version, head := h.wire.introduction()
	ended := over(ctx)
	switch {
	case h.hostKeyErr != nil:
		return HostKey
	case h.wire.received.Load() == 0 && ended:
		return Silent
	case ended:
		return Stalled
	case version == "" && head != "" && !isStartOf(head, "SSH-"):
		return NotSSH
	case closedByPeer(err):
		return ClosedEarly
	case h.hostKey == nil:
		return KeyExchange
	}
	return Auth
}

// isStartOf reports whether head begins like prefix, as far as it goes.
func isStartOf(head, prefix string) bool {
	n := min(len(head), len(prefix))
	return head[:n] == prefix[:n]
}
