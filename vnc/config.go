package vnc

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// Limits on what a server may announce. They are far above what any display
// needs, and low enough that a broken server cannot exhaust the memory.
const (
	maxSide     = 16384   // pixels, of each side of the framebuffer
	maxName     = 4 << 10 // bytes of the desktop's name
	maxReason   = 4 << 10 // bytes of the reason for a refusal
	maxCutText  = 1 << 20 // bytes of a clipboard text, which is skipped
	maxPassword = 8       // bytes; the DES key of VNC authentication
)

// Config says how to connect. A nil *Config and the zero Config are the same:
// no password, a shared session, the default limits. It is copied, and may be
// used for several connections at once.
type Config struct {
	// Password is for servers that ask for one. Empty means that none can be
	// given. It has at most 8 bytes, since VNC authentication ignores the
	// rest. A server that asks for no password is accepted all the same.
	Password string

	// Exclusive asks the server to disconnect all other clients. False
	// shares the session with them.
	Exclusive bool

	// Timeout bounds the handshake and the first answer of the server,
	// beside the context of Dial or NewConn. Zero means 30 seconds,
	// negative means that only the context counts.
	Timeout time.Duration

	// Stall is how long one message may take to be written, or to be read
	// after its first byte, before the connection is given up. A server may
	// be silent between messages for as long as it likes. Zero means one
	// minute, negative means for ever.
	Stall time.Duration

	// MaxFrame is the largest framebuffer accepted, in bytes at 4 bytes a
	// pixel. Zero means 64 MiB, which is 4096x4096 pixels. A connection
	// keeps two frames of the largest size that the server has had.
	MaxFrame int
}

// check returns all that is wrong with the configuration, which may be nil.
func (c *Config) check() error {
	if c == nil {
		return nil
	}
	var errs []error
	if n := len(c.Password); n > maxPassword {
		errs = append(errs, fmt.Errorf("vnc: Config.Password: has %d bytes, but VNC authentication uses only the first %d: "+
			"shorten it, here and on the server", n, maxPassword))
	}
	if c.MaxFrame < 0 {
		errs = append(errs, fmt.Errorf("vnc: Config.MaxFrame: is %d: give a number of bytes, or zero for 64 MiB", c.MaxFrame))
	}
	return errors.Join(errs...)
}

// withDefaults returns a copy of the configuration, which may be nil, with
// every zero replaced by what it means.
func (c *Config) withDefaults() Config {
	var d Config
	if c != nil {
		d = *c
	}
	if d.Timeout == 0 {
		d.Timeout = 30 * time.Second
	}
	if d.Stall == 0 {
		d.Stall = time.Minute
	}
	if d.MaxFrame == 0 {
		d.MaxFrame = 64 << 20
	}
	return d
}

// deadline returns when a message that begins now must be through: the zero
// time for never.
func (c *Config) deadline() time.Time {
	if c.Stall < 0 {
		return time.Time{}
	}
	return time.Now().Add(c.Stall)
}

// checkSize refuses framebuffers that are empty or too large.
func (c *Config) checkSize(w, h int) error {
	switch {
	case w <= 0 || h <= 0 || w > maxSide || h > maxSide:
		return fmt.Errorf("the server has a framebuffer of %dx%d pixels; each side must be from 1 to %d", w, h, maxSide)
	case w*h > c.MaxFrame/4:
		return fmt.Errorf("the server has a framebuffer of %dx%d pixels, %d bytes; Config.MaxFrame allows %d: "+
			"lower the machine's resolution, or raise the limit", w, h, 4*w*h, c.MaxFrame)
	}
	return nil
}

// checkNetwork refuses networks that Dial does not know.
func checkNetwork(network string) error {
	switch network {
	case "unix", "tcp", "tcp4", "tcp6":
		return nil
	}
	return fmt.Errorf("vnc: dial: network %q is not known: use \"unix\" with a path or \"tcp\" with host:port", network)
}

// timeoutError is the cause when Config.Timeout has passed.
type timeoutError time.Duration

func (e timeoutError) Error() string {
	return fmt.Sprintf("the server did not answer within %v (Config.Timeout)", time.Duration(e))
}

func (e timeoutError) Unwrap() error { return os.ErrDeadlineExceeded }
