package qemu

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/internal/need"
	"golang.org/x/sys/unix"
)

// alive reports whether a process runs, other than as a zombie.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z") && !strings.HasPrefix(after, "X")
}

func goneWithin(pid int, d time.Duration) bool {
	for limit := time.Now().Add(d); time.Now().Before(limit); time.Sleep(10 * time.Millisecond) {
		if !alive(pid) {
			return true
		}
	}
	return false
}

// embed runs a program that runs a machine, with env, and returns it and the
// machine's process.
func embed(t *testing.T, env ...string) (cmd *exec.Cmd, lines *bufio.Scanner, pid int) {
	t.Helper()
	need.Tool(t, defaultBinary)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(exe)
	cmd.Env = append(os.Environ(), "QEMU_TEST_EMBEDDER="+guest.Disk(t, guest.Echo), "TMPDIR="+t.TempDir())
	cmd.Env = append(cmd.Env, env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	lines = bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the embedding program failed")
	}
	if pid, err = strconv.Atoi(lines.Text()); err != nil {
		t.Fatal(err)
	}
	return cmd, lines, pid
}

// QEMU dies with the program that embeds it, however that dies.
func TestEmbedderKilled(t *testing.T) {
	runtime.LockOSThread() // Pdeathsig of the embedder
	defer runtime.UnlockOSThread()
	cmd, _, pid := embed(t)
	cmd.Process.Kill()
	if !goneWithin(pid, 20*time.Second) {
		syscall.Kill(pid, syscall.SIGKILL)
		t.Error("QEMU outlived the program that embeds it")
	}
}

// So does the program that is its TPM.
func TestEmbedderKilledTPM(t *testing.T) {
	need.Tool(t, "swtpm")
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd, lines, _ := embed(t, "QEMU_TEST_TPM=1")
	lines.Scan()
	pid, err := strconv.Atoi(lines.Text())
	if err != nil {
		t.Fatal(err)
	}
	// It would end by itself when QEMU does.
	syscall.Kill(pid, syscall.SIGSTOP)
	cmd.Process.Kill()
	if !goneWithin(pid, 20*time.Second) {
		syscall.Kill(pid, syscall.SIGKILL)
		t.Error("swtpm outlived the program that embeds it")
	}
}

// A Ctrl-C reaches the terminal's process group, and QEMU is not in it; nor is
// it in the session, which is what the kernel shares its processors between.
func TestSession(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd, _, pid := embed(t)
	if own, err := syscall.Getpgid(pid); err != nil || own != pid {
		t.Errorf("QEMU is in process group %d, %v", own, err)
	}
	if group, _ := syscall.Getpgid(cmd.Process.Pid); group == pid {
		t.Error("QEMU is in the embedding program's process group")
	}
	if session, err := unix.Getsid(pid); err != nil || session != pid {
		t.Errorf("QEMU is in session %d, %v", session, err)
	}
}

// Somebody else in the program who waits for every child takes QEMU's status
// away, but not the news of its end.
func TestReapedByOthers(t *testing.T) {
	vm, e := boot(t, guest.Disk(t, guest.Echo), nil)
	syscall.Kill(vm.PID(), syscall.SIGSTOP)
	syscall.Kill(vm.PID(), syscall.SIGKILL)
	var ws syscall.WaitStatus
	_, err := syscall.Wait4(vm.PID(), &ws, 0, nil)
	if err := vm.Wait(soon(t)); err == nil {
		t.Error("Wait returns nil for a killed machine")
	}
	if got := next[Exited](t, e); err == nil && got.Signal != "" {
		t.Errorf("reaped by the test and by the package: %+v", got)
	}
}

func TestSandboxAndEnvironment(t *testing.T) {
	t.Setenv("SECRET_TOKEN", "hush")
	vm, e := boot(t, guest.Disk(t, guest.Echo), nil)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", vm.PID()))
	if err != nil {
		t.Fatal(err)
	}
	if next[Started](t, e).Sandbox {
		if !strings.Contains(string(status), "Seccomp:\t2") {
			t.Errorf("no filter in %s", status)
		}
	} else if os.Getenv("CI") != "" {
		t.Error("no sandbox")
	}
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", vm.PID()))
	if err != nil || strings.Contains(string(env), "SECRET") {
		t.Errorf("environment %q, %v", env, err)
	}
}

// Nothing of a machine can be found on the host's network but its forwards.
func TestNothingListens(t *testing.T) {
	vm, _ := boot(t, guest.Disk(t, guest.Echo), func(c *Config) {
		c.NICs = []NIC{{Forwards: []Forward{{GuestPort: 22}}}}
	})
	if _, err := vm.VNC(soon(t)); err != nil {
		t.Fatal(err)
	}
	mine := map[string]bool{}
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", vm.PID()))
	if err != nil || len(fds) == 0 {
		t.Fatal("no descriptors seen")
	}
	for _, fd := range fds {
		if link, err := os.Readlink(fd); err == nil {
			if inode, ok := strings.CutPrefix(link, "socket:["); ok {
				mine[strings.TrimSuffix(inode, "]")] = true
			}
		}
	}
	var listening []string
	for _, file := range []string{"tcp", "tcp6", "udp", "udp6"} {
		text, _ := os.ReadFile("/proc/net/" + file)
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 9 && mine[f[9]] {
				listening = append(listening, file+" "+f[1])
			}
		}
	}
	if len(listening) != 1 || !strings.HasPrefix(listening[0], "tcp 0100007F:") {
		t.Errorf("QEMU has %q", listening)
	}
	unix, _ := os.ReadFile("/proc/net/unix")
	for line := range strings.Lines(string(unix)) {
		if f := strings.Fields(line); len(f) > 6 && mine[f[6]] && f[3] == "00010000" {
			t.Errorf("QEMU listens: %s", line)
		}
	}
}

// Machines leave no descriptor, goroutine, child or file behind.
func TestLeaks(t *testing.T) {
	tmp := t.TempDir()
	disk := guest.Disk(t, guest.Echo)
	t.Setenv("TMPDIR", tmp)
	once := func() {
		vm, _ := boot(t, disk, func(c *Config) { c.NICs, c.DebugConsole, c.Viewer = []NIC{{}}, io.Discard, "127.0.0.1:0" })
		conn, err := vm.VNC(soon(t))
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		vm.Close()
		if _, err := Start(soon(t), &Config{Accel: TCG, Args: []ArgEdit{{Op: ArgAdd, Option: "-bogus"}}}); err == nil {
			t.Fatal("QEMU takes -bogus")
		}
	}
	count := func() (fds, goroutines int) {
		list, _ := os.ReadDir("/proc/self/fd")
		return len(list), runtime.NumGoroutine()
	}
	once()
	time.Sleep(50 * time.Millisecond) // what still goes would make the test weaker
	fds, goroutines := count()
	for range 10 {
		once()
	}
	fds2, goroutines2 := count()
	// Contexts of the tests' helpers live to the end of the test.
	more := func() bool { return fds2 > fds || goroutines2 > goroutines+2 }
	for limit := time.Now().Add(20 * time.Second); more() && time.Now().Before(limit); fds2, goroutines2 = count() {
		time.Sleep(10 * time.Millisecond)
	}
	if more() {
		buf := make([]byte, 1<<16)
		t.Errorf("descriptors %d → %d, goroutines %d → %d\n%s", fds, fds2, goroutines, goroutines2, buf[:runtime.Stack(buf, true)])
	}
	if left, _ := os.ReadDir(tmp); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Programs that are no QEMU, or a bad one, are named as such and left behind
// in no form.
func TestBadQEMU(t *testing.T) {
	need.Tool(t, defaultBinary) // so that Linux is what this runs on
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("not a program"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, binary, want string
		limit              time.Duration
	}{
		{"missing", "qemu-system-none", `"qemu-system-none": executable file not found in $PATH; install it`, time.Minute},
		{"directory", dir, "is a directory", time.Minute},
		{"no program", plain, "exec format error", time.Minute},
		{"fails", stub(t, "fail"), "status 127", time.Minute},
		{"flood", stub(t, "flood"), "the last words", time.Minute},
		{"garbage", stub(t, "garbage"), "wait for the greeting", time.Minute},
		{"hang", stub(t, "hang"), "deadline exceeded", 2 * time.Second},
		{"not QEMU", "true", "status 0", time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), tt.limit)
			defer cancel()
			vm, err := Start(ctx, &Config{Binary: tt.binary, Accel: TCG, Memory: 8})
			if err == nil {
				vm.Close()
				t.Fatal("it started")
			}
			if !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "Memory") {
				t.Errorf("got %v, want %q and the bad Memory", err, tt.want)
			}
			var e *StartError
			if errors.As(err, &e) && len(e.Stderr) > 8<<10 {
				t.Errorf("%d bytes of output kept", len(e.Stderr))
			}
		})
	}
}

func TestStartErrors(t *testing.T) {
	need.Tool(t, defaultBinary)
	for _, tt := range []struct {
		name string
		c    Config
		want []string
	}{
		{"machine", Config{Machine: "pc-none"}, []string{"Machine", `no machine "pc-none"`}},
		{"files", Config{Disks: []Disk{{Path: "/none"}}, CDROMs: []CDROM{{Path: "/"}}}, []string{`Disks[0].Path: "/none" does not exist`, `CDROMs[0].Path: "/" is a directory`}},
		{"cpu", Config{CPU: "none"}, []string{"status 1", "unable to find CPU model"}},
		{"option", Config{Args: []ArgEdit{{Op: ArgAdd, Option: "-none"}}}, []string{"-none: invalid option"}},
		{"dir", Config{Dir: "/none"}, []string{`Dir: "/none" is not a directory`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.c.Accel == "" {
				tt.c.Accel = TCG
			}
			vm, err := Start(soon(t), &tt.c)
			if err == nil {
				vm.Close()
				t.Fatal("it started")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q", err, want)
				}
			}
		})
	}
}

func TestStartCancelled(t *testing.T) {
	need.Tool(t, defaultBinary)
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("the user has left")
	cancel(why)
	vm, err := Start(ctx, &Config{Accel: TCG})
	if err == nil {
		vm.Close()
	}
	if !errors.Is(err, context.Canceled) || !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
}
