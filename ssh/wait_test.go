package ssh_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/ssh"
	"github.com/bootscribe/bootscribe/ssh/sshtest"
)

// TestWait goes through the life of a guest: silent, not SSH yet, refusing,
// ready. On a busy machine a stage may last for several attempts.
func TestWait(t *testing.T) {
	t.Parallel()
	server := start(t, &sshtest.Config{Password: "secret", RefuseLogins: 2, Fault: sshtest.Silent})
	config := login(server)
	config.AttemptTimeout = time.Second
	config.Dial = oneAtATime(t, server.Addr)
	stages := []struct {
		reason ssh.Reason
		next   sshtest.Fault
	}{
		{ssh.Silent, sshtest.HTTP},
		{ssh.NotSSH, sshtest.CloseAtOnce},
		{ssh.ClosedEarly, sshtest.VersionOnly},
		{ssh.Stalled, sshtest.None},
		{ssh.Auth, sshtest.None},
	}
	failed, connected := 0, 0
	w := &ssh.Waiter{Config: config}
	config.Observe = func(e ssh.Event) {
		switch e := e.(type) {
		case ssh.AttemptFailed:
			failed++
			var derr *ssh.DialError
			if errors.As(e.Err, &derr) && len(stages) > 0 && derr.Reason == stages[0].reason {
				server.SetFault(stages[0].next)
				stages = stages[1:]
			}
			if got := w.Status().Attempts; got != e.Attempt || got != failed {
				t.Errorf("status counts %d attempts, event %d, want %d", got, e.Attempt, failed)
			}
		case ssh.Connected:
			connected = e.Attempt
		}
	}
	client, err := w.Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client.Close()
	s := w.Status()
	if connected != failed+1 || s.Attempts != connected || !s.Connected {
		t.Errorf("connected at attempt %d after %d failures; status %+v", connected, failed, s)
	}
	if len(stages) > 0 {
		t.Errorf("%v was not met: %v", stages[0].reason, s)
	}
	if s.Failures[ssh.Auth] == 0 || !strings.Contains(s.String(), "; tried: password; methods offered: password") {
		t.Errorf("status %v", s)
	}
}

// oneAtATime returns a Config.Dial that wants one connection to end before the
// next begins.
func oneAtATime(t *testing.T, addr string) func(context.Context) (net.Conn, error) {
	var open atomic.Int32
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			return nil, err
		}
		if n := open.Add(1); n > 1 {
			t.Errorf("%d connections at once", n)
		}
		return &counted{Conn: conn, closed: sync.OnceFunc(func() { open.Add(-1) })}, nil
	}
}

// counted is a connection that tells when it is closed.
type counted struct {
	net.Conn
	closed func()
}

func (c *counted) Close() error {
	c.closed()
	return c.Conn.Close()
}

// TestWaitGivesUp says what was in the way.
func TestWaitGivesUp(t *testing.T) {
	t.Parallel()
	refusing := sshtest.Config{Password: "other", Version: "SSH-2.0-OpenSSH_9.2p1 Debian-2"}
	for _, test := range []struct {
		name   string
		server sshtest.Config
		limit  func(*ssh.Config)
		until  ssh.Reason // the wait's time is over when this was met
		want   []string
	}{
		{"silent", sshtest.Config{Fault: sshtest.Silent}, func(c *ssh.Config) { c.AttemptTimeout = 200 * time.Millisecond }, ssh.Silent,
			[]string{"no sshd has answered", "connection accepted, but nothing sent", "deadline exceeded"}},
		{"auth until the end", refusing, func(*ssh.Config) {}, ssh.Auth,
			[]string{"answered as OpenSSH_9.2p1 Debian-2 at ", "login refused", "methods offered: password", "deadline exceeded"}},
		{"auth by number", refusing, func(c *ssh.Config) { c.MaxAuthFailures = 3 }, -1,
			[]string{"login refused 3 times in a row"}},
		{"auth by time", refusing, func(c *ssh.Config) { c.AuthPatience = 30 * time.Millisecond }, -1,
			[]string{"login refused for"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			config := login(start(t, &test.server))
			test.limit(config)
			ctx := endsWhen(t, config, test.until)
			_, err := ssh.Wait(ctx, config)
			var werr *ssh.WaitError
			var derr *ssh.DialError
			if !errors.As(err, &werr) || !errors.As(err, &derr) {
				t.Fatalf("got %v", err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %v", want, err)
				}
			}
		})
	}
}

// endsWhen returns a context whose time is over when an attempt with this
// configuration has failed for the given reason.
func endsWhen(t *testing.T, config *ssh.Config, reason ssh.Reason) context.Context {
	ctx, cancel := context.WithCancelCause(t.Context())
	t.Cleanup(func() { cancel(nil) })
	config.Observe = func(e ssh.Event) {
		var derr *ssh.DialError
		if failed, ok := e.(ssh.AttemptFailed); ok && errors.As(failed.Err, &derr) && derr.Reason == reason {
			cancel(context.DeadlineExceeded)
		}
	}
	return ctx
}

// TestWaitExpect meets the installer's sshd before that of the system.
func TestWaitExpect(t *testing.T) {
	var installed atomic.Bool
	server := start(t, &sshtest.Config{Password: "secret", Exec: func(context.Context, *sshtest.Call) int {
		if installed.Load() {
			return 0
		}
		return 1
	}})
	installer := server.HostKey()
	config := login(server)
	config.HostKeys = new(ssh.HostKeys)
	config.Expect = func(ctx context.Context, c *ssh.Client) error {
		return c.Run(ctx, &ssh.Command{Line: "test -f /etc/installed"})
	}
	w := &ssh.Waiter{Config: config}
	config.Observe = func(e ssh.Event) {
		var not *ssh.NotExpectedError
		if failed, ok := e.(ssh.AttemptFailed); ok && errors.As(failed.Err, &not) {
			installed.Store(true)
			server.NewHostKey()
		}
	}
	client, err := w.Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if got := config.HostKeys.Pinned(); len(got) != 1 || got[0] == installer {
		t.Errorf("pinned %q, the installer's key", got)
	}
	if s := w.Status(); s.Unexpected != 1 || s.Attempts != 2 {
		t.Errorf("status %v", s)
	}
}

// TestReboot: the guest goes, comes back as the old one for a moment, and then
// as the new one.
func TestReboot(t *testing.T) {
	var rebooting, boots atomic.Int32
	server := start(t, &sshtest.Config{Password: "secret", Exec: func(_ context.Context, c *sshtest.Call) int {
		switch {
		case c.Line == "reboot":
			rebooting.Add(1)
			c.Drop()
		case c.Line == "refuse":
			return 1
		default:
			c.Stdout.Write([]byte{'0' + byte(boots.Load()), '\n'})
			boots.Store(rebooting.Load()) // the old system was met again
		}
		return 0
	}})
	config := login(server)
	unexpected := endsWhen(t, config, ssh.HostKey)
	client := connect(t, config)
	if _, err := client.Reboot(t.Context(), "refuse"); err == nil {
		t.Error("no error though the command failed")
	}
	next, err := client.Reboot(t.Context(), "reboot")
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	if id, err := next.BootID(t.Context()); id != "1" {
		t.Errorf("boot id %q, %v", id, err)
	}
	if server.Logins() < 3 {
		t.Errorf("%d logins: the old system was not met again", server.Logins())
	}
	// Without HostKeys in the Config, the first key is still demanded.
	server.NewHostKey()
	_, err = next.Reconnect(unexpected)
	var derr *ssh.DialError
	if !errors.As(err, &derr) || derr.Reason != ssh.HostKey {
		t.Errorf("got %v, want an unexpected host key", err)
	}
}
