//go:build unix

package qemu

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/qemu/qmp"
)

// Another program controls the machine by QMP, one after the other, while this
// one does, and finds the socket neither before nor after.
func TestQMPSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a,b =c")
	vm, e := boot(t, guest.Disk(t, guest.Echo), func(c *Config) { c.QMPSocket = path })
	if fi, err := os.Lstat(path); err != nil || fi.Mode() != os.ModeSocket|0o600 {
		t.Fatalf("%v, %v", fi, err)
	}
	for range 2 {
		nc, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := qmp.NewConn(soon(t), nc)
		if err != nil {
			t.Fatal(err)
		}
		for _, command := range []string{"stop", "cont"} {
			if err := conn.Execute(soon(t), command, nil, nil); err != nil {
				t.Fatal(err)
			}
		}
		conn.Close()
		next[Stopped](t, e)
		next[Resumed](t, e)
		if s, err := vm.runState(soon(t)); err != nil || !s.Running {
			t.Errorf("%+v, %v", s, err)
		}
	}
	second := &Config{Accel: TCG, QMPSocket: path}
	if _, err := second.Preflight(soon(t)); err == nil || !strings.Contains(err.Error(), "exists") {
		t.Errorf("a second machine on the same socket: %v", err)
	}
	vm.Close()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after the end: %v", err)
	}
}

// A file of somebody else's is neither overwritten nor removed, and a machine
// that does not start leaves nothing.
func TestQMPSocketStartFails(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "qmp")
	vm, _ := boot(t, guest.Disk(t, guest.Echo), func(c *Config) { c.QMPSocket = path })
	os.Remove(path)
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	vm.Close()
	c := &Config{Accel: TCG, QMPSocket: path}
	if _, err := Start(soon(t), c); err == nil {
		t.Error("started where there is a file")
	}
	if _, err := c.startBeside(&Host{}, t.TempDir()); err == nil { // which came after the check
		t.Error("listens where there is a file")
	}
	if b, err := os.ReadFile(path); string(b) != "mine" {
		t.Errorf("%q, %v", b, err)
	}
	os.Remove(path)
	c.Args = []ArgEdit{{Op: ArgAdd, Option: "-bogus"}}
	var failed *StartError
	if _, err := Start(soon(t), c); !errors.As(err, &failed) {
		t.Errorf("%v", err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is there: %v", err)
	}
}
