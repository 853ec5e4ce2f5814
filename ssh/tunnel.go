package ssh

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
)

// Tunnel is where TCP connections are accepted and where they are carried to.
type Tunnel struct {
	// Listen is the host:port where they are accepted: on this host for a
	// local tunnel, on the guest for a remote one. An empty host means
	// 127.0.0.1, and port 0 a free one, which [Client.Tunnels] tells.
	Listen string

	// To is the host:port that they are carried to, as the other side finds
	// it.
	To string
}

// ParseTunnel reads a tunnel as ssh and Packer write it: port:host:hostport, or
// address:port:host:hostport. IPv6 addresses are in brackets.
func ParseTunnel(text string) (Tunnel, error) {
	parts := splitOutside(text)
	var t Tunnel
	switch len(parts) {
	case 3:
		t = Tunnel{Listen: "127.0.0.1:" + parts[0], To: parts[1] + ":" + parts[2]}
	case 4:
		t = Tunnel{Listen: parts[0] + ":" + parts[1], To: parts[2] + ":" + parts[3]}
	default:
		return Tunnel{}, fmt.Errorf("ssh: %q is no tunnel; write port:host:hostport, for instance 8080:localhost:80", text)
	}
	if problem := t.problem(); problem != "" {
		return Tunnel{}, fmt.Errorf("ssh: tunnel %q: %s", text, problem)
	}
	return t, nil
}

// splitOutside splits a text at the colons that are not in brackets.
func splitOutside(text string) []string {
	var parts []string
	start, deep := 0, false
	for i, r := range text {
		switch {
		case r == '[' || r == ']':
			deep = r == '['
		case r == ':' && !deep:
			parts = append(parts, text[start:i])
			start = i + 1
		}
	}
	return append(parts, text[start:])
}

// problem tells what is wrong with a tunnel, or nothing.
func (t Tunnel) problem() string {
	if problem := wrongAddr(t.Listen, 0); problem != "" {
		return "Listen: " + problem
	}
	if problem := wrongAddr(t.To, 1); problem != "" {
		return "To: " + problem
	}
	if host, _, _ := net.SplitHostPort(t.To); host == "" {
		return fmt.Sprintf("To: %q names no host; write localhost for the other side itself", t.To)
	}
	return ""
}

func wrongAddr(addr string, least uint64) string {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Sprintf("%q is not a host:port; write for instance localhost:8080", addr)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n < least {
		return fmt.Sprintf("port %q is not a number from %d to 65535", port, least)
	}
	return ""
}

// listen returns Listen with its default.
func (t Tunnel) listen() string {
	if strings.HasPrefix(t.Listen, ":") {
		return "127.0.0.1" + t.Listen
	}
	return t.Listen
}

// tunnelProblems tells what is wrong with the tunnels.
func (c *Config) tunnelProblems() []string {
	var problems []string
	for _, list := range []struct {
		field   string
		tunnels []Tunnel
	}{{"LocalTunnels", c.LocalTunnels}, {"RemoteTunnels", c.RemoteTunnels}} {
		for i, t := range list.tunnels {
			if problem := t.problem(); problem != "" {
				problems = append(problems, fmt.Sprintf("%s[%d].%s", list.field, i, problem))
			}
		}
	}
	return problems
}

// TunnelError says that a tunnel could not be opened.
type TunnelError struct {
	// Tunnel is the one.
	Tunnel Tunnel
	// Remote says that it was to be opened on the guest.
	Remote bool
	// Err is the cause.
	Err error
}

// Error says which tunnel it is and why.
func (e *TunnelError) Error() string {
	kind := "local"
	if e.Remote {
		kind = "remote"
	}
	return fmt.Sprintf("ssh: %s tunnel from %s to %s: %s", kind, e.Tunnel.listen(), e.Tunnel.To, printable(e.Err.Error()))
}

// Unwrap returns the cause.
func (e *TunnelError) Unwrap() error { return e.Err }

// Tunnels returns where the tunnels of Config.LocalTunnels listen on this host
// and those of Config.RemoteTunnels on the guest, each in its order there.
func (c *Client) Tunnels() (local, remote []net.Addr) {
	return c.tunnels.local, c.tunnels.remote
}

// openTunnels opens what the configuration says, until the connection ends. The
// caller closes the client after an error.
func (c *Client) openTunnels(ctx context.Context) error {
	var here net.ListenConfig
	for _, t := range c.config.LocalTunnels {
		listener, err := here.Listen(ctx, "tcp", t.listen())
		if err != nil {
			return &TunnelError{Tunnel: t, Err: err}
		}
		c.tunnels.local = append(c.tunnels.local, listener.Addr())
		c.tunnel(listener, func(ctx context.Context) (net.Conn, error) { return c.Dial(ctx, "tcp", t.To) })
	}
	for _, t := range c.config.RemoteTunnels {
		listener, err := c.listenThere(ctx, t.listen())
		if err != nil {
			return &TunnelError{Tunnel: t, Remote: true, Err: err}
		}
		c.tunnels.remote = append(c.tunnels.remote, listener.Addr())
		c.tunnel(listener, func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "tcp", t.To) })
	}
	return nil
}

// listenThere asks the guest to listen.
func (c *Client) listenThere(ctx context.Context, addr string) (net.Listener, error) {
	stop := context.AfterFunc(ctx, c.link.abort) // the request has no context
	listener, err := c.ssh.Listen("tcp", addr)
	switch {
	case !stop() && err != nil:
		return nil, because(ctx, err)
	case err != nil && c.Err() != nil:
		return nil, c.lost("tunnel", err)
	case err != nil:
		return nil, fmt.Errorf("%w: the port is in use there, or the guest's sshd forbids it (AllowTcpForwarding)", err)
	}
	return listener, nil
}

// tunnelConns is how many connections of a tunnel are carried at a time; more
// wait.
const tunnelConns = 64

// tunnel carries what comes to a listener to where dial connects, until the
// connection to the guest has ended.
func (c *Client) tunnel(listener net.Listener, dial func(context.Context) (net.Conn, error)) {
	ctx, cancel := context.WithCancel(context.Background())
	room := make(chan struct{}, tunnelConns)
	c.goroutines.Go(func() {
		<-c.done
		cancel()
		listener.Close()
	})
	c.goroutines.Go(func() {
		for {
			room <- struct{}{}
			conn, err := listener.Accept()
			if err != nil {
				return // also of a listener that has lost its guest
			}
			c.goroutines.Go(func() {
				c.carry(ctx, conn, dial)
				<-room
			})
		}
	})
}

// carry connects one connection of a tunnel. Who made it learns of a failure by
// its end, as with every tunnel of SSH.
func (c *Client) carry(ctx context.Context, from net.Conn, dial func(context.Context) (net.Conn, error)) {
	defer from.Close()
	limited, cancel := context.WithTimeout(ctx, c.config.AttemptTimeout)
	defer cancel()
	to, err := dial(limited)
	if err != nil {
		return
	}
	defer to.Close()
	stop := context.AfterFunc(ctx, func() {
		from.Close()
		to.Close()
	})
	defer stop()
	var both sync.WaitGroup
	both.Go(func() { pour(to, from) })
	pour(from, to)
	both.Wait()
}

// pour copies until the source ends, and then says so to the other side.
func pour(to, from net.Conn) {
	_, err := io.Copy(to, from)
	if half, ok := to.(interface{ CloseWrite() error }); ok && err == nil {
		_ = half.CloseWrite()
		return
	}
	// Without this the other direction would wait for a side that is gone.
	to.Close()
	from.Close()
}
