package ssh_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/ssh"
	"github.com/bootscribe/bootscribe/ssh/sshtest"
)

// patience is for what must happen, however busy the machine is. Only a broken
// program reaches it.
const patience = 2 * time.Minute

// start starts a server that ends with the test.
func start(t *testing.T, config *sshtest.Config) *sshtest.Server {
	t.Helper()
	server, err := sshtest.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return server
}

// login returns the configuration for a server that asks for "secret".
func login(server *sshtest.Server) *ssh.Config {
	return &ssh.Config{Addr: server.Addr, User: "root", Password: "secret", AttemptTimeout: patience, RetryInterval: 10 * time.Millisecond}
}

// connect logs in to a server, until the end of the test.
func connect(t *testing.T, config *ssh.Config) *ssh.Client {
	t.Helper()
	client, err := ssh.Dial(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// shell starts a server that runs commands here, and logs in.
func shell(t *testing.T) (*ssh.Client, *sshtest.Server) {
	server := start(t, &sshtest.Config{Password: "secret", Exec: sshtest.Shell(t.TempDir())})
	return connect(t, login(server)), server
}

// newKey makes a key.
func newKey(t *testing.T) *ssh.Key {
	t.Helper()
	key, err := ssh.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// within returns a context that ends after d.
func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// ends fails the test if f, which hangs when it is broken, takes too long.
func ends(t *testing.T, f func()) {
	t.Helper()
	start := time.Now()
	f()
	if d := time.Since(start); d > patience {
		t.Errorf("took %v, want at most %v", d, patience)
	}
}

// noLeaks waits until no goroutine of ours or of the protocol's is left.
func noLeaks(t *testing.T) {
	t.Helper()
	var left string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if left = leaked(); left == "" {
			return
		}
	}
	t.Errorf("goroutines left:\n%s", left)
}

func leaked() string {
	buf := make([]byte, 4<<20)
	var left []string
	for _, stack := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(stack, "testing.") || !strings.Contains(stack, "/ssh") {
			continue
		}
		left = append(left, stack)
	}
	return strings.Join(left, "\n\n")
}
