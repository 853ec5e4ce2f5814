package qemu

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sync"
	"time"
)

// consoleLimit is how much of the serial output is kept: a verbose kernel's
// boot takes about 60 KiB.
const consoleLimit = 1 << 20

// ErrConsoleClosed is in the chain of the error of a wait for serial output
// that cannot come since the machine has ended.
var ErrConsoleClosed = errors.New("the serial line is closed")

// Console is the guest's first serial port. What the guest writes is read
// always and kept, its last mebibyte at least; what is sent arrives as if
// typed. All methods may be called from several goroutines at once.
type Console struct {
	conn  *serialLine // nil for a machine without a serial port
	kept  tail
	copy  io.Writer // of the output; nil for none
	ended chan struct{}
	// sending holds a value while Send writes.
	sending chan struct{}

	mu   sync.Mutex
	more chan struct{} // closed and replaced when something came
}

func newConsole(conn *serialLine, copy io.Writer) *Console {
	return &Console{
		conn:    conn,
		kept:    tail{limit: consoleLimit},
		copy:    copy,
		ended:   make(chan struct{}),
		sending: make(chan struct{}, 1),
		more:    make(chan struct{}),
	}
}

// drain reads until the line is closed.
func (c *Console) drain() {
	defer close(c.ended)
	if c.conn == nil {
		return
	}
	buf := make([]byte, 32<<10)
	for {
		n, err := c.conn.Read(buf)
		if n > 0 {
			c.took(buf[:n])
		}
		if err != nil {
			return
		}
	}
}

func (c *Console) took(p []byte) {
	c.kept.Write(p)
	c.mu.Lock()
	close(c.more)
	c.more = make(chan struct{})
	c.mu.Unlock()
	if c.copy == nil {
		return
	}
	if _, err := c.copy.Write(p); err != nil {
		c.copy = nil
	}
}

// changed returns a channel that is closed when there is more output than now.
func (c *Console) changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.more
}

// Tail returns the last n bytes of the output, or all that is kept if there is
// less.
func (c *Console) Tail(n int) string {
	s := c.kept.String()
	return s[max(0, len(s)-n):]
}

// Send writes p to the guest's serial port. It returns when QEMU can have it, or
// when ctx ends: a guest that does not read holds the line.
func (c *Console) Send(ctx context.Context, p []byte) error {
	if c.conn == nil {
		return fmt.Errorf("qemu: serial send: %w: NoSerial is set", ErrConsoleClosed)
	}
	select {
	case c.sending <- struct{}{}:
		defer func() { <-c.sending }()
	case <-ctx.Done():
		return fmt.Errorf("qemu: serial send: %w", ctxError(ctx))
	}
	cut := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(cut)
		c.conn.SetWriteDeadline(time.Unix(1, 0))
	})
	_, err := c.conn.Write(p)
	if !stop() {
		<-cut
		c.conn.SetWriteDeadline(time.Time{})
		if err != nil {
			return fmt.Errorf("qemu: serial send: %w", ctxError(ctx))
		}
	}
	if err != nil {
		return fmt.Errorf("qemu: serial send: %w", err)
	}
	return nil
}

// Wait returns the first match of re and its groups in the output, looking at
// all that is kept. To wait for one thing after another use [Console.Reader].
func (c *Console) Wait(ctx context.Context, re *regexp.Regexp) ([]string, error) {
	return c.Reader().Expect(ctx, re)
}

// Reader returns a reader that begins with the oldest output that is kept.
func (c *Console) Reader() *ConsoleReader { return &ConsoleReader{c: c} }

// Next returns a reader that begins with what the guest writes from now on.
func (c *Console) Next() *ConsoleReader { return &ConsoleReader{c: c, at: c.kept.end()} }

// ConsoleReader is a place in a console's output. It is for one goroutine;
// a console has any number of readers, and they cost nothing.
type ConsoleReader struct {
	c  *Console
	at int64
}

// Expect waits until what follows the reader's place matches re, moves behind
// the match, and returns the match and its groups. A reader that was left
// behind by more than the console keeps goes on with the oldest that is kept.
// It fails with [ErrConsoleClosed] when the machine has ended, and when ctx
// ends; the reader then stays where it was.
func (r *ConsoleReader) Expect(ctx context.Context, re *regexp.Regexp) ([]string, error) {
	for {
		more := r.c.changed()
		closed := isClosed(r.c.ended)
		text, at := r.c.kept.from(r.at)
		if m := re.FindSubmatchIndex(text); m != nil {
			r.at = at + int64(m[1])
			return groups(text, m), nil
		}
		if closed {
			return nil, fmt.Errorf("qemu: serial output %q: %w", re, ErrConsoleClosed)
		}
		select {
		case <-more:
			r.c.settle(ctx)
		case <-r.c.ended:
		case <-ctx.Done():
			return nil, fmt.Errorf("qemu: serial output %q: %w", re, ctxError(ctx))
		}
	}
}

// settle lets a moment pass, so that output that comes byte by byte is not
// searched from the start for each of them.
func (c *Console) settle(ctx context.Context) {
	timer := time.NewTimer(5 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.ended:
	case <-ctx.Done():
	}
}

func groups(text []byte, m []int) []string {
	s := make([]string, len(m)/2)
	for i := range s {
		if m[2*i] >= 0 {
			s[i] = string(text[m[2*i]:m[2*i+1]])
		}
	}
	return s
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
