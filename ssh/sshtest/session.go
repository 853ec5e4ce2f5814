package sshtest

import (
	"context"
	"io"
	"os/exec"
	"sync"

	xssh "golang.org/x/crypto/ssh"
)

// Call is one command that a client asks for.
type Call struct {
	// Line is the command line.
	Line string
	// User is who asks.
	User string
	// Stdin is what the client sends; Stdout and Stderr go to it.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// PTY says that the client asked for a terminal.
	PTY bool

	conn *conn
	end  func(ch xssh.Channel)
}

// Drop cuts the connection at once, in the middle of the command.
func (c *Call) Drop() { c.conn.Close() }

// Freeze makes the connection a black hole.
func (c *Call) Freeze() { c.conn.freeze() }

// NoStatus closes the channel without an exit status when Exec returns.
func (c *Call) NoStatus() { c.end = func(xssh.Channel) {} }

// TruncatedStatus sends one byte of the four of an exit status when Exec
// returns.
func (c *Call) TruncatedStatus() {
	c.end = func(ch xssh.Channel) { ch.SendRequest("exit-status", false, []byte{0}) }
}

// Signaled reports that a signal ended the command when Exec returns; the name
// is without "SIG" (RFC 4254 §6.10).
func (c *Call) Signaled(name string) {
	c.end = func(ch xssh.Channel) {
		ch.SendRequest("exit-signal", false, xssh.Marshal(struct {
			Signal  string
			Core    bool
			Message string
			Lang    string
		}{Signal: name}))
	}
}

// Shell runs commands on this machine, by sh -c in the directory dir. It is an
// Exec, for tests whose commands are their own.
func Shell(dir string) func(context.Context, *Call) int {
	return func(ctx context.Context, call *Call) int {
		cmd := exec.CommandContext(ctx, "sh", "-c", call.Line)
		cmd.Dir, cmd.Stdout, cmd.Stderr = dir, call.Stdout, call.Stderr
		// Not cmd.Stdin, for which Run would wait after the command's end.
		stdin, err := cmd.StdinPipe()
		if err == nil {
			go func() {
				io.Copy(stdin, call.Stdin)
				stdin.Close()
			}()
			err = cmd.Run()
		}
		if cmd.ProcessState == nil {
			io.WriteString(call.Stderr, err.Error()+"\n")
			return 127
		}
		return cmd.ProcessState.ExitCode()
	}
}

// session serves the requests of a session: at most one program.
func (s *Server) session(ctx context.Context, c *conn, user string, ch xssh.Channel, requests <-chan *xssh.Request, fault Fault) {
	ctx, cancel := context.WithCancel(ctx)
	var program sync.WaitGroup
	defer program.Wait()
	defer ch.Close()
	defer cancel()
	call := &Call{User: user, Stdin: ch, Stdout: ch, Stderr: ch.Stderr(), conn: c}
	started := false
	for request := range requests {
		var run func()
		switch {
		case request.Type == "pty-req":
			call.PTY = true
			request.Reply(true, nil)
			continue
		case request.Type == "exec" && fault == NoReply:
			continue
		case request.Type == "exec" && !started:
			run = func() { s.exec(ctx, call, ch) }
		case request.Type == "subsystem" && !started && text(request) == "sftp" && s.hasSFTP():
			run = func() { s.sftp(ch) }
		}
		if request.WantReply {
			request.Reply(run != nil, nil)
		}
		if run != nil {
			started = true
			call.Line = text(request)
			program.Go(run)
		}
	}
}

// text returns the one string of an exec or subsystem request.
func text(request *xssh.Request) string {
	var payload struct{ Text string }
	xssh.Unmarshal(request.Payload, &payload)
	return payload.Text
}

func (s *Server) exec(ctx context.Context, call *Call, ch xssh.Channel) {
	defer ch.Close()
	s.mu.Lock()
	s.commands = append(s.commands, call.Line)
	s.mu.Unlock()
	status := 127
	if s.config.Exec != nil {
		status = s.config.Exec(ctx, call)
	}
	if call.end != nil {
		call.end(ch)
		return
	}
	ch.CloseWrite()
	ch.SendRequest("exit-status", false, xssh.Marshal(struct{ Status uint32 }{uint32(status)}))
}
