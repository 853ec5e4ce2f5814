package qemuimg

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/internal/need"
)

// again runs one test of this binary in a process of its own, by way of a
// wrapper, with variables that tell it to do its part.
func again(t *testing.T, test string, env []string, wrapper ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := append(wrapper, self, "-test.run=^"+test+"$", "-test.v")
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), env...)
	return cmd
}

// In a mount namespace of its own, so that nobody else sees it, a disk of 2 MB
// is made that is too small for the image.
func TestDiskFull(t *testing.T) {
	if dir := os.Getenv("QEMUIMG_FULL"); dir != "" {
		tool := realTool(t)
		unchanged(t, dir)
		o := ConvertOptions{SourceFormat: Raw}
		err := tool.Publish(soon(t), os.Getenv("QEMUIMG_SOURCE"), filepath.Join(dir, "x"), PublishOptions{ConvertOptions: o})
		if !errors.Is(err, syscall.ENOSPC) {
			t.Error(err)
		}
		t.Log("ran on the small disk")
		return
	}
	realTool(t)
	unshare := need.Tool(t, "unshare")
	if err := exec.Command(unshare, "-m", "mount", "-t", "tmpfs", "none", t.TempDir()).Run(); err != nil {
		t.Skip("needs the right to mount a tmpfs in a namespace of its own; in CI too, where no package brings it")
	}
	dir := t.TempDir()
	cmd := again(t, "TestDiskFull", []string{"QEMUIMG_FULL=" + dir, "QEMUIMG_SOURCE=" + disk(t, 8)},
		unshare, "-m", "sh", "-c", `mount -t tmpfs -o size=2m none "$QEMUIMG_FULL" && exec "$@"`, "sh")
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("ran on the small disk")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// pidOf waits until the stub has written its process id, and returns it.
func pidOf(t *testing.T, path string) int {
	t.Helper()
	for range 1500 {
		if data, err := os.ReadFile(path); err == nil {
			pid, err := strconv.Atoi(string(data))
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("the stub has not started")
	return 0
}

// waitGone fails the test if the process still runs after half a minute.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	for range 1500 {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("process %d lives on", pid)
	syscall.Kill(pid, syscall.SIGKILL)
}

// A killed program takes its qemu-img with it.
func TestParentKilled(t *testing.T) {
	if source := os.Getenv("QEMUIMG_SOURCE"); source != "" {
		tool := stubTool(t, "hang")
		tool.Convert(context.Background(), source, source+".x", ConvertOptions{SourceFormat: Qcow2})
		return
	}
	source := disk(t, 1)
	pidFile := filepath.Join(t.TempDir(), "pid")
	cmd := again(t, "TestParentKilled", []string{"QEMUIMG_SOURCE=" + source, "QEMUIMG_PID=" + pidFile})
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := pidOf(t, pidFile)
	cmd.Process.Kill()
	cmd.Wait()
	waitGone(t, pid)
}

// A context that ends takes qemu-img with it before Convert returns.
func TestCancelKills(t *testing.T) {
	tool := stubTool(t, "hang")
	pidFile := filepath.Join(t.TempDir(), "pid")
	t.Setenv("QEMUIMG_PID", pidFile)
	source := disk(t, 1)
	ctx, cancel := context.WithCancel(soon(t))
	ended := make(chan error)
	go func() { ended <- tool.Convert(ctx, source, source+".x", ConvertOptions{SourceFormat: Qcow2}) }()
	pid := pidOf(t, pidFile)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
		t.Errorf("process %d lives on: %v", pid, err)
	}
}
