//go:build unix

package qemu

import (
	"bytes"
	"context"
	"errors"
	"image"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/internal/need"
)

// debugExit lets a guest end QEMU with a status.
var debugExit = ArgEdit{Op: ArgAdd, Option: "-device", Value: `{"driver":"isa-debug-exit","iobase":1281,"iosize":1}`}

func TestStartedAndExited(t *testing.T) {
	t.Parallel()
	vm, e := boot(t, guest.Disk(t, guest.Exit), func(c *Config) { c.Args = []ArgEdit{debugExit} })
	var exit *ExitError
	if err := vm.Wait(soon(t)); !errors.As(err, &exit) || exit.Status != guest.ExitStatus {
		t.Errorf("Wait: %v, want status %d", err, guest.ExitStatus)
	}
	first, ok := (<-e.c).(Started)
	if !ok || first.PID != vm.PID() || first.Accel != TCG || first.Reason == "" || !strings.Contains(first.Version, ".") {
		t.Errorf("first event is %+v", first)
	}
	if got := next[Exited](t, e); got.Status != guest.ExitStatus {
		t.Errorf("%+v", got)
	}
	if len(e.c) != 0 {
		t.Errorf("after Exited came %+v", <-e.c)
	}
	if _, err := vm.VNC(soon(t)); err == nil {
		t.Error("VNC of a machine that has ended works")
	}
	if err := vm.KeysTaken(soon(t)); err == nil {
		t.Error("KeysTaken of a machine that has ended works")
	}
}

func TestGuestPowersOff(t *testing.T) {
	t.Parallel()
	for _, machine := range []string{"pc", "q35"} {
		vm, e := boot(t, guest.Disk(t, guest.PowerOff), func(c *Config) { c.Machine = machine })
		if s := next[ShutDown](t, e); !s.Guest || s.Reason != "guest-shutdown" {
			t.Errorf("%+v", s)
		}
		if err := vm.Wait(soon(t)); err != nil {
			t.Errorf("Wait: %v", err)
		}
	}
}

func TestResetLoopAndRebootAction(t *testing.T) {
	t.Parallel()
	vm, e := boot(t, guest.Disk(t, guest.Reset), nil)
	for range 3 {
		if r := next[Reset](t, e); !r.Guest || r.Reason != "guest-reset" {
			t.Errorf("%+v", r)
		}
	}
	if err := vm.SetRebootAction(soon(t), RebootEnds); err != nil {
		t.Fatal(err)
	}
	var exit *ExitError
	if err := vm.Wait(soon(t)); !errors.As(err, &exit) || exit.Reason != "guest-reset" {
		t.Errorf("Wait: %v", err)
	}
}

func TestPowerdown(t *testing.T) {
	t.Parallel()
	vm, _ := boot(t, guest.Disk(t, guest.Button), nil)
	if _, err := vm.Console().Wait(soon(t), regexp.MustCompile("R")); err != nil {
		t.Fatal(err)
	}
	if err := vm.Powerdown(soon(t)); err != nil {
		t.Error(err)
	}
}

func TestPowerdownIgnored(t *testing.T) {
	t.Parallel()
	vm, _ := boot(t, guest.Disk(t, guest.Echo), nil)
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if err := vm.Powerdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Powerdown: %v", err)
	}
	if isClosed(vm.Done()) {
		t.Error("the machine is gone")
	}
}

func TestKilled(t *testing.T) {
	t.Parallel()
	vm, e := boot(t, guest.Disk(t, guest.Echo), nil)
	began := time.Now()
	if err := syscall.Kill(vm.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	var exit *ExitError
	if err := vm.Wait(soon(t)); !errors.As(err, &exit) || exit.Signal != "killed" {
		t.Errorf("Wait: %v", err)
	}
	if took := time.Since(began); took > usual.beat+usual.beatLimit { // which the heart beat takes
		t.Errorf("its death was seen after %v", took)
	}
	if got := next[Exited](t, e); got.Signal != "killed" || got.Status != -1 {
		t.Errorf("%+v", got)
	}
}

func TestQuitIsNoCleanEnd(t *testing.T) {
	t.Parallel()
	vm, _ := boot(t, guest.Disk(t, guest.Echo), nil)
	if err := vm.Quit(soon(t)); err != nil {
		t.Fatal(err)
	}
	var exit *ExitError
	if err := vm.Err(); !errors.As(err, &exit) || exit.Reason != "host-qmp-quit" {
		t.Errorf("Err: %v", err)
	}
	for range 2 {
		if err := vm.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A QEMU that is stopped answers nothing: it is seen as hung, and Close still
// gets rid of it.
func TestHung(t *testing.T) {
	t.Parallel()
	need.Tool(t, defaultBinary)
	quick := usual
	quick.beat, quick.beatLimit = 50*time.Millisecond, 200*time.Millisecond
	quick.quit, quick.terminate = 200*time.Millisecond, 200*time.Millisecond
	e := newEvents()
	vm, err := start(soon(t), &Config{Accel: TCG, Memory: 32, Observe: func(ev Event) { e.c <- ev }}, quick)
	if err != nil {
		t.Fatal(err)
	}
	defer vm.Close()
	next[Started](t, e)
	syscall.Kill(vm.PID(), syscall.SIGSTOP)
	next[Hung](t, e)
	began := time.Now()
	if err := vm.Close(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("Close took %v", took)
	}
	if got := next[Exited](t, e); got.Signal != "killed" {
		t.Errorf("%+v", got)
	}
}

func TestNoSpace(t *testing.T) {
	t.Parallel()
	need.Tool(t, defaultBinary)
	dir := t.TempDir()
	if err := exec.Command("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", dir).Run(); err != nil {
		t.Skip("needs the right to mount a small file system: ", err)
	}
	t.Cleanup(func() { exec.Command("umount", dir).Run() })
	full := filepath.Join(dir, "data.img")
	f, err := os.Create(full)
	if err != nil {
		t.Fatal(err)
	}
	f.Truncate(64 << 20)
	f.Close()
	vm, e := boot(t, guest.Disk(t, guest.Fill(100000)), func(c *Config) {
		c.Disks = append(c.Disks, Disk{Path: full, Format: "raw", NoTrim: true}) // its zeroes are to be written
		c.Args = []ArgEdit{debugExit}
	})
	got := next[IOError](t, e)
	if !got.NoSpace || got.Device != "disk1" || got.Operation != "write" || !got.Stopped {
		t.Errorf("%+v", got)
	}
	if s := next[Stopped](t, e); s.Status != "io-error" {
		t.Errorf("%+v", s)
	}
	if err := vm.KeysTaken(soon(t)); !errors.Is(err, ErrNotRunning) {
		t.Errorf("KeysTaken of a stopped guest: %v", err)
	}
	vm.Close() // before the file system goes
}

func TestVNCAndForward(t *testing.T) {
	t.Parallel()
	vm, _ := boot(t, guest.Disk(t, guest.Echo), func(c *Config) {
		c.NICs = []NIC{{Forwards: []Forward{{GuestPort: 22}, {GuestPort: 80}}}}
	})
	for range 3 {
		conn, err := vm.VNC(soon(t))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(time.Minute))
		hello := make([]byte, 12)
		if _, err := io.ReadFull(conn, hello); err != nil || string(hello) != "RFB 003.008\n" {
			t.Errorf("VNC says %q, %v", hello, err)
		}
	}
	a, err := vm.Forwarded(soon(t), 22)
	if err != nil || a.Addr().String() != "127.0.0.1" {
		t.Fatalf("%v, %v", a, err)
	}
	b, err := vm.Forwarded(soon(t), 80)
	if err != nil || a == b {
		t.Errorf("%v and %v, %v", a, b, err)
	}
	conn, err := net.Dial("tcp", a.String())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if _, err := vm.Forwarded(soon(t), 443); err == nil || !strings.Contains(err.Error(), "add a Forward") {
		t.Errorf("%v", err)
	}
}

func TestForwardToBusyPort(t *testing.T) {
	t.Parallel()
	need.Tool(t, defaultBinary)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = Start(soon(t), &Config{Accel: TCG, NICs: []NIC{{Forwards: []Forward{{HostPort: l.Addr().(*net.TCPAddr).Port, GuestPort: 22}}}}})
	var e *StartError
	if !errors.As(err, &e) || e.Status != 1 || !strings.Contains(e.Stderr, "hostfwd") && !strings.Contains(e.Stderr, "host forwarding") {
		t.Errorf("%v", err)
	}
}

func TestConsole(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var copied strings.Builder
	vm, _ := boot(t, guest.Disk(t, guest.Show("login: \nready\n")), func(c *Config) {
		c.Console = writerFunc(func(p []byte) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			return copied.Write(p)
		})
	})
	r := vm.Console().Reader()
	for _, want := range []string{"login: ", "ready"} {
		got, err := r.Expect(soon(t), regexp.MustCompile(want))
		if err != nil || got[0] != want {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if got, err := vm.Console().Wait(soon(t), regexp.MustCompile(`(log)(in)`)); err != nil || got[2] != "in" {
		t.Errorf("%q, %v", got, err)
	}
	if got := vm.Console().Tail(8); !strings.Contains(got, "ready") {
		t.Errorf("tail %q", got)
	}
	mu.Lock()
	if got := copied.String(); !strings.Contains(got, "login") {
		t.Errorf("copy %q", got)
	}
	mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := r.Expect(ctx, regexp.MustCompile("never")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	vm.Close()
	if _, err := r.Expect(soon(t), regexp.MustCompile("never")); !errors.Is(err, ErrConsoleClosed) {
		t.Errorf("%v", err)
	}
}

// A guest that does not read its serial line holds the sender until its
// context ends, and not for ever.
func TestConsoleSend(t *testing.T) {
	t.Parallel()
	vm, _ := boot(t, guest.Disk(t, guest.Echo), nil)
	if err := vm.Console().Send(soon(t), []byte("hello")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if err := vm.Console().Send(ctx, make([]byte, 4<<20)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// stuckWriter takes nothing until it is let go.
type stuckWriter struct {
	free chan struct{}
	n    int
}

func (w *stuckWriter) Write(p []byte) (int, error) {
	<-w.free
	w.n += len(p)
	return len(p), nil
}

// What a killed program has left does not keep a machine from starting, and the
// pipes' names are gone when it runs.
func TestSerialNames(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "with, comma")
	left := filepath.Join(dir, serialName+".in")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(left, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	vm, _ := boot(t, guest.Disk(t, guest.Echo), func(c *Config) { c.Dir = dir })
	if _, err := vm.Console().Wait(soon(t), regexp.MustCompile("R")); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 || files[0].Name() != filepath.Base(left) {
		t.Error(files, err)
	}
}

// A guest that does not wait for its serial line loses nothing while nobody
// reads it, as on a busy machine.
func TestConsoleUnread(t *testing.T) {
	t.Parallel()
	w := &stuckWriter{free: make(chan struct{})}
	vm, e := boot(t, guest.Disk(t, guest.Talk), func(c *Config) { c.Console = w })
	next[ShutDown](t, e)
	close(w.free)
	if err := vm.Wait(soon(t)); err != nil {
		t.Fatal(err)
	}
	if said := vm.Console().Tail(1 << 20); strings.Count(said, ".") < guest.TalkDots {
		t.Errorf("%d of %d dots", strings.Count(said, "."), guest.TalkDots)
	}
}

func TestScreendump(t *testing.T) {
	t.Parallel()
	vm, _ := boot(t, guest.Disk(t, guest.Show("hello\n")), nil)
	if _, err := vm.Console().Wait(soon(t), regexp.MustCompile("hello")); err != nil {
		t.Fatal(err)
	}
	img, err := vm.Screendump(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	bright := 0
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			if r, _, _, _ := img.At(x, y).RGBA(); r > 0x8000 {
				bright++
			}
		}
	}
	if img.Bounds().Dx() != 720 || img.Bounds().Dy() != 400 || bright < 20 {
		t.Errorf("%v with %d bright pixels", img.Bounds(), bright)
	}
	checkDump(t, vm)
}

// checkDump reads a dump twice, and looks that nothing is left of it.
func checkDump(t *testing.T, vm *VM) {
	t.Helper()
	d, err := vm.OpenScreendump(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	var rows [2]int
	var pixels [2][]byte
	for i := range rows {
		err := d.Rows(func(rgb []byte) {
			rows[i]++
			pixels[i] = append(pixels[i], rgb...)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if d.Size != image.Pt(720, 400) || rows != [2]int{400, 400} || len(pixels[0]) != 3*720*400 || !bytes.Equal(pixels[0], pixels[1]) {
		t.Errorf("%v, %v rows, %d and %d bytes", d.Size, rows, len(pixels[0]), len(pixels[1]))
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if left, err := filepath.Glob(filepath.Join(vm.dir, "screen*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestUEFI(t *testing.T) {
	if testing.Short() {
		t.Skip("takes the firmware five seconds of a quiet processor; leave out -short")
	}
	t.Parallel()
	need.Tool(t, defaultBinary)
	need.File(t, "/usr/share/OVMF/OVMF_CODE_4M.fd", "install ovmf")
	vars := filepath.Join(t.TempDir(), "vars.fd")
	run := func() *VM {
		vm, _ := boot(t, guest.Disk(t, guest.Echo), func(c *Config) {
			c.Memory, c.Firmware = 256, Firmware{Type: UEFI, VarsFile: vars}
		})
		return vm
	}
	vm := run()
	// Five seconds of a quiet processor's time.
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if _, err := vm.Console().Wait(ctx, regexp.MustCompile("BdsDxe")); err != nil {
		t.Errorf("%v; console: %q", err, vm.Console().Tail(500))
	}
	vm.Close()
	before, err := os.ReadFile(vars)
	if err != nil {
		t.Fatal(err)
	}
	fresh, _ := os.ReadFile("/usr/share/OVMF/OVMF_VARS_4M.fd")
	if bytes.Equal(before, fresh) {
		t.Error("the firmware wrote no variables")
	}
	run().Close()
	if after, err := os.ReadFile(vars); err != nil || bytes.Equal(after, fresh) {
		t.Errorf("the variables did not outlive the first run: %v", err)
	}
}
