package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	xssh "golang.org/x/crypto/ssh"
)

const (
	cancelGrace = time.Second     // for the guest to close a channel that we gave up
	probeGrace  = 2 * time.Second // for it to show that it lives at all
)

// Run runs a command and waits for its end. The error is nil only when the
// guest reported exit status 0. Else it is an [*ExitError] when the command
// ended by itself; a [*LostError] when the connection, or the report of the
// status, was lost, so that nobody knows; and otherwise wraps the context's
// cause, the error of a writer or of Stdin, or says what the guest refused. A
// command is never run twice.
//
// When ctx ends, the command is sent SIGTERM and its channel is closed; the
// whole connection is, too, if the guest does not answer at all. The command
// may live on in the guest: OpenSSH refuses to send signals for root. Run
// returns within five seconds in any case.
func (c *Client) Run(ctx context.Context, cmd *Command) error {
	if err := cmd.check(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("ssh: %s: %w", cmd.name(), context.Cause(ctx))
	}
	r := newRun(ctx, c, cmd)
	defer r.end()
	finished := make(chan error, 1)
	go func() { finished <- r.execute() }()
	select {
	case err := <-finished:
		return r.outcome(err)
	case <-r.ctx.Done():
		return r.cancelled(finished)
	}
}

// Output runs a command line and returns what it printed on standard output,
// at most 4 MiB. Errors are those of [Client.Run], and what was printed until
// then is returned with them.
func (c *Client) Output(ctx context.Context, line string) ([]byte, error) {
	var out capped
	err := c.Run(ctx, &Command{Line: line, Stdout: &out})
	return out.buf.Bytes(), err
}

// maxOutput is how much Output collects.
const maxOutput = 4 << 20

type capped struct{ buf bytes.Buffer }

// Write collects p, and fails where that would be too much.
func (c *capped) Write(p []byte) (int, error) {
	if c.buf.Len()+len(p) > maxOutput {
		return 0, fmt.Errorf("more than %d MiB of output; use Run with a Stdout", maxOutput>>20)
	}
	return c.buf.Write(p)
}

// run is one command under way.
type run struct {
	client *Client
	cmd    *Command
	ctx    context.Context // ends with parent, and when the run must be given up
	giveUp context.CancelCauseFunc
	idle   *time.Timer // nil without IdleTimeout
	stderr tail

	write   sync.Mutex // held while a writer of the caller is called
	over    atomic.Bool
	session atomic.Pointer[xssh.Session]
}

func newRun(ctx context.Context, c *Client, cmd *Command) *run {
	r := &run{client: c, cmd: cmd}
	r.ctx, r.giveUp = context.WithCancelCause(ctx)
	if cmd.IdleTimeout > 0 {
		r.idle = time.AfterFunc(cmd.IdleTimeout, func() {
			r.giveUp(fmt.Errorf("no output for %v: %w", cmd.IdleTimeout, context.DeadlineExceeded))
		})
	}
	return r
}

func (r *run) end() {
	r.over.Store(true)
	if r.idle != nil {
		r.idle.Stop()
	}
	r.giveUp(nil)
}

// execute runs the command on a session. Its error is the library's.
func (r *run) execute() error {
	s, err := r.client.ssh.NewSession()
	if err != nil {
		return err
	}
	defer s.Close()
	r.session.Store(s)
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	s.Stdout = &output{run: r, to: r.cmd.Stdout}
	s.Stderr = &output{run: r, to: r.cmd.Stderr, tail: &r.stderr}
	var stdin io.WriteCloser
	if r.cmd.Stdin != nil {
		if stdin, err = s.StdinPipe(); err != nil {
			return err
		}
	}
	if r.cmd.PTY {
		if err := s.RequestPty("xterm", 24, 80, nil); err != nil {
			return &refusedError{"a terminal", err}
		}
	}
	if err := s.Start(r.cmd.line()); err != nil {
		return &refusedError{"to run the command", err}
	}
	if stdin != nil {
		go r.feed(stdin)
	}
	return s.Wait()
}

// feed copies Stdin. That the command does not read it all is no error.
func (r *run) feed(stdin io.WriteCloser) {
	defer stdin.Close()
	source := &source{from: r.cmd.Stdin}
	io.Copy(stdin, source)
	if source.err != nil {
		r.giveUp(fmt.Errorf("read Stdin: %w", source.err))
	}
}

// source remembers the error of the reader, which io.Copy mixes with those of
// the writer.
type source struct {
	from io.Reader
	err  error
}

// Read reads from the caller's reader.
func (s *source) Read(p []byte) (int, error) {
	n, err := s.from.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// output passes on what a command prints.
type output struct {
	run  *run
	to   io.Writer
	tail *tail
}

// Write passes p on, and gives the command up when the caller's writer fails:
// it would otherwise wait for ever for somebody to take its output.
func (o *output) Write(p []byte) (int, error) {
	if o.run.idle != nil {
		o.run.idle.Reset(o.run.cmd.IdleTimeout)
	}
	if o.tail != nil {
		o.tail.Write(p)
	}
	if o.to == nil {
		return len(p), nil
	}
	o.run.write.Lock()
	defer o.run.write.Unlock()
	if o.run.over.Load() {
		return 0, io.ErrClosedPipe
	}
	n, err := o.to.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		o.run.giveUp(fmt.Errorf("write its output: %w", err))
	}
	return n, err
}

// refusedError marks a request that the guest did not grant, as long as the
// connection is there.
type refusedError struct {
	what string
	err  error
}

func (e *refusedError) Error() string { return "the guest refuses " + e.what + ": " + e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }

// outcome translates the library's error: only nil is success, and whatever is
// not known to be something else means that the end of the command was lost.
func (r *run) outcome(err error) error {
	op := r.cmd.name()
	if cause := context.Cause(r.ctx); err != nil && cause != nil {
		return fmt.Errorf("ssh: %s: %w", op, cause)
	}
	var exit *xssh.ExitError
	var missing *xssh.ExitMissingError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit):
		return &ExitError{Op: op, Status: exit.ExitStatus(), Signal: exit.Signal(), Stderr: r.stderr.Bytes()}
	case errors.As(err, &missing):
		err = errors.New("the guest reported no exit status")
	}
	return r.client.refused(op, err)
}

// refused makes the error of an operation that either was not granted or was
// lost.
func (c *Client) refused(op string, err error) error {
	var open *xssh.OpenChannelError
	var refused *refusedError
	switch {
	case c.Err() != nil || closedByPeer(err):
	case errors.As(err, &open):
		return fmt.Errorf("ssh: %s: the guest refuses a session: %s; too many at once?", op, printable(err.Error()))
	case errors.As(err, &refused):
		return fmt.Errorf("ssh: %s: %s", op, printable(err.Error()))
	}
	return c.lost(op, err)
}

// cancelled ends a run that was given up, and returns why it was.
func (r *run) cancelled(finished <-chan error) error {
	err := r.abandon(finished)
	if err == nil {
		return nil
	}
	return fmt.Errorf("ssh: %s: %w; it may still run in the guest", r.cmd.name(), context.Cause(r.ctx))
}

// abandon asks the guest to end the command, and closes the connection if it is
// dead. It returns nil if the command was just about to succeed.
func (r *run) abandon(finished <-chan error) error {
	if s := r.session.Load(); s != nil {
		r.client.spawn(func() {
			s.Signal(xssh.SIGTERM)
			s.Close()
		})
	}
	if err, ok := await(finished, cancelGrace); ok {
		return err
	}
	if !r.write.TryLock() {
		return context.Cause(r.ctx) // the caller's own writer hangs: the guest is innocent
	}
	r.write.Unlock()
	r.client.release(r.cmd.name(), finished)
	return context.Cause(r.ctx)
}

// release gives up waiting for something that the guest does not let go of.
// OpenSSH closes a channel only when its command has ended, and refuses root's
// signals. That is no reason to cut off all others, so the connection is closed
// only if it does not answer either.
func (c *Client) release(op string, finished <-chan error) {
	answered := make(chan error, 1)
	c.spawn(func() {
		c.ssh.SendRequest("keepalive@openssh.com", true, nil)
		answered <- nil
	})
	if _, ok := await(answered, probeGrace); ok {
		c.spawn(func() { <-finished })
		return
	}
	c.fail(&LostError{Op: op, Err: errors.New("the guest neither let go of what was given up nor answered")})
	await(finished, time.Second)
}

func await(finished <-chan error, limit time.Duration) (error, bool) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case err := <-finished:
		return err, true
	case <-timer.C:
		return nil, false
	}
}
