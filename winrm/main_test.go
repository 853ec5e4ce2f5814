package winrm_test

import (
	"bytes"
	"context"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/winrm"
	"github.com/bootscribe/bootscribe/winrm/winrmtest"
)

// patience is for what must happen, however busy the machine is. Only a broken
// program reaches it.
const patience = 2 * time.Minute

// start starts a server that ends with the test.
func start(t *testing.T, config *winrmtest.Config) *winrmtest.Server {
	t.Helper()
	server, err := winrmtest.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return server
}

// login returns the configuration for a server that asks for "secret".
func login(server *winrmtest.Server) *winrm.Config {
	return &winrm.Config{Addr: server.Addr, User: "root", Password: "secret", AttemptTimeout: patience,
		RetryInterval: time.Millisecond, RefusedInterval: time.Millisecond}
}

// guest starts a server with a directory, and logs in.
func guest(t *testing.T) (c *winrm.Client, server *winrmtest.Server, dir string) {
	t.Helper()
	dir = t.TempDir()
	server = start(t, &winrmtest.Config{Password: "secret", Exec: (&winrmtest.Guest{Dir: dir}).Exec})
	c, err := winrm.Dial(t.Context(), login(server))
	if err != nil {
		t.Fatal(err)
	}
	return c, server, dir
}

// within returns a context that ends after d.
func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// tidy looks that no shell is left in the guest, and no goroutine here.
func tidy(t *testing.T, server *winrmtest.Server) {
	t.Helper()
	if open, opened := server.Shells(); open > 0 || opened == 0 {
		t.Errorf("%d of %d shells are open", open, opened)
	}
	server.Close()
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
		if !strings.Contains(stack, "testing.") && strings.Contains(stack, "/winrm.") {
			left = append(left, stack)
		}
	}
	return strings.Join(left, "\n\n")
}

// buffer is a bytes.Buffer that can be looked at while it is written to.
type buffer struct {
	mu   sync.Mutex
	data bytes.Buffer
}

// Write appends p.
func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.String()
}
