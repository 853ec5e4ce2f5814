package ssh_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/ssh"
	"github.com/bootscribe/bootscribe/ssh/sshtest"
)

// TestWait goes through the life of a guest: silent, not SSH yet, refusing,
// ready.
func TestWait(t *testing.T) {
	server := start(t, &sshtest.Config{Password: "secret", RefuseLogins: 2, Fault: sshtest.Silent})
	config := login(server)
	config.AttemptTimeout = 100 * time.Millisecond
	faults := []sshtest.Fault{sshtest.Silent, sshtest.HTTP, sshtest.CloseAtOnce, sshtest.VersionOnly}
	var failed []ssh.Reason
	connected := 0
	w := &ssh.Waiter{Config: config}
	config.Observe = func(e ssh.Event) {
		switch e := e.(type) {
		case ssh.AttemptFailed:
			var derr *ssh.DialError
			errors.As(e.Err, &derr)
			failed = append(failed, derr.Reason)
			server.SetFault(append(faults, make([]sshtest.Fault, 20)...)[len(failed)])
			if got := w.Status().Attempts; got != e.Attempt || got != len(failed) {
				t.Errorf("status counts %d attempts, event %d, want %d", got, e.Attempt, len(failed))
			}
			// Under load the handshake itself needs more than the faults take.
			if open := server.Open(); open > 1 {
				t.Errorf("%d connections at once", open)
			}
		case ssh.Connected:
			connected = e.Attempt
		}
	}
	client, err := w.Wait(within(t, 20*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	client.Close()
	s := w.Status()
	if connected != len(failed)+1 || s.Attempts != connected || !s.Connected {
		t.Errorf("connected at attempt %d after %d failures; status %+v", connected, len(failed), s)
	}
	for _, reason := range []ssh.Reason{ssh.Silent, ssh.NotSSH, ssh.ClosedEarly, ssh.Stalled} {
		if s.Failures[reason] == 0 {
			t.Errorf("%v was not met: %v", reason, failed)
		}
	}
	if s.Failures[ssh.Auth] != 2 || !strings.Contains(s.String(), "login refused 2 times; tried: password; methods offered: password") {
		t.Errorf("status %v", s)
	}
}

// TestWaitGivesUp says what was in the way.
func TestWaitGivesUp(t *testing.T) {
	t.Parallel()
	refusing := sshtest.Config{Password: "other", Version: "SSH-2.0-OpenSSH_9.2p1 Debian-2"}
	for _, test := range []struct {
		name   string
		server sshtest.Config
		limit  func(*ssh.Config)
		want   []string
	}{
		{"silent", sshtest.Config{Fault: sshtest.Silent}, func(*ssh.Config) {},
			[]string{"no sshd has answered", "connection accepted, but nothing sent", "deadline exceeded"}},
		{"auth until the end", refusing, func(*ssh.Config) {},
			[]string{"answered as OpenSSH_9.2p1 Debian-2 at ", "login refused", "methods offered: password", "deadline exceeded"}},
		{"auth by number", refusing, func(c *ssh.Config) { c.MaxAuthFailures = 3 },
			[]string{"login refused 3 times in a row"}},
		{"auth by time", refusing, func(c *ssh.Config) { c.AuthPatience = 30 * time.Millisecond },
			[]string{"login refused for"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			config := login(start(t, &test.server))
			config.AttemptTimeout = 200 * time.Millisecond
			test.limit(config)
			_, err := ssh.Wait(within(t, 500*time.Millisecond), config)
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
	var boots atomic.Int32
	server := start(t, &sshtest.Config{Password: "secret", Exec: func(_ context.Context, c *sshtest.Call) int {
		switch {
		case c.Line == "reboot":
			time.AfterFunc(200*time.Millisecond, func() { boots.Add(1) })
			c.Drop()
		case c.Line == "refuse":
			return 1
		default:
			c.Stdout.Write([]byte{'0' + byte(boots.Load()), '\n'})
		}
		return 0
	}})
	client := connect(t, login(server))
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
	_, err = next.Reconnect(within(t, 200*time.Millisecond))
	var derr *ssh.DialError
	if !errors.As(err, &derr) || derr.Reason != ssh.HostKey {
		t.Errorf("got %v, want an unexpected host key", err)
	}
}
