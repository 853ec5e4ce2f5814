package httpserve

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// closeGrace is how long Close lets answers that are under way finish.
const closeGrace = time.Second

// Server is a running file server. Its methods may be called from any
// goroutine.
type Server struct {
	cfg      Config
	files    *snapshot
	log      *requestLog
	listener *listener
	http     http.Server
	done     chan struct{} // closed when the accept loop has ended
	close    sync.Once
}

// Start listens on a TCP address and serves there as [Serve] does. An empty
// addr means 127.0.0.1 and a free port. The context bounds only the call.
func Start(ctx context.Context, addr string, cfg *Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("httpserve: listen on %q: %w", addr, err)
	}
	return Serve(ln, cfg)
}

// Serve serves on a listener, which it owns from then on: it is closed by
// Close, and also when Serve fails. A caller whose templates name the port
// listens first, to know it. Serve reads Files and renders Templates before it
// returns, and reports all that is wrong with them in one error. A nil cfg
// means a zero one.
func Serve(ln net.Listener, cfg *Config) (*Server, error) {
	s, err := newServer(ln, cfg)
	if err != nil {
		ln.Close()
		return nil, err
	}
	go func() {
		defer close(s.done)
		// It returns only when the listener is closed or broken; either way
		// no more requests come, which is what the waiters are told.
		_ = s.http.Serve(s.listener)
		s.log.close()
	}()
	return s, nil
}

func newServer(ln net.Listener, cfg *Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	c := cfg.withDefaults()
	if routable(ln.Addr()) && !c.AllowRoutable {
		return nil, fmt.Errorf("httpserve: listen on %q: other machines could read the files; use 127.0.0.1, or set AllowRoutable", ln.Addr())
	}
	files, err := take(&c)
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: c, files: files, log: newLog(c.Observe), done: make(chan struct{})}
	s.listener = newListener(ln, c.MaxConns, c.StallTimeout)
	s.http = http.Server{
		Handler:           &handler{&s.cfg, files, s.log},
		ReadHeaderTimeout: c.HeaderTimeout,
		IdleTimeout:       c.StallTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          log.New(io.Discard, "", 0),
		ConnState:         s.connState,
		// "OPTIONS *" should be an event like any other.
		DisableGeneralOptionsHandler: true,
	}
	return s, nil
}

// connState learns of a connection's end: the hook's call for StateClosed is
// the last thing that net/http does on the connection's goroutine.
func (s *Server) connState(_ net.Conn, state http.ConnState) {
	if state == http.StateClosed {
		s.listener.live.Done()
	}
}

// routable reports whether other machines may be able to reach an address.
func routable(addr net.Addr) bool {
	if tcp, ok := addr.(*net.TCPAddr); ok {
		return !tcp.IP.IsLoopback()
	}
	return addr.Network() != "unix"
}

// Addr returns the address that the server listens on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// URL returns the address of the files for a program on this host, with the
// prefix and without a slash at the end: URL() + "/preseed.cfg" is a file's.
func (s *Server) URL() string {
	host := "127.0.0.1"
	if tcp, ok := s.Addr().(*net.TCPAddr); ok && !tcp.IP.IsUnspecified() {
		host = tcp.IP.String()
	}
	return s.URLFor(host)
}

// URLFor is URL as seen by a machine that knows this host by the given name or
// IP address: in QEMU's user network that is 10.0.2.2. The port is left out
// where the listener has none.
func (s *Server) URLFor(host string) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if tcp, ok := s.Addr().(*net.TCPAddr); ok {
		host = fmt.Sprintf("%s:%d", host, tcp.Port)
	}
	url := "http://" + host
	if s.cfg.Prefix != "" {
		url += "/" + s.cfg.Prefix
	}
	return url
}

// Requests returns the requests answered so far, in the order in which their
// answers ended. Only the newest are kept: at least 3072 of them. A client can
// have its answer an instant before the request is here.
//
// A request that is no valid HTTP is refused before it gets here and is not
// among them.
func (s *Server) Requests() []Request { return s.log.all() }

// WaitFetch returns when the guest has fetched the file at path completely,
// which it may have done before the call; a leading slash is optional. Pieces
// fetched by Range requests add up. It returns the request that completed the
// file. Its error says at once that the server has no such file, or, when ctx
// ends or the server is closed, what the guest asked for instead; it wraps the
// context's cause.
func (s *Server) WaitFetch(ctx context.Context, path string) (Request, error) {
	name := strings.TrimPrefix(path, "/")
	if s.files.files[name] != nil {
		return s.log.wait(ctx, name)
	}
	if near := s.files.nearest(name); near != "" {
		return Request{}, fmt.Errorf("httpserve: wait for %q: no such file is served; the nearest is %q", path, "/"+near)
	}
	return Request{}, fmt.Errorf("httpserve: wait for %q: no such file is served; add it to Files or Templates", path)
}

// Close stops the server: no new requests, one second for answers that are
// under way, then their connections are cut. It returns when every goroutine
// and every connection of the server has ended, Observe included, and always
// returns nil. It may be called twice.
func (s *Server) Close() error {
	s.close.Do(s.shutdown)
	return nil
}

func (s *Server) shutdown() {
	ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	_ = s.http.Shutdown(ctx)
	s.listener.Close()
	<-s.done
	// Only now are all connections known to net/http, also one that was
	// accepted while it was shutting down.
	s.http.Close()
	s.listener.live.Wait()
	if p := s.log.close(); p != nil {
		panic(p)
	}
}
