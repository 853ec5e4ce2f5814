package qemu

import (
	"context"
	"errors"
	"fmt"
	"image"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/vnc"
)

// attach connects to a machine as a person's viewer does.
func attach(t *testing.T, vm *VM, exclusive bool) *vnc.Conn {
	t.Helper()
	network, addr := "tcp", vm.Viewer()
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		network, addr = "unix", path
	}
	conn, err := vnc.Dial(soon(t), network, addr, &vnc.Config{Exclusive: exclusive})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// ownScreen connects to a machine as this program does.
func ownScreen(t *testing.T, vm *VM) *vnc.Conn {
	t.Helper()
	nc, err := vm.VNC(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := vnc.NewConn(soon(t), nc, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// lit waits until a connection sees more than a black screen.
func lit(ctx context.Context, conn *vnc.Conn) error {
	for seq := uint64(0); ; {
		if !black(conn.Screen()) {
			return nil
		}
		var err error
		if seq, err = conn.WaitUpdate(ctx, seq); err != nil {
			return err
		}
	}
}

func black(img *image.RGBA) bool {
	for i := 0; i < len(img.Pix); i += 4 {
		if img.Pix[i]|img.Pix[i+1]|img.Pix[i+2] != 0 {
			return false
		}
	}
	return true
}

// A person sees the screen beside this program's own connection, and does not
// throw it out, whatever the viewer asks for. What is typed meanwhile arrives.
func TestViewer(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "a,b =c")
	for _, viewer := range []string{"127.0.0.1:0", "unix:" + socket} {
		t.Run(viewer[:4], func(t *testing.T) {
			t.Parallel()
			vm, _ := boot(t, guest.Disk(t, guest.KeyRead(0, true)), func(c *Config) { c.Viewer = viewer })
			readsKeys(t, vm)
			own := ownScreen(t, vm)
			ty := newTypist(t, vm, PacerConfig{})
			if err := ty.play(soon(t), usStrokes("before ")); err != nil {
				t.Fatal(err)
			}
			for _, exclusive := range []bool{false, true, false} {
				if err := lit(soon(t), attach(t, vm, exclusive)); err != nil {
					t.Errorf("exclusive %v: the viewer sees nothing: %v", exclusive, err)
				}
			}
			text := "and with people watching"
			if err := ty.play(soon(t), usStrokes(text)); err != nil {
				t.Fatal(err)
			}
			m, err := vm.memory(soon(t), guest.KeyReadBuffer, len("before ")+len(text))
			if err != nil || string(m) != "before "+text {
				t.Errorf("%q, %v", m, err)
			}
			if err := own.Fence(soon(t)); err != nil || black(own.Screen()) {
				t.Errorf("this program's own connection: %v", err)
			}
			vm.Close()
			if conn, err := net.Dial("tcp", vm.Viewer()); err == nil {
				conn.Close()
				t.Error("the port is open when the machine has ended")
			}
		})
	}
}

// The socket lets nobody else in, and is gone when the machine is.
func TestViewerSocket(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "vnc")
	vm, _ := boot(t, guest.Disk(t, guest.Echo), func(c *Config) { c.Viewer = "unix:" + path })
	if fi, err := os.Stat(path); err != nil || fi.Mode() != os.ModeSocket|0o600 || vm.Viewer() != "unix:"+path {
		t.Errorf("%v, %v; %s", fi.Mode(), err, vm.Viewer())
	}
	second := &Config{Accel: TCG, Viewer: "unix:" + path}
	if _, err := second.Preflight(soon(t)); err == nil || !strings.Contains(err.Error(), "exists") {
		t.Errorf("a second machine on the same socket: %v", err)
	}
	vm.Close()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after the end: %v", err)
	}

	// A file that somebody else has put there stays.
	vm, _ = boot(t, guest.Disk(t, guest.Echo), func(c *Config) { c.Viewer = "unix:" + path })
	os.Remove(path)
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	vm.Close()
	if b, err := os.ReadFile(path); string(b) != "mine" {
		t.Errorf("%q, %v", b, err)
	}

	bad := &Config{Viewer: "unix:" + filepath.Join(dir, "none", "vnc")}
	if _, err := bad.Preflight(soon(t)); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("without a directory: %v", err)
	}
}

// A machine that does not start leaves nothing that listens.
func TestViewerStartFails(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	disk := guest.Disk(t, guest.Echo)
	vm, _ := boot(t, disk, nil) // skips without a QEMU
	vm.Close()
	_, err = Start(soon(t), &Config{Accel: TCG, Viewer: l.Addr().String()})
	var wrong *ConfigError
	if !errors.As(err, &wrong) || wrong.Field != "Viewer" {
		t.Errorf("on a port that is taken: %v", err)
	}
	path := filepath.Join(t.TempDir(), "vnc")
	for _, edit := range []ArgEdit{{Op: ArgAdd, Option: "-bogus"}, {Op: ArgRemove, Option: "-vnc"}} {
		var failed *StartError
		_, err := Start(soon(t), &Config{Accel: TCG, Viewer: "unix:" + path, Args: []ArgEdit{edit}})
		if !errors.As(err, &failed) {
			t.Errorf("%v: %v", edit, err)
		}
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%v: the socket is there: %v", edit, err)
		}
	}
}

// Of a range of ports viewers get the first that is free, each machine its own.
func TestViewerRange(t *testing.T) {
	t.Parallel()
	first := takenPort(t)
	for first > 65000 { // few ports are above
		first = takenPort(t)
	}
	viewer := fmt.Sprintf("127.0.0.1:%d-%d", first, first+500)
	seen := map[string]bool{}
	for range 2 {
		vm, _ := boot(t, guest.Disk(t, guest.Echo), func(c *Config) { c.Viewer = viewer })
		if err := lit(soon(t), attach(t, vm, false)); err != nil {
			t.Error(err)
		}
		_, port, _ := strings.Cut(vm.Viewer(), ":")
		if n, err := strconv.Atoi(port); err != nil || n <= first || n > first+500 || seen[port] {
			t.Errorf("%s, with %d taken, %v", vm.Viewer(), first, seen)
		}
		seen[port] = true
	}
	_, err := Start(soon(t), &Config{Accel: TCG, Viewer: fmt.Sprintf("127.0.0.1:%d-%d", first, first)})
	var wrong *ConfigError
	if !errors.As(err, &wrong) || wrong.Field != "Viewer" {
		t.Errorf("a range that is taken: %v", err)
	}
}
