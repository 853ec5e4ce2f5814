package winrm

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
)

// Reason says how far an attempt to log in came.
type Reason int

// The reasons, in the order in which a guest that boots goes through them.
const (
	Unreachable  Reason = iota // no connection: no route, no answer, no proxy
	Refused                    // nothing listens on the port
	Silent                     // accepted, and not answered: a port forward without a guest behind it
	ClosedEarly                // accepted, and closed before an answer
	TLS                        // no TLS: an untrusted certificate, or a port without it
	NotWinRM                   // what came is not WinRM
	Auth                       // login refused
	Fault                      // logged in, and the service said no
	NoPowerShell               // logged in, and PowerShell did not run
	NotYet                     // logged in, and it is not yet what is waited for
)

var reasonTexts = map[Reason]string{
	Unreachable:  "cannot be reached",
	Refused:      "connection refused",
	Silent:       "connection accepted, but nothing answered",
	ClosedEarly:  "connection closed early",
	TLS:          "no TLS",
	NotWinRM:     "not WinRM",
	Auth:         "login refused",
	Fault:        "the service refuses",
	NoPowerShell: "PowerShell does not run",
	NotYet:       "it lets us in, but is not yet what is waited for",
}

// String returns the reason in a few words.
func (r Reason) String() string {
	if text, ok := reasonTexts[r]; ok {
		return text
	}
	return fmt.Sprintf("Reason(%d)", int(r))
}

// DialError says why one attempt failed.
type DialError struct {
	// Addr is the address that was tried.
	Addr string
	// User is the name whose login was tried.
	User string
	// Reason says how far the attempt came.
	Reason Reason
	// Offered are the ways of logging in that the service offered when it
	// refused; nil where it did not come so far.
	Offered []string
	// Err is the cause.
	Err error
}

// Error names the address, the reason, what is known of the service, and the
// cause.
func (e *DialError) Error() string {
	text := fmt.Sprintf("winrm: connect to %s: %s", e.Addr, e.Reason)
	if e.Reason == Auth {
		text += fmt.Sprintf(" for user %q", e.User)
	}
	if len(e.Offered) > 0 {
		text += "; offered: " + printable(strings.Join(e.Offered, ", "))
	}
	if e.Err != nil {
		text += ": " + printable(e.Err.Error())
	}
	return text
}

// Unwrap returns the cause.
func (e *DialError) Unwrap() error { return e.Err }

// FaultError is what the service said when it did not do what it was asked for.
type FaultError struct {
	// Code is the service's, such as 5 for access denied; zero where it gave
	// none.
	Code uint32
	// Message is what it said, without control characters.
	Message string
}

// Error returns the message with its code.
func (e *FaultError) Error() string {
	text := e.Message
	if text == "" {
		text = "no reason given"
	}
	if e.Code != 0 {
		text += fmt.Sprintf(" (code %d)", e.Code)
	}
	return text
}

// refusal is a login that was refused.
type refusal struct {
	offered []string
	why     string
}

func (r *refusal) Error() string { return r.why }

// notWinRM is an answer that no WinRM service gives.
type notWinRM struct{ what string }

func (n *notWinRM) Error() string { return n.what }

// dialError classifies the error of an attempt.
func dialError(c *Config, err error, connected bool) *DialError {
	var already *DialError
	if errors.As(err, &already) {
		return already
	}
	d := &DialError{Addr: c.name(), User: c.User, Reason: reason(err, connected), Err: err}
	var r *refusal
	if errors.As(err, &r) {
		d.Offered = r.offered
	}
	return d
}

func reason(err error, connected bool) Reason {
	var fault *FaultError
	var refused *refusal
	var other *notWinRM
	var status *ExitError
	switch {
	case errors.As(err, &fault):
		return Fault
	case errors.As(err, &refused):
		return Auth
	case errors.As(err, &other):
		return NotWinRM
	case errors.As(err, &status):
		return NoPowerShell
	case aboutTLS(err):
		return TLS
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.Errno(10061)): // Windows' own number
		return Refused
	case !connected:
		return Unreachable
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return Silent
	case closedByPeer(err):
		return ClosedEarly
	}
	return NotWinRM
}

func aboutTLS(err error) bool {
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	return errors.As(err, &certificate) || errors.As(err, &record) || errors.As(err, &alert) ||
		errors.Is(err, http.ErrSchemeMismatch) || strings.Contains(err.Error(), "tls: ")
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// closedByPeer reports whether err means that the other side has hung up.
func closedByPeer(err error) bool {
	for _, closed := range []error{io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE, syscall.Errno(10054)} {
		if errors.Is(err, closed) {
			return true
		}
	}
	return false
}

// printable removes what could do something to a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t', r == '\r':
			return ' '
		case r < ' ', r >= 0x7f && r < 0xa0:
			return -1
		}
		return r
	}, strings.TrimSpace(s))
}
