package sshtest

import (
	"io"
	"strings"
	"time"
)

// Fault is something that is wrong with a server.
type Fault int

// The faults. What a single command can do wrong is in the methods of [Call].
const (
	// None is a server in order.
	None Fault = iota
	// Silent accepts, and never says anything: a port forward whose guest
	// is not up.
	Silent
	// CloseAtOnce accepts and closes.
	CloseAtOnce
	// HTTP is a web server on the port.
	HTTP
	// Drip sends the version line, one byte a second.
	Drip
	// VersionOnly sends the version line, and no more.
	VersionOnly
	// Flood sends lines that are not SSH, without end.
	Flood
	// BlackHole lets the client in, and never answers after that.
	BlackHole
	// NoSession refuses every session.
	NoSession
	// NoReply never answers the request to run a command.
	NoReply
)

// introduce acts out a fault that comes before SSH. It reports false where SSH
// is to be spoken.
func (s *Server) introduce(c *conn, fault Fault) bool {
	switch fault {
	case Silent:
		io.Copy(io.Discard, c)
	case CloseAtOnce:
	case HTTP:
		io.CopyN(io.Discard, c, 1)
		io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n400 Bad Request")
	case Drip:
		s.drip(c, "SSH-2.0-OpenSSH_9.2p1 and a comment that takes its time\r\n")
	case VersionOnly:
		io.WriteString(c, s.version()+"\r\n")
		io.Copy(io.Discard, c)
	case Flood:
		s.goroutines.Go(func() { io.Copy(io.Discard, c) })
		for line := strings.Repeat("x", 200) + "\r\n"; ; {
			if _, err := io.WriteString(c, line); err != nil {
				break
			}
		}
	default:
		return false
	}
	return true
}

// drip sends a byte a second until the connection is closed.
func (s *Server) drip(c *conn, text string) {
	s.goroutines.Go(func() {
		io.Copy(io.Discard, c)
		c.Close()
	})
	for _, b := range []byte(text) {
		if _, err := c.Write([]byte{b}); err != nil {
			return
		}
		select {
		case <-c.closed:
			return
		case <-time.After(time.Second):
		}
	}
}

func (s *Server) version() string {
	if s.config.Version != "" {
		return s.config.Version
	}
	return "SSH-2.0-sshtest"
}
