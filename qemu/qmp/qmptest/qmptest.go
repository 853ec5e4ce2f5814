// Package qmptest is a QMP server for tests: it speaks on the wire what a
// script tells it, truth or lies.
//
//	server, nc := qmptest.Pipe(qmptest.Script{
//		Handlers: map[string]qmptest.Handler{
//			"query-status": qmptest.Value(map[string]any{"status": "running", "running": true}),
//			"stop":         qmptest.Silence,
//		},
//	})
//	defer server.Close()
//	conn, err := qmp.NewConn(ctx, nc)
//
// Without a script it greets, negotiates and refuses like QEMU, and knows
// query-commands and quit.
package qmptest

import (
	"encoding/json"
	"errors"
	"net"
	"slices"
	"sync"
)

// Script says how a server behaves. The zero value is a QEMU that knows
// nothing but query-commands and quit.
type Script struct {
	// Greeting is sent as it is when a client connects, instead of that of a
	// QEMU 7.2.0. A line that is not a greeting is sent just so; "-" sends
	// nothing.
	Greeting string

	// Handlers answer commands by name. They come before what the server
	// knows by itself, qmp_capabilities too.
	Handlers map[string]Handler
}

// Handler answers one command. It is called on the connection's goroutine,
// one at a time, as QEMU runs its commands; later commands wait until it
// returns. To answer later, start a goroutine.
type Handler func(c *Conn, r Request)

// Request is a command as it came.
type Request struct {
	Command   string          `json:"execute"`   // its name, such as "query-status"
	Arguments json.RawMessage `json:"arguments"` // nil when there were none
	ID        json.RawMessage `json:"id"`        // nil when there was none
}

// Value returns a handler that answers v, encoded as JSON.
func Value(v any) Handler { return func(c *Conn, r Request) { c.Reply(r, v) } }

// Refusal returns a handler that answers with an error. QEMU's usual class is
// "GenericError".
func Refusal(class, desc string) Handler {
	return func(c *Conn, r Request) { c.Refuse(r, class, desc) }
}

// Silence is a handler that never answers.
func Silence(*Conn, Request) {}

// Server is a running QMP server.
type Server struct {
	script Script
	ln     net.Listener // nil for Pipe
	tasks  sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	conns    map[*Conn]bool
	requests []Request
}

// Listen starts a server for any number of clients. The networks and addresses
// are those of [net.Listen]: "tcp" with "127.0.0.1:0", or "unix" with a path.
func Listen(network, addr string, s Script) (*Server, error) {
	ln, err := net.Listen(network, addr)
	if err != nil {
		return nil, err
	}
	server := newServer(s)
	server.ln = ln
	server.tasks.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			server.serve(nc)
		}
	})
	return server, nil
}

// Pipe starts a server with one client, whose end of the connection it
// returns. It is in memory; files cannot be sent over it.
func Pipe(s Script) (*Server, net.Conn) {
	server := newServer(s)
	ours, theirs := net.Pipe()
	server.serve(ours)
	return server, theirs
}

// Serve starts a server with one client at the other end of nc, which it owns
// from now on.
func Serve(nc net.Conn, s Script) *Server {
	server := newServer(s)
	server.serve(nc)
	return server
}

func newServer(s Script) *Server { return &Server{script: s, conns: map[*Conn]bool{}} }

// Addr returns the address that [Listen] took, and nil for the others.
func (s *Server) Addr() net.Addr {
	if s.ln == nil {
		return nil
	}
	return s.ln.Addr()
}

// Event sends an event to every client that has negotiated. A nil data sends
// none. It returns an error if there is no such client, or one is gone.
func (s *Server) Event(name string, data any) error {
	s.mu.Lock()
	var ready []*Conn
	for c := range s.conns {
		if c.isReady() {
			ready = append(ready, c)
		}
	}
	s.mu.Unlock()
	if len(ready) == 0 {
		return errors.New("qmptest: event " + name + ": no client has negotiated")
	}
	var errs []error
	for _, c := range ready {
		errs = append(errs, c.Event(name, data))
	}
	return errors.Join(errs...)
}

// Requests returns all commands so far, in the order of their arrival.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Close hangs up on all clients and returns when nothing of the server runs
// any more, handlers included. It may be called more than once.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	if s.ln != nil {
		s.ln.Close()
	}
	for c := range s.conns {
		c.nc.Close()
	}
	s.mu.Unlock()
	s.tasks.Wait()
	return nil
}

// serve starts a client's goroutine, unless the server is closed.
func (s *Server) serve(nc net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		nc.Close()
		return
	}
	c := newConn(s, nc)
	s.conns[c] = true
	s.tasks.Go(func() {
		c.run()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	})
}

func (s *Server) record(r Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r)
}
