package sshtest

import (
	"net"
	"sync"
	"sync/atomic"
)

// conn is a connection that can be frozen.
type conn struct {
	net.Conn
	frozen atomic.Bool
	once   sync.Once
	closed chan struct{}
}

func newConn(c net.Conn) *conn { return &conn{Conn: c, closed: make(chan struct{})} }

func (c *conn) freeze() { c.frozen.Store(true) }

// Close closes the connection; it may be called again.
func (c *conn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// Read passes nothing on once the connection is frozen.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.frozen.Load() {
		<-c.closed
		return 0, net.ErrClosed
	}
	return n, err
}

// Write takes everything once the connection is frozen.
func (c *conn) Write(p []byte) (int, error) {
	if c.frozen.Load() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}
