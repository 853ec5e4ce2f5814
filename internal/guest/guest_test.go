package guest

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/qemu/qmp"
)

var update = flag.Bool("update", false, "write the .bin files instead of comparing them")

// TestAssembled compares each committed .bin with what its .S says.
func TestAssembled(t *testing.T) {
	as, ld := need.Tool(t, "as"), need.Tool(t, "ld")
	sources, err := filepath.Glob("*.S")
	if err != nil || len(sources) == 0 {
		t.Fatal(sources, err)
	}
	for _, source := range sources {
		dir := t.TempDir()
		object, binary := filepath.Join(dir, "o"), filepath.Join(dir, "bin")
		for _, args := range [][]string{
			{as, "--32", "-o", object, source},
			{ld, "-m", "elf_i386", "-Ttext", "0x7c00", "--oformat", "binary", "-o", binary, object},
		} {
			if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
				if strings.Contains(string(out), "--32") || strings.Contains(string(out), "elf_i386") {
					need.Skip(t, "needs binutils for x86")
				}
				t.Fatalf("%s: %v\n%s", source, err, out)
			}
		}
		fresh, err := os.ReadFile(binary)
		if err != nil {
			t.Fatal(err)
		}
		if len(fresh) != 512 {
			t.Errorf("%s: %d bytes instead of 512", source, len(fresh))
		}
		compare(t, strings.TrimSuffix(source, ".S")+".bin", fresh)
	}
}

func compare(t *testing.T, path string, fresh []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, fresh, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	old, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(old, fresh) {
		t.Errorf("%s is not what its source says (%v); run `go generate`", path, err)
	}
}

func TestPatches(t *testing.T) {
	if b := KeyRead(0x1234, true); b[0x1f0] != 0x34 || b[0x1f1] != 0x12 || b[0x1f2] != 1 {
		t.Errorf("% x", b[0x1f0:])
	}
	if b := KeyRead(0, false); !bytes.Equal(b, keyRead) {
		t.Error("KeyRead changes what it should not")
	}
	if b := Show(strings.Repeat("x", 1000)); len(b) != 512 || b[509] != 0 || b[508] != 'x' || b[511] != 0xaa {
		t.Errorf("% x", b[500:])
	}
}

// machine runs a guest under TCG, with a monitor on a Unix socket and COM1 in
// serial, and returns when the monitor answers.
type machine struct {
	*qmp.Conn
	events *qmp.Subscription
	serial string // a file
	exited chan error
}

func boot(t *testing.T, sector []byte, more ...string) *machine {
	t.Helper()
	dir := t.TempDir()
	monitor, serial := filepath.Join(dir, "m"), filepath.Join(dir, "serial")
	ln, err := net.Listen("unix", monitor)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	cmd := exec.Command(need.Tool(t, "qemu-system-x86_64"), append([]string{
		"-nodefaults", "-display", "none", "-vga", "std", "-accel", "tcg", "-m", "16", "-S",
		"-chardev", "socket,id=m,path=" + monitor, "-mon", "chardev=m,mode=control",
		"-serial", "file:" + serial, "-device", "isa-debug-exit,iobase=0x501,iosize=1",
		"-drive", "format=raw,file=" + Disk(t, sector),
	}, more...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	m := &machine{serial: serial, exited: make(chan error, 1)}
	waited := make(chan struct{})
	go func() {
		m.exited <- cmd.Wait()
		close(waited)
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-waited
		if t.Failed() {
			t.Log(stderr.String())
		}
	})
	ln.(*net.UnixListener).SetDeadline(time.Now().Add(patience))
	nc, err := ln.Accept()
	if err != nil {
		t.Fatal(err, stderr.String())
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if m.Conn, err = qmp.NewConn(ctx, nc); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	m.events = m.Subscribe()
	if err := m.Execute(ctx, "cont", nil, nil); err != nil {
		t.Fatal(err)
	}
	return m
}

// patience is what no machine takes, however busy the host.
const patience = 2 * time.Minute

// status returns what QEMU exits with.
func (m *machine) status(t *testing.T) int {
	t.Helper()
	select {
	case err := <-m.exited:
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			t.Fatalf("QEMU ends with %v instead of a status", err)
		}
		return exit.ExitCode()
	case <-time.After(patience):
		t.Fatal("QEMU does not end")
	}
	return -1
}

// event waits for an event of this name and returns its data.
func (m *machine) event(t *testing.T, name string) string {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case e, ok := <-m.events.C:
			if !ok {
				t.Fatalf("QEMU has gone without %s", name)
			}
			if e.Name == name {
				return string(e.Data)
			}
		case <-timeout:
			t.Fatalf("no %s", name)
		}
	}
}

// says waits until COM1 has said exactly this.
func (m *machine) says(t *testing.T, want string) {
	t.Helper()
	var got []byte
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if got, _ = os.ReadFile(m.serial); string(got) == want {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("COM1 says %q, want %q", got, want)
}

// runs waits until the firmware has loaded the boot sector. A key that comes in
// the middle of its set-up of the keyboard can leave the guest without one.
func (m *machine) runs(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if strings.HasSuffix(m.hmp(t, "xp /1hx 0x7dfe"), " 0xaa55\r\n") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the firmware does not load the boot sector")
}

func (m *machine) hmp(t *testing.T, line string) string {
	t.Helper()
	out, err := m.HMP(t.Context(), line)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestExit(t *testing.T) {
	if got := boot(t, Exit).status(t); got != ExitStatus {
		t.Error(got)
	}
}

func TestPowerOff(t *testing.T) {
	for _, m := range []string{"pc", "q35"} {
		if got := boot(t, PowerOff, "-machine", m).event(t, "SHUTDOWN"); !strings.Contains(got, "guest-shutdown") {
			t.Error(m, got)
		}
	}
}

func TestButton(t *testing.T) {
	m := boot(t, Button)
	m.says(t, "R")
	if err := m.Execute(t.Context(), "system_powerdown", nil, nil); err != nil {
		t.Fatal(err)
	}
	if got := m.event(t, "SHUTDOWN"); !strings.Contains(got, "guest-shutdown") {
		t.Error(got)
	}
}

func TestReset(t *testing.T) {
	m := boot(t, Reset)
	for range 3 {
		m.event(t, "RESET")
	}
}

func TestEcho(t *testing.T) {
	m := boot(t, Echo)
	m.says(t, "R")
	for _, key := range []string{"a", "shift-b", "1", "ret"} {
		m.hmp(t, "sendkey "+key+" 5")
		time.Sleep(20 * time.Millisecond)
	}
	m.says(t, "RaB1\r")
}

func TestKeyRead(t *testing.T) {
	m := boot(t, KeyRead(1, true))
	m.runs(t)
	for end := time.Now().Add(patience); time.Now().Before(end); { // the first key may come before the guest reads
		m.hmp(t, "sendkey x 5")
		if !strings.HasSuffix(m.hmp(t, "xp /1hx 0x7e00"), " 0x0000\r\n") {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if got := m.hmp(t, "xp /1bx 0x8000"); !strings.HasSuffix(got, " 0x78\r\n") {
		t.Error(got)
	}
}

func TestFill(t *testing.T) {
	second := filepath.Join(t.TempDir(), "second.img")
	if err := os.WriteFile(second, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for sectors, want := range map[uint32]int{1024: FillDoneStatus, 4096: FillFailedStatus} {
		if got := boot(t, Fill(sectors), "-drive", "format=raw,file="+second).status(t); got != want {
			t.Errorf("%d sectors: %d", sectors, got)
		}
	}
	f, err := os.Open(second)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if want := bytes.Repeat([]byte{0x5a}, 1<<20); err != nil || !bytes.Equal(data, want) {
		t.Error("the disk is not full", err)
	}
}

func TestTalk(t *testing.T) {
	m := boot(t, Talk)
	m.says(t, strings.Repeat(".", TalkDots))
	m.event(t, "SHUTDOWN")
}

func TestShow(t *testing.T) {
	m := boot(t, Show("hello,\nworld"))
	m.says(t, "hello,\r\nworld")
	if got := m.hmp(t, "xp /12cb 0xb8000"); !strings.Contains(got, "'h'") {
		t.Error(got)
	}
}

// A CD boots, and its guest writes what is typed to the disk.
func TestInstallFromCD(t *testing.T) {
	m := boot(t, nil, "-cdrom", CD(t, Install), "-boot", "d")
	m.says(t, "R")
	for _, key := range []string{"o", "k", "ret"} {
		m.hmp(t, "sendkey "+key+" 5")
		time.Sleep(20 * time.Millisecond)
	}
	m.says(t, "RokW")
	if err := m.Execute(t.Context(), "system_powerdown", nil, nil); err != nil {
		t.Fatal(err)
	}
	if got := m.event(t, "SHUTDOWN"); !strings.Contains(got, "guest-shutdown") {
		t.Error(got)
	}
}

func TestInstallEscape(t *testing.T) {
	m := boot(t, Install)
	m.says(t, "R")
	m.hmp(t, "sendkey esc 5")
	if got := m.event(t, "SHUTDOWN"); !strings.Contains(got, "guest-shutdown") {
		t.Error(got)
	}
}
