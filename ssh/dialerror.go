package ssh

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
)

// Reason says how far an attempt to connect came.
type Reason int

// The reasons, in the order in which a guest that boots goes through them.
const (
	Unreachable Reason = iota // no connection: no route, no answer, no bastion
	Refused                   // nothing listens on the port
	Silent                    // accepted, and not a byte sent: a port forward without a guest behind it
	ClosedEarly               // accepted, and closed before a login was decided
	NotSSH                    // what came is not SSH
	Stalled                   // it began to speak SSH, and stopped
	KeyExchange               // no key was agreed on: no common algorithm, bad signature
	HostKey                   // the host key is not the expected one
	Auth                      // login refused
)

var reasonTexts = map[Reason]string{
	Unreachable: "cannot be reached",
	Refused:     "connection refused",
	Silent:      "connection accepted, but nothing sent",
	ClosedEarly: "connection closed early",
	NotSSH:      "not SSH",
	Stalled:     "stopped answering before login",
	KeyExchange: "key exchange failed",
	HostKey:     "unexpected host key",
	Auth:        "login refused",
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
	// ServerVersion is how the server announced itself, for instance
	// "SSH-2.0-OpenSSH_9.2p1 Debian-2"; empty when it did not.
	ServerVersion string
	// Offered are the login methods that the server last offered; empty
	// where the attempt did not come so far.
	Offered []string
	// Tried are the login methods that were refused; "none" is the asking
	// for what is offered.
	Tried []string
	// Banner is what the server wished to be shown before login, without
	// control characters.
	Banner string
	// Err is the cause.
	Err error
}

// Error names the address, the reason, what is known of the server, and the
// cause.
func (e *DialError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "ssh: connect to %s: %s", e.Addr, e.Reason)
	if e.Reason == Auth {
		fmt.Fprintf(&b, " for user %q", e.User)
	}
	if e.ServerVersion != "" {
		fmt.Fprintf(&b, " by %s", software(e.ServerVersion))
	}
	if e.Reason == Auth {
		fmt.Fprintf(&b, "; %s", methods(e.Tried, e.Offered))
	}
	if e.Banner != "" {
		fmt.Fprintf(&b, "; it says %q", e.Banner)
	}
	// The library's words for a plain refusal repeat the methods.
	if e.Err != nil && !(e.Reason == Auth && strings.Contains(e.Err.Error(), "unable to authenticate")) {
		fmt.Fprintf(&b, ": %s", printable(e.Err.Error()))
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *DialError) Unwrap() error { return e.Err }

// software returns the part of a version line after "SSH-2.0-".
func software(version string) string {
	if parts := strings.SplitN(version, "-", 3); len(parts) == 3 {
		return parts[2]
	}
	return version
}

// methods says which ways of logging in were tried and offered.
func methods(tried, offered []string) string {
	var refused []string
	for _, method := range tried {
		if method != "none" {
			refused = append(refused, method)
		}
	}
	text := "nothing that we have was asked for"
	if len(refused) > 0 {
		text = "tried: " + strings.Join(refused, ", ")
	}
	if len(offered) == 0 {
		return text
	}
	return text + "; methods offered: " + strings.Join(offered, ", ")
}

// dialReason classifies an error from making the connection itself.
func dialReason(err error) Reason {
	const wsaECONNREFUSED = syscall.Errno(10061) // Windows' own number
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, wsaECONNREFUSED) {
		return Refused
	}
	return Unreachable
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
