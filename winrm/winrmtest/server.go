package winrmtest

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"time"
)

// Config says how a server behaves. The zero value lets everybody in, and knows
// no command.
type Config struct {
	// User is the only name that may log in. Empty means any, or root with
	// NTLM.
	User string
	// Password is the user's. Empty means any; NTLM needs one.
	Password string
	// NTLM offers that alone, and takes only encrypted messages over HTTP.
	// False means basic authentication.
	NTLM bool
	// TLS speaks HTTPS, with the certificate that [Server.Roots] is for.
	TLS bool
	// RefuseLogins is how many logins to refuse before the first right one is
	// accepted.
	RefuseLogins int

	// Exec runs a command and returns its exit status; ctx ends with the
	// command's shell and with the server. It is called on a goroutine of the
	// command's own. Nil knows no command: status 1. See [Guest].
	Exec func(ctx context.Context, call *Call) int

	// OperationTime is how long a request for output waits for some. Zero means
	// one second; Windows waits as long as it is asked to.
	OperationTime time.Duration

	// Listener is where to listen. Nil means a free port of 127.0.0.1.
	Listener net.Listener

	// Fault is what is wrong with the server at first; see [Server.SetFault].
	Fault Fault
}

// Fault is something that is wrong with a server.
type Fault int

// The faults.
const (
	None       Fault = iota // nothing
	Silent                  // takes requests, and answers none
	HangUp                  // closes the connection instead of an answer
	NotFound                // another web server
	NotSOAP                 // answers with a page
	Denied                  // refuses to open a shell: access denied
	Plain                   // does not encrypt its answers
	NoExitCode              // does not say how a command has ended
)

// Call is a command that a client runs.
type Call struct {
	// Line is the command line.
	Line string
	// Script is the PowerShell script in the line; empty where it has none.
	Script string
	// Env are the variables of the shell, NAME=VALUE.
	Env []string
	// Stdin is what the client sends; it ends when the client says so, or with
	// the command.
	Stdin io.Reader
	// Stdout and Stderr go to the client.
	Stdout, Stderr io.Writer
}

// Server is a running server. Close it.
type Server struct {
	// Addr is the host:port that the server listens on.
	Addr string

	config *Config
	http   *httptest.Server
	ctx    context.Context // ends with the server
	cancel context.CancelFunc
	calls  sync.WaitGroup

	mu       sync.Mutex
	fault    Fault
	refuse   int
	logins   int
	shells   map[string]*shell
	opened   int
	commands []string
	requests int
}

// Start starts a server.
func Start(config *Config) (*Server, error) {
	if config.NTLM && config.Password == "" {
		return nil, fmt.Errorf("winrmtest: Config.Password: is empty, and NTLM needs one")
	}
	s := &Server{config: config, fault: config.Fault, refuse: config.RefuseLogins, shells: map[string]*shell{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.http = httptest.NewUnstartedServer(s)
	if config.Listener != nil {
		_ = s.http.Listener.Close()
		s.http.Listener = config.Listener
	}
	s.http.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, &conn{})
	}
	s.http.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Addr = s.http.Listener.Addr().String()
	if config.TLS {
		s.http.StartTLS()
	} else {
		s.http.Start()
	}
	return s, nil
}

// Close ends the server and all that runs on it, and waits for its goroutines;
// an Exec that does not return when its context ends holds it up. It may be
// called again, and always returns nil.
func (s *Server) Close() error {
	s.cancel()
	s.http.CloseClientConnections()
	s.http.Close()
	s.mu.Lock()
	for _, sh := range s.shells {
		sh.end()
	}
	s.mu.Unlock()
	s.calls.Wait()
	return nil
}

// Drop cuts all connections at once, and ends all shells, as a guest that is
// switched off; new ones are accepted.
func (s *Server) Drop() {
	s.http.CloseClientConnections()
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, sh := range s.shells {
		sh.end()
		delete(s.shells, id)
	}
}

// SetFault changes what is wrong with the server.
func (s *Server) SetFault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Roots returns what a client must trust to speak TLS with the server; nil
// without TLS.
func (s *Server) Roots() *x509.CertPool {
	if !s.config.TLS {
		return nil
	}
	roots := x509.NewCertPool()
	roots.AddCert(s.http.Certificate())
	return roots
}

// Commands returns what was run, in its order: PowerShell scripts, and the lines
// of other commands.
func (s *Server) Commands() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.commands)
}

// Shells returns how many shells are open, and how many were opened.
func (s *Server) Shells() (open, opened int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.shells), s.opened
}

// Requests returns how many requests there were, those of logins included.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// Logins returns how many requests were let in.
func (s *Server) Logins() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins
}

// ServeHTTP answers a request, whatever its path.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	fault := s.fault
	s.requests++
	s.mu.Unlock()
	switch fault {
	case Silent:
		select {
		case <-s.ctx.Done():
		case <-r.Context().Done():
		}
		return
	case HangUp:
		panic(http.ErrAbortHandler)
	case NotFound:
		http.NotFound(w, r)
		return
	case NotSOAP:
		_, _ = io.WriteString(w, "<html><body>It works!</body></html>")
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	c := r.Context().Value(connKey{}).(*conn)
	if !s.letIn(c, w, r) {
		return
	}
	s.answer(c, w, r, body, fault)
}

func newID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("%X", b)
}
