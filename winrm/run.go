package winrm

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Client is a login on a guest. It holds no connection: each call makes its own,
// and ends them. Its methods may be called from several goroutines at once.
type Client struct{ config *Config } // with defaults

const (
	// cleanupTime is for ending a command that was given up.
	cleanupTime = 5 * time.Second
	// sendSize is how much goes with one message, so that the message, encoded
	// twice, stays below maxEnvelope.
	sendSize = 90000
)

// Run runs a command and waits for its end. The error is nil only when the guest
// reported exit status 0. Else it is an [*ExitError] when the command ended by
// itself; a [*LostError] when the guest did not answer any more, so that nobody
// knows; a [*DialError] when it could not be begun; and otherwise wraps the
// context's cause, the error of a writer or of Stdin, or is a [*FaultError]. A
// command is never run twice.
//
// When ctx ends, the command is ended in the guest, as far as that answers. Run
// returns within ten seconds in any case.
func (c *Client) Run(ctx context.Context, cmd *Command) error {
	if err := cmd.check(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("winrm: %s: %w", cmd.name(), context.Cause(ctx))
	}
	line, stdin := cmd.Line, cmd.Stdin
	switch {
	case len(cmd.PowerShell) > maxScript:
		line, stdin = powershell(fromStdin), strings.NewReader(base64.StdEncoding.EncodeToString([]byte(cmd.PowerShell))+"\r\n")
	case cmd.PowerShell != "":
		line = powershell(cmd.PowerShell)
	}
	r := newRun(c.config, cmd)
	defer r.lane.close()
	return r.run(ctx, line, stdin)
}

// Output runs a PowerShell script and returns what it printed on standard
// output, at most 4 MiB. Errors are those of [Client.Run], and what was printed
// until then is returned with them.
func (c *Client) Output(ctx context.Context, script string) ([]byte, error) {
	var out capped
	err := c.Run(ctx, &Command{PowerShell: script, Stdout: &out})
	return out.data, err
}

// maxOutput is how much Output collects.
const maxOutput = 4 << 20

type capped struct{ data []byte }

// Write collects p, and fails where that would be too much.
func (c *capped) Write(p []byte) (int, error) {
	if len(c.data)+len(p) > maxOutput {
		return 0, fmt.Errorf("more than %d MiB of output; use Run with a Stdout", maxOutput>>20)
	}
	c.data = append(c.data, p...)
	return len(p), nil
}

// run is one command under way.
type run struct {
	c       *Config
	cmd     *Command
	lane    *lane
	shell   string
	command string
	stderr  []byte // its end
	clixml  clixml // what PowerShell makes of it
}

func newRun(c *Config, cmd *Command) *run {
	r := &run{c: c, cmd: cmd, lane: newLane(c)}
	r.clixml.to = stderr{r}
	return r
}

var errNoStatus = errors.New("the guest reported no exit status")

// errLocal marks what is wrong on this side.
type errLocal struct{ error }

// Unwrap returns the cause.
func (e errLocal) Unwrap() error { return e.error }

func (r *run) run(ctx context.Context, line string, stdin io.Reader) error {
	op := r.cmd.name()
	if err := r.begin(ctx, line); err != nil {
		r.end(ctx, err)
		return r.failed(ctx, op, err, false)
	}
	status, err := r.follow(ctx, stdin)
	r.end(ctx, err)
	if err != nil {
		return r.failed(ctx, op, err, true)
	}
	if status != 0 {
		return &ExitError{Op: op, Status: status, Stderr: r.stderr}
	}
	return nil
}

// begin opens a shell and starts the command in it.
func (r *run) begin(ctx context.Context, line string) error {
	reply, err := r.lane.call(ctx, create(r.cmd.Env, r.cmd.Dir))
	if err != nil {
		return err
	}
	if r.shell = reply.shellID(); r.shell == "" {
		return &notWinRM{"the service opened a shell without an identifier"}
	}
	if reply, err = r.lane.call(ctx, start(r.shell, line)); err != nil {
		return err
	}
	if r.command = reply.CommandID; r.command == "" {
		return &notWinRM{"the service started a command without an identifier"}
	}
	return nil
}

// follow feeds the command and passes on what it prints until it has ended, and
// returns its status.
func (r *run) follow(ctx context.Context, stdin io.Reader) (int, error) {
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	if stdin != nil {
		fed := make(chan struct{})
		go func() {
			defer close(fed)
			if err := r.feed(ctx, stdin); err != nil {
				giveUp(err)
			}
		}()
		defer func() {
			giveUp(nil)
			select { // a reader of the caller's may hang
			case <-fed:
			case <-time.After(cleanupTime):
			}
		}()
	}
	for {
		reply, err := r.lane.call(ctx, receive(r.shell, r.command))
		switch {
		case isFault(err, codeTimeout):
			continue
		case err != nil:
			return 0, err
		}
		if err := r.print(reply); err != nil {
			return 0, errLocal{err}
		}
		if reply.State.State == commandDone {
			if reply.State.ExitCode == nil {
				return 0, errNoStatus
			}
			return int(int32(*reply.State.ExitCode)), nil
		}
	}
}

// print passes on what the command has printed.
func (r *run) print(reply *reply) error {
	for _, s := range reply.Streams {
		data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s.Data), ""))
		if err != nil {
			return fmt.Errorf("the guest's output cannot be decoded: %w", err)
		}
		switch {
		case s.Name != "stderr":
			_, err = output{r.cmd.Stdout}.Write(data)
		case r.cmd.PowerShell != "":
			_, err = r.clixml.Write(data)
		default:
			_, err = stderr{r}.Write(data)
		}
		if err != nil {
			return err
		}
	}
	if reply.State.State == commandDone {
		return r.clixml.flush()
	}
	return nil
}

// output is a writer of the caller's, or nil.
type output struct{ to io.Writer }

// Write passes p on.
func (o output) Write(p []byte) (int, error) {
	if o.to == nil || len(p) == 0 {
		return len(p), nil
	}
	n, err := o.to.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		err = fmt.Errorf("write its output: %w", err)
	}
	return n, err
}

// stderr is what the command prints there.
type stderr struct{ r *run }

// Write keeps the end, for an error, and passes p on.
func (s stderr) Write(p []byte) (int, error) {
	const keep = 64 << 10
	s.r.stderr = append(s.r.stderr, p...)
	s.r.stderr = s.r.stderr[max(0, len(s.r.stderr)-keep):]
	return output{s.r.cmd.Stderr}.Write(p)
}

// feed copies stdin to the command. That the command has ended before is no
// error.
func (r *run) feed(ctx context.Context, stdin io.Reader) error {
	lane := newLane(r.c)
	defer lane.close()
	buf := make([]byte, sendSize)
	for {
		n, err := fill(stdin, buf)
		end := err == io.EOF
		if err != nil && !end {
			return errLocal{fmt.Errorf("read Stdin: %w", err)}
		}
		_, err = lane.call(ctx, send(r.shell, r.command, buf[:n], end))
		switch {
		case isFault(err, 0):
			return nil
		case err != nil:
			return err
		case end:
			return nil
		}
	}
}

// end closes the shell, which ends all that runs in it, unless the guest does not
// answer.
func (r *run) end(ctx context.Context, err error) {
	if r.shell == "" || err != nil && ctx.Err() == nil && !answers(err) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	lane := r.lane
	if err != nil { // the lane may be taken by what was given up
		lane = newLane(r.c)
		defer lane.close()
		if r.command != "" {
			_, _ = lane.call(ctx, signal(r.shell, r.command))
		}
	}
	_, _ = lane.call(ctx, &message{action: actionDelete, shell: r.shell})
}

// answers reports whether an error leaves the guest able to answer.
func answers(err error) bool {
	var local errLocal
	var refused *refusal
	return isFault(err, 0) || errors.Is(err, errNoStatus) || errors.As(err, &local) || errors.As(err, &refused)
}

// failed makes the error of a run.
func (r *run) failed(ctx context.Context, op string, err error, begun bool) error {
	var local errLocal
	switch {
	case ctx.Err() != nil && begun:
		return fmt.Errorf("winrm: %s: %w; it may still run in the guest", op, context.Cause(ctx))
	case ctx.Err() != nil:
		return fmt.Errorf("winrm: %s: %w", op, context.Cause(ctx))
	case errors.As(err, &local):
		return fmt.Errorf("winrm: %s: %w", op, local.error)
	case isFault(err, 0) && begun:
		return fmt.Errorf("winrm: %s: %w", op, err)
	case begun:
		return &LostError{Op: op, Err: err}
	}
	return dialError(r.c, err, r.lane.connected.Load())
}
