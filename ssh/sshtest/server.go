package sshtest

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"

	xssh "golang.org/x/crypto/ssh"
)

// Config says how a server behaves. The zero value lets everybody in without
// any proof, knows no command, and has no files.
type Config struct {
	// User is the only name that may log in. Empty means any.
	User string
	// Password is asked for. Empty means that password authentication is
	// not offered.
	Password string
	// KeyboardInteractive asks for Password by that method, and not by
	// password authentication.
	KeyboardInteractive bool
	// AuthorizedKeys are the public keys that may log in, as lines of
	// authorized_keys.
	AuthorizedKeys []string
	// RefuseLogins is how many passwords and keys to refuse before the
	// first right one is accepted.
	RefuseLogins int

	// Version is the server's version line. Empty means "SSH-2.0-sshtest".
	Version string
	// Banner is shown before login. Empty means none.
	Banner string

	// Exec runs a command and returns its exit status; ctx ends with the
	// connection, the session or the server. It is called on a goroutine of
	// the command's own. Nil knows no command: status 127. See [Shell].
	Exec func(ctx context.Context, call *Call) int

	// Dir is the directory that the SFTP subsystem serves as "/"; nothing
	// outside it can be reached. Empty means that there is no SFTP, unless
	// SFTP is set.
	Dir string
	// SFTP serves the SFTP subsystem itself, for a server that lies. Nil
	// serves Dir.
	SFTP func(channel io.ReadWriteCloser) error

	// Forward lets clients connect onwards through the server, as to a
	// bastion.
	Forward bool

	// Fault is what is wrong with the server at first; see
	// [Server.SetFault].
	Fault Fault
}

// Server is a running server. Close it.
type Server struct {
	// Addr is the host:port that the server listens on, on 127.0.0.1.
	Addr string

	config     *Config
	authorized map[string]bool
	listener   net.Listener
	ctx        context.Context // ends with the server
	cancel     context.CancelFunc
	goroutines sync.WaitGroup

	mu       sync.Mutex
	fault    Fault
	hostKey  xssh.Signer
	refuse   int
	conns    map[*conn]bool
	accepted int
	logins   int
	commands []string
}

// Start starts a server on a free port of 127.0.0.1, with a new host key. The
// error says what is wrong with the Config.
func Start(config *Config) (*Server, error) {
	s := &Server{config: config, authorized: map[string]bool{}, fault: config.Fault, refuse: config.RefuseLogins, conns: map[*conn]bool{}}
	for i, line := range config.AuthorizedKeys {
		key, _, _, _, err := xssh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			return nil, fmt.Errorf("sshtest: Config.AuthorizedKeys[%d]: %w", i, err)
		}
		s.authorized[string(key.Marshal())] = true
	}
	if err := s.NewHostKey(); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("sshtest: %w", err)
	}
	s.listener, s.Addr = listener, listener.Addr().String()
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.goroutines.Go(s.accept)
	return s, nil
}

// Close ends the server and all that runs on it, and waits for its goroutines;
// an Exec that does not return when its context ends holds it up. It may be
// called again, and always returns nil.
func (s *Server) Close() error {
	s.cancel()
	s.listener.Close()
	s.Drop()
	s.goroutines.Wait()
	return nil
}

// Drop cuts all connections at once, as a guest that is switched off; new ones
// are accepted.
func (s *Server) Drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
}

// Freeze makes all present connections black holes: they stay open, take
// everything and answer nothing. New ones are served.
func (s *Server) Freeze() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.freeze()
	}
}

// SetFault changes what is wrong with the server, for connections to come.
func (s *Server) SetFault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// NewHostKey gives the server another host key, for connections to come.
func (s *Server) NewHostKey() error {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("sshtest: host key: %w", err)
	}
	signer, err := xssh.NewSignerFromKey(private)
	if err != nil {
		return fmt.Errorf("sshtest: host key: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hostKey = signer
	return nil
}

// HostKey returns the server's host key as a line of ssh_host_ed25519_key.pub.
func (s *Server) HostKey() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.TrimSpace(string(xssh.MarshalAuthorizedKey(s.hostKey.PublicKey())))
}

// Accepted returns how many connections were made so far.
func (s *Server) Accepted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

// Open returns how many connections are open now.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Logins returns how many logins succeeded so far.
func (s *Server) Logins() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins
}

// Commands returns the command lines that were asked for so far.
func (s *Server) Commands() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.commands...)
}

func (s *Server) accept() {
	for {
		nc, err := s.listener.Accept()
		if err != nil {
			return
		}
		c := newConn(nc)
		s.mu.Lock()
		s.accepted++
		s.conns[c] = true
		fault := s.fault
		if s.ctx.Err() != nil { // Drop may have been too early for this one
			c.Close()
		}
		s.mu.Unlock()
		s.goroutines.Go(func() {
			defer s.forget(c)
			s.serve(c, fault)
		})
	}
}

func (s *Server) forget(c *conn) {
	c.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}
