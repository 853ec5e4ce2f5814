package vnc

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"

	govnc "github.com/mitchellh/go-vnc"
)

// wire is the net.Conn that go-vnc sees. To its handshake it gives the
// server's words one element at a time, each read and checked here first;
// after the last one it gives io.EOF, which ends go-vnc's reading goroutine
// at once, while our own reader goes on with the real connection. What go-vnc
// writes is gathered until it is flushed, so that a message, or several,
// leave in one write.
type wire struct {
	net.Conn // the real connection; its deadlines and addresses
	cfg      *Config
	in       *bufio.Reader
	out      []byte

	next    func(*wire) ([]byte, error) // reads the next element; nil after the last
	pending []byte                      // of the current element, not yet given to go-vnc
	err     error                       // why the handshake failed

	offered []byte // security types
	tried   byte   // of those, the one that go-vnc takes
	width   int    // framebuffer, from ServerInit
	height  int

	closing sync.Once
	closed  chan struct{} // closed when go-vnc has let go of the connection
}

// handshake lets go-vnc open the session. It returns after go-vnc's own
// goroutine has ended.
func handshake(nc net.Conn, cfg *Config) (*wire, *govnc.ClientConn, error) {
	w := &wire{
		Conn:   nc,
		cfg:    cfg,
		in:     bufio.NewReaderSize(nc, 64<<10),
		next:   (*wire).readVersion,
		closed: make(chan struct{}),
	}
	gv, err := govnc.Client(w, &govnc.ClientConfig{Auth: auths(cfg.Password), Exclusive: cfg.Exclusive})
	if w.err != nil { // says more than go-vnc does
		return nil, nil, w.err
	}
	if err != nil {
		return nil, nil, err
	}
	<-w.closed
	return w, gv, nil
}

func auths(password string) []govnc.ClientAuth {
	if password == "" {
		return []govnc.ClientAuth{new(govnc.ClientAuthNone)}
	}
	return []govnc.ClientAuth{&govnc.PasswordAuth{Password: password}, new(govnc.ClientAuthNone)}
}

// Read gives go-vnc the handshake, and then io.EOF.
func (w *wire) Read(p []byte) (int, error) {
	if len(w.pending) == 0 {
		if w.next == nil {
			return 0, io.EOF
		}
		if err := w.advance(); err != nil {
			w.err, w.next = err, nil
			return 0, err
		}
	}
	n := copy(p, w.pending)
	w.pending = w.pending[n:]
	return n, nil
}

// advance sends what go-vnc has said so far and reads the server's answer. A
// server that has gone may still have said why.
func (w *wire) advance() error {
	if err := w.flush(); err != nil && !isGone(err) {
		return err
	}
	var err error
	w.pending, err = w.next(w)
	return err
}

// Write gathers.
func (w *wire) Write(p []byte) (int, error) {
	w.out = append(w.out, p...)
	return len(p), nil
}

// flush sends what was gathered in one write.
func (w *wire) flush() error {
	if len(w.out) == 0 {
		return nil
	}
	_, err := w.Conn.Write(w.out)
	w.out = w.out[:0]
	return ended(err)
}

// Close is called by go-vnc when its reading goroutine ends or the handshake
// fails. The real connection is not its to close.
func (w *wire) Close() error {
	w.closing.Do(func() { close(w.closed) })
	return nil
}

// take reads n bytes from the server.
func (w *wire) take(n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(w.in, b)
	return b, ended(err)
}

// readVersion accepts 3.8 and all that came later. It tells go-vnc 3.8 in any
// case, since that is what both sides then speak.
func (w *wire) readVersion() ([]byte, error) {
	b, err := w.take(12)
	if err != nil {
		return nil, err
	}
	var major, minor int
	if n, _ := fmt.Sscanf(string(b), "RFB %03d.%03d\n", &major, &minor); n != 2 || b[11] != '\n' {
		return nil, fmt.Errorf("the server began with %q, which is not RFB: is this the address of a VNC server?", b)
	}
	if major < 3 || major == 3 && minor < 8 {
		return nil, fmt.Errorf("the server speaks RFB %d.%d; 3.8 or later is needed: use a newer server", major, minor)
	}
	w.next = (*wire).readSecurity
	return []byte("RFB 003.008\n"), nil
}

// readSecurity reads the security types, and sees which one go-vnc will take.
func (w *wire) readSecurity() ([]byte, error) {
	n, err := w.take(1)
	if err != nil {
		return nil, err
	}
	if n[0] == 0 {
		reason, err := w.readReason()
		if err != nil {
			return nil, err
		}
		return nil, &AuthError{Reason: reason}
	}
	if w.offered, err = w.take(int(n[0])); err != nil {
		return nil, err
	}
	switch {
	case w.cfg.Password != "" && bytes.IndexByte(w.offered, secPassword) >= 0:
		w.tried, w.next = secPassword, (*wire).readChallenge
	case bytes.IndexByte(w.offered, secNone) >= 0:
		w.tried, w.next = secNone, (*wire).readResult
	default:
		return nil, &AuthError{Offered: w.offered}
	}
	return append(n, w.offered...), nil
}

func (w *wire) readChallenge() ([]byte, error) {
	w.next = (*wire).readResult
	return w.take(16)
}

// readResult takes every result but 0 for a refusal. go-vnc takes only 1.
func (w *wire) readResult() ([]byte, error) {
	b, err := w.take(4)
	if err != nil {
		return nil, err
	}
	if binary.BigEndian.Uint32(b) != 0 {
		reason, err := w.readReason()
		if err != nil {
			reason = ""
		}
		return nil, &AuthError{Reason: reason, Offered: w.offered, Tried: w.tried}
	}
	w.next = (*wire).readInit
	return b, nil
}

// readInit reads ServerInit: sizes, pixel format, the desktop's name.
func (w *wire) readInit() ([]byte, error) {
	head, err := w.take(24)
	if err != nil {
		return nil, err
	}
	w.width, w.height = int(binary.BigEndian.Uint16(head)), int(binary.BigEndian.Uint16(head[2:]))
	if err := w.cfg.checkSize(w.width, w.height); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[20:])
	if n > maxName {
		return nil, fmt.Errorf("the server announces a desktop name of %d bytes; at most %d are accepted", n, maxName)
	}
	name, err := w.take(int(n))
	if err != nil {
		return nil, err
	}
	w.next = nil
	return append(head, name...), nil
}

// readReason reads why the server refused; a long reason is cut.
func (w *wire) readReason() (string, error) {
	b, err := w.take(4)
	if err != nil {
		return "", err
	}
	reason, err := w.take(int(min(binary.BigEndian.Uint32(b), maxReason)))
	return string(reason), err
}
