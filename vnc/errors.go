package vnc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
)

// ErrNoFence is what [Conn.Fence] returns where the server offers no fence.
// Keys are sent all the same; when they were read is not known.
var ErrNoFence = errors.New("the server offers no fence, as it is not QEMU: wait for the screen to change instead")

// AuthError is returned by [Dial] and [NewConn] when the server did not let
// the client in.
type AuthError struct {
	// Reason is what the server said, at most 4 KiB. Empty means that it
	// said nothing, or that the client gave up first.
	Reason string

	// Offered are the security types that the server accepts, by their
	// numbers in the RFB registry: 1 is none, 2 is a VNC password. It is
	// empty if the server refused before it came to that.
	Offered []byte

	// Tried is the security type that was tried, or 0 if the client has no
	// means for any of those offered.
	Tried byte
}

// Error says who refused what, and what to do.
func (e *AuthError) Error() string {
	switch {
	case len(e.Offered) == 0:
		return fmt.Sprintf("the server refused the connection: %q", e.Reason)
	case e.Tried == secPassword:
		return fmt.Sprintf("the server refused the password: %q: check Config.Password", e.Reason)
	case e.Tried != 0:
		return fmt.Sprintf("the server refused security type %s: %q", secName(e.Tried), e.Reason)
	case strings.IndexByte(string(e.Offered), secPassword) >= 0:
		return "the server asks for a password: set Config.Password"
	}
	return fmt.Sprintf("the server offers only the security types %s; none and VNC password are known here: "+
		"start the server without TLS and SASL, on a Unix socket or on loopback", secNames(e.Offered))
}

// Security types, RFC 6143 section 7.1.2 and the RFB registry.
const (
	secNone     = 1
	secPassword = 2
)

func secName(t byte) string {
	names := map[byte]string{
		1: "none", 2: "VNC password", 5: "RA2", 6: "RA2ne", 16: "Tight", 17: "Ultra",
		18: "TLS", 19: "VeNCrypt", 20: "SASL", 21: "MD5", 22: "xvp", 30: "Apple Remote Desktop",
	}
	if name, ok := names[t]; ok {
		return fmt.Sprintf("%d (%s)", t, name)
	}
	return fmt.Sprint(t)
}

func secNames(types []byte) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = secName(t)
	}
	return strings.Join(names, ", ")
}

// goneError means that the server has closed the connection, or that this
// side has.
type goneError struct{ err error }

func (e *goneError) Error() string { return "the server closed the connection: " + e.err.Error() }
func (e *goneError) Unwrap() error { return e.err }

func isGone(err error) bool {
	var gone *goneError
	return errors.As(err, &gone)
}

// ended makes the end of the stream, in its several forms, a goneError.
func ended(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	for _, gone := range []error{io.ErrUnexpectedEOF, io.ErrClosedPipe, syscall.EPIPE, syscall.ECONNRESET} {
		if errors.Is(err, gone) && !isGone(err) {
			return &goneError{err}
		}
	}
	return err
}

// cause prefers why a context ended to the error of a connection that was
// closed because of it.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
