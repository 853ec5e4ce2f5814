package vnc_test

import (
	"bufio"
	"context"
	"errors"
	"image"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/vnc"
)

// echoSector is a boot sector that says '>' on the serial line, and then each
// key that INT 16h gives it. G sets a graphics mode of 640x480.
var echoSector = []byte{
	0xb0, '>', //          mov al, '>'
	0xba, 0xf8, 0x03, //   mov dx, 0x3f8
	0xee,       //               out dx, al
	0x30, 0xe4, //   next: xor ah, ah
	0xcd, 0x16, //         int 0x16
	0xee,      //          out dx, al
	0x3c, 'G', //          cmp al, 'G'
	0x75, 0x05, //         jne again
	0xb8, 0x12, 0x00, //   mov ax, 0x12
	0xcd, 0x10, //         int 0x10
	0xeb, 0xf0, //  again: jmp next
}

// machine is a running QEMU.
type machine struct {
	socket string
	serial *bufio.Reader
	kill   func()
}

// boot starts QEMU with the echo sector. vncOptions are added to -vnc.
func boot(t testing.TB, vncOptions string, args ...string) *machine {
	t.Helper()
	qemu := need.Tool(t, "qemu-system-x86_64")
	dir := t.TempDir()
	disk := make([]byte, 64<<10)
	copy(disk, echoSector)
	copy(disk[510:], "\x55\xaa")
	if err := os.WriteFile(filepath.Join(dir, "disk"), disk, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	m := &machine{socket: filepath.Join(dir, "vnc"), kill: cancel}
	cmd := exec.CommandContext(ctx, qemu, append([]string{
		"-accel", "tcg,thread=multi", "-m", "32", "-nodefaults", "-vga", "std", "-display", "none",
		"-drive", "format=raw,file=" + filepath.Join(dir, "disk"), "-serial", "stdio",
		"-vnc", "unix:" + m.socket + ",key-delay-ms=0" + vncOptions,
	}, args...)...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	m.serial = bufio.NewReader(stdout)
	stdin, err := cmd.StdinPipe() // held open: its end would end nothing good
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); stdin.Close(); cmd.Wait() })
	return m
}

// dial connects as soon as QEMU listens.
func (m *machine) dial(t testing.TB, cfg *vnc.Config) (*vnc.Conn, error) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := vnc.Dial(qemuContext(t), "unix", m.socket, cfg)
		if err == nil {
			t.Cleanup(func() { conn.Close() })
		}
		var refused *net.OpError
		if !errors.As(err, &refused) || time.Now().After(deadline) {
			return conn, err
		}
	}
}

func (m *machine) mustDial(t testing.TB, cfg *vnc.Config) *vnc.Conn {
	t.Helper()
	conn, err := m.dial(t, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// expect reads as many bytes from the serial line as want has.
func (m *machine) expect(t testing.TB, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(m.serial, got); err != nil || string(got) != want {
		t.Fatalf("the guest says %q, want %q, error %v", got, want, err)
	}
}

func qemuContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// lit counts the pixels that are not black.
func lit(m *image.RGBA) (n int) {
	for i := 0; i < len(m.Pix); i += 4 {
		if m.Pix[i]|m.Pix[i+1]|m.Pix[i+2] != 0 {
			n++
		}
	}
	return n
}

// waitFor waits for a frame that is right.
func waitFor(t testing.TB, conn *vnc.Conn, what string, right func(*image.RGBA) bool) {
	t.Helper()
	for seq := uint64(0); ; {
		screen := conn.Screen()
		if seq > 0 && right(screen) {
			return
		}
		var err error
		if seq, err = conn.WaitUpdate(qemuContext(t), seq); err != nil {
			t.Fatalf("waiting for %s, at a screen of %v with %d pixels lit: %v", what, screen.Rect, lit(screen), err)
		}
	}
}

func is(w, h int) func(*image.RGBA) bool {
	return func(m *image.RGBA) bool { return m.Rect == image.Rect(0, 0, w, h) }
}

var letterKeys = map[rune]uint16{'b': 0x30, 'o': 0x18, 't': 0x14}

func TestQEMU(t *testing.T) {
	m := boot(t, "", "-name", "box")
	conn := m.mustDial(t, nil)
	ctx := qemuContext(t)
	if !conn.ExtendedKeys() || conn.Name() != "QEMU (box)" {
		t.Errorf("extended keys %v, name %q", conn.ExtendedKeys(), conn.Name())
	}
	waitFor(t, conn, "the BIOS's text", func(m *image.RGBA) bool { return is(720, 400)(m) && lit(m) > 1000 })
	m.expect(t, ">")

	for _, r := range "boot" { // one at a time, as INT 16h has taken them
		err := conn.Keys(vnc.KeyEvent{Keysym: uint32(r), Code: letterKeys[r], Down: true},
			vnc.KeyEvent{Keysym: uint32(r), Code: letterKeys[r]})
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Fence(ctx); err != nil {
			t.Fatal(err)
		}
		m.expect(t, string(r))
	}
	err := conn.Keys( // by keysyms alone
		vnc.KeyEvent{Keysym: 'x', Down: true}, vnc.KeyEvent{Keysym: 'x'},
		vnc.KeyEvent{Keysym: 'y', Down: true}, vnc.KeyEvent{Keysym: 'y'})
	if err != nil {
		t.Fatal(err)
	}
	m.expect(t, "xy")

	_, changes := conn.LEDs()
	err = conn.Keys(
		vnc.KeyEvent{Keysym: 0xff7f, Code: 0x45, Down: true}, vnc.KeyEvent{Keysym: 0xff7f, Code: 0x45},
		vnc.KeyEvent{Keysym: 0xffe1, Code: 0x2a, Down: true},
		vnc.KeyEvent{Keysym: 'G', Code: 0x22, Down: true}, vnc.KeyEvent{Keysym: 'G', Code: 0x22},
		vnc.KeyEvent{Keysym: 0xffe1, Code: 0x2a})
	if err != nil {
		t.Fatal(err)
	}
	m.expect(t, "G")
	if leds, _, err := conn.WaitLEDs(ctx, changes); err != nil {
		t.Errorf("after NumLock: %v, %v", leds, err)
	}
	waitFor(t, conn, "the graphics mode", is(640, 480))
	if err := conn.Pointer(5, 5, 0); err != nil {
		t.Error(err)
	}
}

func TestQEMUPassword(t *testing.T) {
	m := boot(t, ",password-secret=s", "-S", "-object", "secret,id=s,data=sesame")
	conn := m.mustDial(t, &vnc.Config{Password: "sesame"})
	waitFor(t, conn, "a stopped machine's screen", func(*image.RGBA) bool { return true })
	conn.Close()
	for _, password := range []string{"", "Sesame"} {
		var auth *vnc.AuthError
		if _, err := m.dial(t, &vnc.Config{Password: password}); !errors.As(err, &auth) {
			t.Errorf("password %q: error %v", password, err)
		}
	}
}

func TestQEMUGoesAway(t *testing.T) {
	m := boot(t, "")
	first := m.mustDial(t, nil)
	m.expect(t, ">")
	second := m.mustDial(t, &vnc.Config{Exclusive: true}) // QEMU drops the first
	waitEnd(t, first)
	if err := second.Err(); err != nil {
		t.Errorf("the exclusive connection ended: %v", err)
	}
	if _, err := second.WaitUpdate(qemuContext(t), 0); err != nil {
		t.Fatal(err)
	}
	m.kill()
	waitEnd(t, second)
	if lit(second.Screen()) == 0 {
		t.Error("the last frame is lost")
	}
}

// waitEnd waits for the connection to end by itself, with a reason.
func waitEnd(t *testing.T, conn *vnc.Conn) {
	t.Helper()
	select {
	case <-conn.Done():
	case <-qemuContext(t).Done():
		t.Fatal("the connection goes on")
	}
	if err := conn.Err(); err == nil || errors.Is(err, net.ErrClosed) {
		t.Errorf("Err() = %v", err)
	} else {
		t.Log(err)
	}
}

// BenchmarkQEMUFence is the time in which QEMU reads a key that is sent.
func BenchmarkQEMUFence(b *testing.B) {
	m := boot(b, "")
	conn := m.mustDial(b, nil)
	m.expect(b, ">")
	ctx := context.Background()
	for b.Loop() { // a release of a key that is up does nothing
		if err := errors.Join(conn.Key(0xffe1, 0x2a, false), conn.Fence(ctx)); err != nil {
			b.Fatal(err)
		}
	}
}
