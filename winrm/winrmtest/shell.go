package winrmtest

import (
	"context"
	"encoding/base64"
	"io"
	"regexp"
	"sync"
	"time"
	"unicode/utf16"
)

// shell is what a client has opened to run commands in.
type shell struct {
	env []string

	mu       sync.Mutex
	commands map[string]*command
	ended    bool
}

func (sh *shell) command(id string) *command {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.commands[id]
}

// end ends all commands.
func (sh *shell) end() {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.ended = true
	for _, c := range sh.commands {
		c.cancel()
		_ = c.stdin.Close()
	}
}

// command is one that runs, or has run.
type command struct {
	id          string
	cancel      context.CancelFunc
	stdin       *io.PipeReader
	stdinWriter *io.PipeWriter

	mu             sync.Mutex
	changed        chan struct{} // closed when there is something to take, or room again
	stdout, stderr []byte
	done           bool
	status         int
}

// encoded finds the script in a command line.
var encoded = regexp.MustCompile(`(?i)^powershell(?:\.exe)? .*-EncodedCommand ([A-Za-z0-9+/=]+)$`)

// decodeScript returns the script in a command line, or nothing.
func decodeScript(line string) string {
	m := encoded.FindStringSubmatch(line)
	if m == nil {
		return ""
	}
	b, err := base64.StdEncoding.DecodeString(m[1])
	if err != nil {
		return ""
	}
	var units []uint16
	for ; len(b) >= 2; b = b[2:] {
		units = append(units, uint16(b[0])|uint16(b[1])<<8)
	}
	return string(utf16.Decode(units))
}

// start runs a command.
func (s *Server) start(sh *shell, line string) string {
	c := &command{id: newID(), changed: make(chan struct{})}
	var ctx context.Context
	ctx, c.cancel = context.WithCancel(s.ctx)
	c.stdin, c.stdinWriter = io.Pipe()
	call := &Call{Line: line, Script: decodeScript(line), Env: sh.env, Stdin: c.stdin, Stdout: output{ctx, c, &c.stdout}, Stderr: output{ctx, c, &c.stderr}}
	sh.mu.Lock()
	sh.commands[c.id] = c
	if sh.ended {
		c.cancel()
	}
	sh.mu.Unlock()
	what := call.Script
	if what == "" {
		what = line
	}
	s.mu.Lock()
	s.commands = append(s.commands, what)
	s.mu.Unlock()
	s.calls.Go(func() {
		defer c.cancel()
		status := 1
		if s.config.Exec != nil {
			status = s.config.Exec(ctx, call)
		}
		_ = c.stdin.Close()
		c.mu.Lock()
		c.done, c.status = true, status
		c.notify()
		c.mu.Unlock()
	})
	return c.id
}

// notify wakes who waits. The caller holds the lock.
func (c *command) notify() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// room is how much output is kept until the client takes it.
const room = 64 << 10

// output is what a command prints.
type output struct {
	ctx context.Context
	c   *command
	to  *[]byte
}

// Write keeps p for the client, and waits while it has not taken what was before.
func (o output) Write(p []byte) (int, error) {
	o.c.mu.Lock()
	defer o.c.mu.Unlock()
	for len(*o.to) > 0 && len(*o.to)+len(p) > room {
		changed := o.c.changed
		o.c.mu.Unlock()
		select {
		case <-changed:
		case <-o.ctx.Done():
		}
		o.c.mu.Lock()
		if o.ctx.Err() != nil {
			return 0, context.Cause(o.ctx)
		}
	}
	*o.to = append(*o.to, p...)
	o.c.notify()
	return len(p), nil
}

// take returns what there is to say, as soon as there is something or the time is
// over.
func (c *command) take(ctx context.Context, over <-chan time.Time) (stdout, stderr []byte, done bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for waiting := true; waiting && len(c.stdout)+len(c.stderr) == 0 && !c.done; {
		changed := c.changed
		c.mu.Unlock()
		select {
		case <-changed:
		case <-over:
			waiting = false
		case <-ctx.Done():
			waiting = false
		}
		c.mu.Lock()
	}
	if ctx.Err() != nil {
		return nil, nil, false // nobody is there to take it
	}
	stdout, stderr, done = c.stdout, c.stderr, c.done
	c.stdout, c.stderr = nil, nil
	c.notify()
	return stdout, stderr, done
}
