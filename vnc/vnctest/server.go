package vnctest

import (
	"context"
	"fmt"
	"image"
	"net"
	"sync"
	"time"
)

// Config says how the server behaves. A nil *Config and the zero Config are
// the same: QEMU's manners, a black screen of 640x480 pixels, no password.
type Config struct {
	// Listener is where the server waits for clients, and is closed with
	// it. Nil means a new one on 127.0.0.1, with a port of its own.
	Listener net.Listener

	// Screen is what the server shows first. Nil means 640x480 black pixels.
	Screen image.Image

	// Name is the desktop's name. Empty means "vnctest".
	Name string

	// Password is what the server asks for, if it is not empty. As in every
	// VNC server only the first 8 bytes count.
	Password string

	// Plain leaves out QEMU's extensions: extended key events, which bring
	// the acknowledgement of SetEncodings with them, and the LED state.
	Plain bool

	// CloseAfter closes a connection when it has brought so many key
	// events. Zero means never.
	CloseAfter int

	// OnKey is called with the server and each key event after it was
	// recorded, by the goroutine of the connection that brought it, so one
	// at a time for each connection. It plays the guest: it may call all of
	// the server's methods but Close. Nil means that nothing is called.
	OnKey func(*Server, Key)
}

// Key is a key event that a client has sent.
type Key struct {
	Keysym   uint32    // the X Window System's number
	Code     uint16    // QEMU's scan code; 0 for a plain event
	Extended bool      // it was an extended key event
	Down     bool      // the key went down, not up
	Time     time.Time // when the server read it
}

// Pointer is a pointer event that a client has sent.
type Pointer struct {
	X, Y    int       // in pixels, from the upper left corner of the screen
	Buttons uint8     // bit 0 is the left button
	Time    time.Time // when the server read it
}

// Server is a running server. Its methods may be called from any goroutine.
type Server struct {
	cfg      Config
	listener net.Listener
	running  sync.WaitGroup

	mu       sync.Mutex // all below
	changed  chan struct{}
	closed   bool
	clients  map[*client]bool
	screen   *image.RGBA // never written to: replaced
	leds     uint8
	keys     []Key
	pointers []Pointer
	refused  int
}

// NewServer starts a server. Close it when it is no longer needed.
func NewServer(cfg *Config) (*Server, error) {
	s := &Server{changed: make(chan struct{}), clients: make(map[*client]bool)}
	if cfg != nil {
		s.cfg = *cfg
	}
	if s.cfg.Name == "" {
		s.cfg.Name = "vnctest"
	}
	if s.cfg.Screen == nil {
		s.cfg.Screen = image.NewRGBA(image.Rect(0, 0, 640, 480))
	}
	s.screen = copyOf(s.cfg.Screen)
	s.listener = s.cfg.Listener
	if s.listener == nil {
		var err error
		if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return nil, fmt.Errorf("vnctest: %w", err)
		}
	}
	s.running.Add(1)
	go s.accept()
	return s, nil
}

func (s *Server) accept() {
	defer s.running.Done()
	for {
		nc, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.serve(nc)
	}
}

// Addr is where the server listens, for Dial: host and port, or the path of
// a Unix socket.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Network is the kind of Addr: "tcp" or "unix".
func (s *Server) Network() string { return s.listener.Addr().Network() }

// Pipe connects a client in memory and returns the client's end.
func (s *Server) Pipe() net.Conn {
	theirs, ours := net.Pipe()
	s.serve(ours)
	return theirs
}

// serve starts the goroutines of a client.
func (s *Server) serve(nc net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		nc.Close()
		return
	}
	c := newClient(s, nc)
	s.clients[c] = true
	s.running.Go(c.run)
}

// Close stops the server, disconnects all clients and returns when all of
// its goroutines have ended. It may be called twice.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	s.broadcast()
	s.mu.Unlock()
	s.listener.Close()
	s.Disconnect()
	s.running.Wait()
	return nil
}

// Disconnect closes the connections of all clients. New ones are accepted.
func (s *Server) Disconnect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.clients {
		c.nc.Close()
	}
}

// Clients returns how many clients are connected.
func (s *Server) Clients() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.clients)
}

// Refused returns how many clients gave a wrong password.
func (s *Server) Refused() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

// SetScreen shows a copy of a picture to all clients. A new size is told to
// those that can follow; others see what fits.
func (s *Server) SetScreen(m image.Image) {
	copied := copyOf(m)
	s.update(func() { s.screen = copied })
}

// SetLEDs sets the lights of the keyboard: bit 0 is ScrollLock, 1 NumLock,
// 2 CapsLock.
func (s *Server) SetLEDs(leds uint8) { s.update(func() { s.leds = leds }) }

// Keys returns the key events of all clients so far.
func (s *Server) Keys() []Key {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Key(nil), s.keys...)
}

// Pointers returns the pointer events of all clients so far.
func (s *Server) Pointers() []Pointer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Pointer(nil), s.pointers...)
}

// Typed returns what the keys so far have typed on a US keyboard, as a boot
// command: see [Typed].
func (s *Server) Typed() string { return Typed(s.Keys()) }

// WaitKeys returns the key events so far when there are at least n.
func (s *Server) WaitKeys(ctx context.Context, n int) ([]Key, error) {
	err := s.wait(ctx, func() bool { return len(s.keys) >= n })
	keys := s.Keys()
	if err != nil {
		return keys, fmt.Errorf("vnctest: wait for %d key events: %d came: %w", n, len(keys), err)
	}
	return keys, nil
}

// WaitTyped returns when [Server.Typed] begins with want.
func (s *Server) WaitTyped(ctx context.Context, want string) error {
	err := s.wait(ctx, func() bool {
		got := Typed(s.keys)
		return len(got) >= len(want) && got[:len(want)] == want
	})
	if err != nil {
		return fmt.Errorf("vnctest: wait for %q: typed so far: %q: %w", want, s.Typed(), err)
	}
	return nil
}

// WaitPointer returns the pointer events so far when there are at least n.
func (s *Server) WaitPointer(ctx context.Context, n int) ([]Pointer, error) {
	err := s.wait(ctx, func() bool { return len(s.pointers) >= n })
	if err != nil {
		return s.Pointers(), fmt.Errorf("vnctest: wait for %d pointer events: %w", n, err)
	}
	return s.Pointers(), nil
}

// update changes the state and wakes all that wait for it.
func (s *Server) update(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	s.broadcast()
}

// broadcast wakes all that wait. The caller holds s.mu.
func (s *Server) broadcast() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// wait returns nil when ready, which is called with s.mu held, returns true.
func (s *Server) wait(ctx context.Context, ready func() bool) error {
	for {
		s.mu.Lock()
		ok, closed, changed := ready(), s.closed, s.changed
		s.mu.Unlock()
		switch {
		case ok:
			return nil
		case closed:
			return net.ErrClosed
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
