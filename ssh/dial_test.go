package ssh_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/ssh"
	"github.com/bootscribe/bootscribe/ssh/sshtest"
)

// TestDialFaults acts out what a port can do instead of letting us in.
func TestDialFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		fault   sshtest.Fault
		reason  ssh.Reason
		version string
	}{
		{"silent", sshtest.Silent, ssh.Silent, ""},
		{"closed", sshtest.CloseAtOnce, ssh.ClosedEarly, ""},
		{"HTTP", sshtest.HTTP, ssh.NotSSH, ""},
		{"drip", sshtest.Drip, ssh.Stalled, ""},
		{"version only", sshtest.VersionOnly, ssh.Stalled, "SSH-2.0-sshtest"},
		{"flood", sshtest.Flood, ssh.NotSSH, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := start(t, &sshtest.Config{Password: "secret", Fault: test.fault})
			ends(t, func() {
				config := login(server)
				config.AttemptTimeout = 2 * time.Second // for the first bytes to come
				client, err := ssh.Dial(t.Context(), config)
				if err == nil {
					client.Close()
				}
				var derr *ssh.DialError
				if !errors.As(err, &derr) || derr.Reason != test.reason || derr.ServerVersion != test.version {
					t.Errorf("got %v, want reason %v", err, test.reason)
				}
			})
		})
	}
}

func TestDialRefused(t *testing.T) {
	server := start(t, &sshtest.Config{})
	server.Close()
	_, err := ssh.Dial(t.Context(), login(server))
	var derr *ssh.DialError
	if !errors.As(err, &derr) || derr.Reason != ssh.Refused {
		t.Errorf("got %v, want refused", err)
	}
}

// TestDialAuth logs in by each method, and is refused with what was offered.
func TestDialAuth(t *testing.T) {
	key, err := ssh.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	other, err := ssh.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	keys := []string{key.AuthorizedKey()}
	for _, test := range []struct {
		name    string
		server  sshtest.Config
		pass    ssh.Secret
		keys    []*ssh.Key
		offered []string // nil: let in
		tried   []string
	}{
		{"password", sshtest.Config{Password: "secret"}, "secret", nil, nil, nil},
		{"interactive", sshtest.Config{Password: "secret", KeyboardInteractive: true}, "secret", nil, nil, nil},
		{"key", sshtest.Config{AuthorizedKeys: keys}, "", []*ssh.Key{key}, nil, nil},
		{"second key", sshtest.Config{AuthorizedKeys: keys}, "", []*ssh.Key{other, key}, nil, nil},
		{"key, then password", sshtest.Config{AuthorizedKeys: keys, Password: "secret"}, "secret", []*ssh.Key{other}, nil, nil},
		{"wrong password", sshtest.Config{Password: "secret"}, "wrong", nil, []string{"password"}, []string{"none", "password"}},
		{"wrong answer", sshtest.Config{Password: "secret", KeyboardInteractive: true}, "wrong", nil, []string{"keyboard-interactive"}, []string{"none", "keyboard-interactive"}},
		{"no password wanted", sshtest.Config{AuthorizedKeys: keys}, "secret", nil, []string{"publickey"}, []string{"none"}},
		{"wrong key", sshtest.Config{AuthorizedKeys: keys}, "", []*ssh.Key{other}, []string{"publickey"}, []string{"none", "publickey"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := start(t, &test.server)
			config := login(server)
			config.Password, config.Keys = test.pass, test.keys
			client, err := ssh.Dial(t.Context(), config)
			if err == nil {
				client.Close()
			}
			var derr *ssh.DialError
			if errors.As(err, &derr) != (test.offered != nil) {
				t.Fatalf("error %v", err)
			}
			if derr == nil {
				return
			}
			got := ssh.DialError{Reason: derr.Reason, Offered: derr.Offered, Tried: derr.Tried}
			want := ssh.DialError{Reason: ssh.Auth, Offered: test.offered, Tried: test.tried}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(err.Error(), string(test.pass)) && test.pass != "" {
				t.Errorf("the password is in %q", err)
			}
		})
	}
}

// TestDialCancel ends the context in the middle of a silent handshake.
func TestDialCancel(t *testing.T) {
	server := start(t, &sshtest.Config{Fault: sshtest.Silent})
	config := login(server)
	config.AttemptTimeout = time.Hour
	cause := errors.New("the machine died")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { cancel(cause) })
	ends(t, func() {
		if _, err := ssh.Dial(ctx, config); !errors.Is(err, cause) {
			t.Errorf("got %v, want the cause", err)
		}
	})
}

// TestDialCustom uses a connection of the caller's.
func TestDialCustom(t *testing.T) {
	server := start(t, &sshtest.Config{Password: "secret", Banner: "Authorized \x1b[31musers only\n"})
	config := login(server)
	config.Addr = ""
	config.Dial = func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", server.Addr)
	}
	client := connect(t, config)
	if got, want := client.Banner(), "Authorized [31musers only"; got != want {
		t.Errorf("banner %q, want %q", got, want)
	}
	if got := client.HostKey(); got != server.HostKey() {
		t.Errorf("host key %q, want %q", got, server.HostKey())
	}
}

// TestBastion goes through one server to another, also when one of the two is
// a black hole.
func TestBastion(t *testing.T) {
	t.Parallel()
	guest := start(t, &sshtest.Config{Password: "secret", Exec: sshtest.Shell(t.TempDir())})
	bastion := start(t, &sshtest.Config{Password: "secret", Forward: true})
	config := login(guest)
	config.Bastion = login(bastion)
	client := connect(t, config)
	if out, err := client.Output(t.Context(), "echo through"); err != nil || string(out) != "through\n" {
		t.Errorf("got %q, %v", out, err)
	}
	bastion.Freeze()
	ends(t, func() { client.Close() })

	bastion.SetFault(sshtest.BlackHole)
	config.AttemptTimeout = time.Second
	ends(t, func() {
		if _, err := ssh.Dial(t.Context(), config); err == nil {
			t.Error("no error through a black hole")
		}
	})
	noForward := start(t, &sshtest.Config{Password: "secret"})
	config.Bastion, config.AttemptTimeout = login(noForward), patience
	if _, err := ssh.Dial(t.Context(), config); err == nil || !strings.Contains(err.Error(), "does not do that") {
		t.Errorf("got %v, want the bastion's refusal", err)
	}
}

// TestHostKeys pins a key, and demands it until a change is allowed.
func TestHostKeys(t *testing.T) {
	server := start(t, &sshtest.Config{Password: "secret"})
	config := login(server)
	config.HostKeys = new(ssh.HostKeys)
	dial := func() error {
		client, err := ssh.Dial(t.Context(), config)
		if err == nil {
			client.Close()
		}
		return err
	}
	if err := dial(); err != nil {
		t.Fatal(err)
	}
	first := server.HostKey()
	if diff := cmp.Diff([]string{first}, config.HostKeys.Pinned()); diff != "" {
		t.Error(diff)
	}
	if err := server.NewHostKey(); err != nil {
		t.Fatal(err)
	}
	var derr *ssh.DialError
	if err := dial(); !errors.As(err, &derr) || derr.Reason != ssh.HostKey {
		t.Errorf("got %v, want an unexpected host key", err)
	}
	config.HostKeys.AllowChange()
	if err := dial(); err != nil {
		t.Error(err)
	}
	if slices.Contains(config.HostKeys.Pinned(), first) {
		t.Error("the old key is still accepted")
	}
	expected, err := ssh.ExpectHostKeys(first)
	if err != nil {
		t.Fatal(err)
	}
	config.HostKeys = expected
	if err := dial(); !errors.As(err, &derr) || derr.Reason != ssh.HostKey {
		t.Errorf("got %v, want an unexpected host key", err)
	}
}

// TestRefusedLoginPinsNothing: whoever refuses us is not the guest.
func TestRefusedLoginPinsNothing(t *testing.T) {
	server := start(t, &sshtest.Config{Password: "other"})
	config := login(server)
	config.HostKeys = new(ssh.HostKeys)
	if _, err := ssh.Dial(t.Context(), config); err == nil {
		t.Fatal("let in")
	}
	if pinned := config.HostKeys.Pinned(); pinned != nil {
		t.Errorf("pinned %q", pinned)
	}
}

// TestAgent watches a socket where an agent would be.
func TestAgent(t *testing.T) {
	server := start(t, &sshtest.Config{Password: "secret", AuthorizedKeys: nil})
	path := t.TempDir() + "/agent"
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Skip(err)
	}
	defer listener.Close()
	asked := make(chan struct{}, 10)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			asked <- struct{}{}
			conn.Close()
		}
	}()
	t.Setenv("SSH_AUTH_SOCK", path)
	connect(t, login(server))
	if len(asked) != 0 {
		t.Error("the agent was asked")
	}
	key, err := ssh.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	keyServer := start(t, &sshtest.Config{AuthorizedKeys: []string{key.AuthorizedKey()}})
	config := login(keyServer)
	config.UseAgent = true
	config.Password = ""
	if _, err := ssh.Dial(t.Context(), config); err == nil {
		t.Error("let in without a key")
	}
	if len(asked) != 1 {
		t.Errorf("the agent was asked %d times, want once", len(asked))
	}
}

func TestValidate(t *testing.T) {
	err := (&ssh.Config{Addr: "host:99999", Keys: []*ssh.Key{nil}, AttemptTimeout: -1, Bastion: &ssh.Config{Addr: "b", User: "u"}}).Validate()
	want := []string{
		`ssh: Config.Addr: port "99999" is not a number from 1 to 65535`,
		"ssh: Config.User: is empty; give the name to log in as",
		"ssh: Config.Keys[0]: is empty; make keys with NewKey or ParseKey",
		"ssh: Config.AttemptTimeout: -1ns is negative; leave it zero for 10s",
		"ssh: Config.Bastion.Password, Keys: there is nothing to log in with; give a password or a key, or set UseAgent",
	}
	if err == nil {
		t.Fatal("no error")
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Error(diff)
	}
	if err := (*ssh.Config)(nil).Validate(); err == nil {
		t.Error("nil is valid")
	}
	for _, addr := range []string{"host", "10.0.0.1", "::1", "[::1]:22", "host:22"} {
		if err := (&ssh.Config{Addr: addr, User: "u", Password: "p"}).Validate(); err != nil {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

// TestNoLeaks connects often, in all ways, and counts what is left.
func TestNoLeaks(t *testing.T) {
	server, err := sshtest.Start(&sshtest.Config{Password: "secret", Exec: sshtest.Shell(t.TempDir())})
	if err != nil {
		t.Fatal(err)
	}
	config := login(server)
	config.KeepAlive = 5 * time.Millisecond
	for i := range leakDials {
		client, err := ssh.Dial(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		if i%10 == 0 {
			client.Output(t.Context(), "true")
		}
		client.Close()
		client.Close()
		if !errors.Is(client.Err(), ssh.ErrClosed) {
			t.Fatalf("closed client says %v", client.Err())
		}
	}
	config.Password = "wrong"
	for range 10 {
		if _, err := ssh.Dial(t.Context(), config); err == nil {
			t.Fatal("let in")
		}
	}
	server.Close()
	noLeaks(t)
}
