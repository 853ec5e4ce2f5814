package qmp

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
)

// Conn is a connection to a QMP server that has finished its negotiation.
// All methods may be called from several goroutines at once.
type Conn struct {
	nc       net.Conn
	greeting Greeting
	greeted  chan Greeting // one value, when the server has said hello
	requests chan *request // to the writer, unbuffered: taken means owned
	done     chan struct{} // closed when the reader has ended
	err      error         // why; written before done is closed
	tasks    sync.WaitGroup
	closed   sync.Once

	mu      sync.Mutex
	closing bool
	lastID  uint64
	pending map[uint64]chan reply
	early   *queue // events that came before the first Subscribe; then nil
	subs    map[*Subscription]bool
}

// Greeting is what the server says of itself when a client connects.
type Greeting struct {
	Version      Version  // QEMU's
	Capabilities []string // what could be enabled, such as "oob"
}

// Version is a version of QEMU. It is for people to read: ask query-commands
// or query-qmp-schema whether QEMU can do something, since distributions
// backport.
type Version struct {
	Major, Minor, Micro int    // such as 7, 2 and 0
	Package             string // the distribution's own version, or ""
}

// String returns the version as "7.2.22" or "7.2.22 (Debian 1:7.2+dfsg-7)".
func (v Version) String() string {
	s := fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Micro)
	if v.Package != "" {
		s += " (" + v.Package + ")"
	}
	return s
}

// Dial connects to the QMP server at addr and negotiates. The networks are
// those of [net.Dial]; "unix" is the usual one. ctx bounds the call.
func Dial(ctx context.Context, network, addr string) (*Conn, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, fmt.Errorf("qmp: %w", err)
	}
	return NewConn(ctx, nc)
}

// NewConn reads the server's greeting from nc and negotiates. ctx bounds the
// call: a QEMU that does not answer is left when ctx ends. NewConn owns nc
// from now on, and closes it also when it returns an error.
func NewConn(ctx context.Context, nc net.Conn) (*Conn, error) {
	c := &Conn{
		nc:       nc,
		greeted:  make(chan Greeting, 1),
		requests: make(chan *request),
		done:     make(chan struct{}),
		pending:  map[uint64]chan reply{},
		early:    newQueue(),
		subs:     map[*Subscription]bool{},
	}
	c.tasks.Go(c.read)
	c.tasks.Go(c.write)
	if err := c.negotiate(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Conn) negotiate(ctx context.Context) error {
	select {
	case c.greeting = <-c.greeted:
	case <-ctx.Done():
		return fmt.Errorf("qmp: wait for the greeting: %w", ctxError(ctx))
	case <-c.done:
		return fmt.Errorf("qmp: wait for the greeting: %w", c.err)
	}
	return c.Execute(ctx, "qmp_capabilities", nil, nil)
}

// Greeting returns what the server said when the connection was made.
func (c *Conn) Greeting() Greeting {
	g := c.greeting
	g.Capabilities = slices.Clone(g.Capabilities)
	return g
}

// Done returns a channel that is closed when the connection has ended, by
// Close or by the server. Events that came before the end may still be on
// their way to subscribers then; their channels close after the last one.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err returns nil while the connection lives, and then why it ended: an error
// that wraps [io.EOF] when the server hung up, [net.ErrClosed] after Close.
func (c *Conn) Err() error {
	select {
	case <-c.done:
		return c.err
	default:
		return nil
	}
}

// Close ends the connection and all subscriptions, fails commands that still
// wait, and returns when nothing of the connection runs any more. It does not
// stop QEMU. It always returns nil and may be called more than once.
func (c *Conn) Close() error {
	c.closed.Do(func() {
		c.mu.Lock()
		c.closing = true
		subs := c.subs
		c.subs = nil
		c.mu.Unlock()
		c.nc.Close()
		for s := range subs {
			s.end()
		}
	})
	c.tasks.Wait()
	return nil
}
