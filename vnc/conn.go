package vnc

import (
	"context"
	"errors"
	"fmt"
	"image"
	"net"
	"os"
	"sync"
	"weak"

	govnc "github.com/mitchellh/go-vnc"
)

// Conn is a connection to a VNC server. Its methods may be called from any
// goroutine, also at the same time.
type Conn struct {
	cfg  Config
	nc   net.Conn
	name string

	wmu  sync.Mutex // one message, or one batch, at a time
	wire *wire
	gv   *govnc.ClientConn

	back    *image.RGBA // only the reader's: what the server has sent so far
	dirty   image.Rectangle
	missing int // pixels not sent yet since the framebuffer has its size

	mu      sync.Mutex // all below
	changed chan struct{}
	err     error
	front   *image.RGBA              // the newest complete frame
	lent    bool                     // front was given away, and must not change any more
	lookers map[*image.RGBA]int      // how many look at a frame, which must not change meanwhile
	kept    map[*image.RGBA]bool     // of those, which were given away too
	spare   weak.Pointer[image.RGBA] // memory of a frame that nobody looks at any more, if the garbage collector has left it
	seq     uint64
	leds    LEDs
	ledSeq  uint64
	pixels  bool   // an update with pixels has come, so SetEncodings was read
	asked   uint64 // SetEncodings sent
	acked   uint64 // of those, acknowledged by encoding -258
	keys    uint64 // key events written

	done  chan struct{} // closed when err is set
	ended chan struct{} // closed when the reader has returned
}

// Dial connects to a VNC server: "unix" and the path of a socket, or "tcp"
// and host:port. The context bounds the call, and not the life of the
// connection. See [NewConn] for what it returns.
func Dial(ctx context.Context, network, addr string, cfg *Config) (*Conn, error) {
	if err := errors.Join(checkNetwork(network), cfg.check()); err != nil {
		return nil, err
	}
	nc, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, fmt.Errorf("vnc: %w: is the server running?", err)
	}
	return NewConn(ctx, nc, cfg)
}

// NewConn opens a session on a connection that is there already, and takes
// ownership of it, also when it fails. It returns when the server has told
// whether it takes extended key events; the first frame may come later.
// A server that does not let the client in gives an [*AuthError].
func NewConn(ctx context.Context, nc net.Conn, cfg *Config) (*Conn, error) {
	if err := cfg.check(); err != nil {
		nc.Close()
		return nil, err
	}
	d := cfg.withDefaults()
	if d.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, d.Timeout, timeoutError(d.Timeout))
		defer cancel()
	}
	// Closing is the one way to end a read or a write on every net.Conn.
	stop := context.AfterFunc(ctx, func() { nc.Close() })
	c, err := open(ctx, nc, d)
	if err == nil && !stop() {
		err = cause(ctx, net.ErrClosed)
		c.Close()
	}
	if err != nil {
		stop()
		nc.Close()
		return nil, fmt.Errorf("vnc: connect to %s: %w", peer(nc), cause(ctx, err))
	}
	return c, nil
}

// open does the handshake, starts the reader, and asks for the first frame.
func open(ctx context.Context, nc net.Conn, cfg Config) (*Conn, error) {
	c := &Conn{
		cfg:     cfg,
		nc:      nc,
		changed: make(chan struct{}),
		done:    make(chan struct{}),
		ended:   make(chan struct{}),
	}
	var err error
	if c.wire, c.gv, err = handshake(nc, &c.cfg); err != nil {
		return nil, err
	}
	c.name = c.gv.DesktopName
	c.resize(c.wire.width, c.wire.height)
	c.front = blank(nil, c.back.Rect)
	go c.read()
	if err = c.begin(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// begin says what is wanted, and waits until it is known what the server can
// do: QEMU acknowledges extended keys as soon as it reads SetEncodings, and
// every server has read SetEncodings before it answers the first request.
func (c *Conn) begin(ctx context.Context) error {
	err := c.tell(func() error {
		return errors.Join(c.gv.SetPixelFormat(&pixelFormat), c.writeEncodings(), c.request(false, image.Pt(c.wire.width, c.wire.height)))
	})
	if err != nil {
		return err
	}
	return c.wait(ctx, func() bool { return c.acked > 0 || c.pixels })
}

func peer(nc net.Conn) string {
	if addr := nc.RemoteAddr(); addr != nil && addr.String() != "" && addr.String() != "@" {
		return addr.String()
	}
	return "the server"
}

// Name is the desktop's name as the server told it, at most 4 KiB. QEMU says
// "QEMU (NAME)" with the name of the machine.
func (c *Conn) Name() string { return c.name }

// Done is closed when the connection has ended, for whichever reason.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err says why the connection has ended, and is nil as long as it has not.
// After [Conn.Close] it is net.ErrClosed, unless something else came first.
func (c *Conn) Err() error {
	if err := c.cause(); err != nil {
		return fmt.Errorf("vnc: %w", err)
	}
	return nil
}

func (c *Conn) cause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close ends the connection and returns when its goroutine has ended. QEMU
// then releases all keys that were held. It may be called twice, and at any
// time; calls that are waiting return with net.ErrClosed.
func (c *Conn) Close() error {
	c.fail(net.ErrClosed)
	<-c.ended
	return nil
}

// fail ends the connection; the first reason counts.
func (c *Conn) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = err
	close(c.done)
	c.nc.Close()
	c.broadcast()
}

// broadcast wakes all that wait. The caller holds c.mu.
func (c *Conn) broadcast() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// update changes the state, and wakes all that wait for it.
func (c *Conn) update(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
	c.broadcast()
}

// wait returns nil when ready, which is called with c.mu held, returns true.
// What has come true wins over the connection's end, and that over ctx.
func (c *Conn) wait(ctx context.Context, ready func() bool) error {
	for {
		c.mu.Lock()
		ok, err, changed := ready(), c.err, c.changed
		c.mu.Unlock()
		if ok || err != nil {
			if ok {
				return nil
			}
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// send gathers the messages that write makes and sends them in one write.
// When that fails the connection has ended.
func (c *Conn) send(write func() error) error {
	err := c.post(write)
	if isGone(err) {
		c.fail(err)
		return c.cause()
	}
	return err
}

// tell is send for when the reader is to have the last word: a server that
// has gone may have said why, and the reader is still to come to that.
func (c *Conn) tell(write func() error) error {
	err := c.post(write)
	if isGone(err) {
		return nil
	}
	return err
}

// post is send, but leaves the connection as it is when the server has gone.
func (c *Conn) post(write func() error) error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if err := c.cause(); err != nil {
		return err
	}
	if err := write(); err != nil {
		c.wire.out = c.wire.out[:0]
		return err
	}
	c.nc.SetWriteDeadline(c.cfg.deadline()) // a connection without deadlines is the caller's choice
	err := c.wire.flush()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("the server took nothing for %v (Config.Stall): %w", c.cfg.Stall, err)
	}
	if err != nil && !isGone(err) { // part of a message may have gone out
		c.fail(err)
		return c.cause()
	}
	return err
}
