package httpserve

import (
	"net"
	"sync"
	"time"
)

// listener accepts at most cap(slots) connections at a time and gives each the
// progress rule. Every connection it returns is counted in live until the HTTP
// server's goroutine for it ends.
type listener struct {
	net.Listener
	slots chan struct{}
	stall time.Duration
	live  sync.WaitGroup
	stop  chan struct{}
	once  sync.Once
}

func newListener(ln net.Listener, conns int, stall time.Duration) *listener {
	return &listener{
		Listener: ln,
		slots:    make(chan struct{}, conns),
		stall:    stall,
		stop:     make(chan struct{}),
	}
}

// Accept waits for a free slot before it takes a connection from the kernel.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.stop:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	l.live.Add(1)
	return &conn{Conn: c, l: l}, nil
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.stop) })
	return l.Listener.Close()
}

// conn frees its slot when it is closed and bounds every write.
type conn struct {
	net.Conn
	l    *listener
	once sync.Once
}

// Write gives each block its own deadline, so that a slow reader is served for
// as long as it reads at all. net/http's WriteTimeout would bound the whole
// answer instead, and cut a large file on a slow guest.
func (c *conn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.l.stall)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

func (c *conn) Close() error {
	c.once.Do(func() { <-c.l.slots })
	return c.Conn.Close()
}
