package imagebuild

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/qemu"
)

// A build that is killed takes its machine with it, and the next one removes
// what is left of it, but not what is another's.
func TestEmbedderKilled(t *testing.T) {
	t.Parallel()
	b, _ := newBuild(t, guest.Button, ready())
	dir := filepath.Dir(b.Output)
	if err := os.Rename(b.Media.URLs[0], filepath.Join(dir, "guest.iso")); err != nil {
		t.Fatal(err)
	}
	b.Media.URLs[0] = filepath.Join(dir, "guest.iso")
	kill, pid := embed(t, dir)
	live, other := embed(t, dir)
	kill()
	dies(t, pid)
	if got := scratches(t, dir); len(got) != 2 {
		t.Errorf("scratch directories: %v", got)
	}
	if _, err := b.Run(soon(t)); err != nil {
		t.Error(err)
	}
	if got := scratches(t, dir); len(got) != 1 {
		t.Errorf("scratch directories: %v, and one is in use", got)
	}
	live()
	dies(t, other)
	sweep(dir)
}

// dies waits for a process that is about to end, which takes a busy machine a while.
func dies(t *testing.T, pid int) {
	t.Helper()
	for range 500 {
		if syscall.Kill(pid, 0) == syscall.ESRCH {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("process %d lives on", pid)
}

func scratches(t *testing.T, dir string) []string {
	return slices.DeleteFunc(names(t, dir), func(name string) bool { return !strings.HasPrefix(name, ".bootscribe") })
}

// embed starts a program that builds, and returns how to kill it and its QEMU's
// process.
func embed(t *testing.T, dir string) (kill func(), pid int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "IMAGEBUILD_TEST_EMBEDDER="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() {
		cmd.Process.Kill()
		cmd.Wait()
	}
	t.Cleanup(kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if pid, err = strconv.Atoi(strings.TrimSpace(line)); err != nil {
		t.Fatal(line)
	}
	return kill, pid
}

// A build changes nothing of the process that it runs in.
func TestProcessState(t *testing.T) {
	state := func() map[string]string {
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Fatal(err)
		}
		cwd, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		m := map[string]string{"cwd": cwd, "env": strings.Join(os.Environ(), "\n")}
		for _, line := range strings.Split(string(status), "\n") {
			if name, value, _ := strings.Cut(line, ":"); slices.Contains([]string{"Umask", "SigBlk", "SigIgn", "SigCgt", "NoNewPrivs", "Seccomp"}, name) {
				m[name] = value
			}
		}
		return m
	}
	before := state()
	for _, sector := range [][]byte{guest.Button, guest.PowerOff} {
		b, _ := newBuild(t, sector, do("look", func(ctx context.Context, g *Guest) error {
			if diff := cmp.Diff(before, state()); diff != "" {
				t.Errorf("during the build:\n%s", diff)
			}
			return nil
		}), ready())
		_, _ = b.Run(soon(t))
	}
	if diff := cmp.Diff(before, state()); diff != "" {
		t.Error(diff)
	}
}

// Ten builds cost no goroutine and no descriptor.
func TestLeaks(t *testing.T) {
	b, _ := newBuild(t, guest.Install, ready(), Type("a<enter>"), WaitSerial("W"))
	b.Overwrite, b.Files = true, os.DirFS(t.TempDir())
	run := func(fail bool) {
		c := *b
		if fail {
			c.Steps = append(slices.Clone(c.Steps), do("fail", func(context.Context, *Guest) error { return errors.New("no") }))
		}
		if _, err := c.Run(soon(t)); (err != nil) != fail {
			t.Fatal(err)
		}
	}
	run(false)
	files, goroutines := descriptors(t), runtime.NumGoroutine()
	for i := range 9 {
		run(i%2 == 0)
	}
	for range 100 { // a goroutine that has done its work may still be about to end
		if runtime.NumGoroutine() <= goroutines {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > goroutines {
		buf := make([]byte, 1<<20)
		t.Errorf("%d goroutines, and %d before\n%s", n, goroutines, buf[:runtime.Stack(buf, true)])
	}
	if n := descriptors(t); n > files {
		t.Errorf("%d descriptors, and %d before", n, files)
	}
}

func descriptors(t *testing.T) int { return len(names(t, "/proc/self/fd")) }

// In a mount namespace of its own, so that nobody else sees it, there is a disk
// of 8 MB. No build begins whose output goes there, and one with a disk there
// ends when it is full.
func TestDiskFull(t *testing.T) {
	small := os.Getenv("IMAGEBUILD_TEST_FULL")
	if small == "" {
		withSmallDisk(t)
		return
	}
	b, _ := newBuild(t, guest.Fill(1<<20), do("fill", forever["serial"]))
	disk := filepath.Join(small, "disk.raw")
	if err := errors.Join(os.WriteFile(disk, nil, 0o600), os.Truncate(disk, 64<<20)); err != nil {
		t.Fatal(err)
	}
	b.VM.Disks = []qemu.Disk{{Path: disk, Format: "raw"}}
	step := fails(t, b, 2*time.Second, "No space left", "disk1", "free some space")
	var machine *MachineError
	if !errors.As(step, &machine) || !machine.Event.(qemu.IOError).NoSpace || step.Name() != "disk-full" {
		t.Error(step)
	}
	b.Output = filepath.Join(small, "out.qcow2")
	if _, err := b.Run(soon(t)); err == nil || !regexp.MustCompile(`Output: only \d MiB are free`).MatchString(err.Error()) {
		t.Error(err)
	}
	fmt.Println("ran on the small disk")
}

func withSmallDisk(t *testing.T) {
	t.Helper()
	unshare := need.Tool(t, "unshare")
	dir := t.TempDir()
	if err := exec.Command(unshare, "-m", "mount", "-t", "tmpfs", "none", dir).Run(); err != nil {
		t.Skip("needs the right to mount a tmpfs in a namespace of its own; in CI too, where no package brings it")
	}
	cmd := exec.Command(unshare, "-m", "sh", "-c", `mount -t tmpfs -o size=8m none "$IMAGEBUILD_TEST_FULL" && exec "$@"`,
		"sh", os.Args[0], "-test.run=^TestDiskFull$")
	cmd.Env = append(os.Environ(), "IMAGEBUILD_TEST_FULL="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("ran on the small disk")) {
		t.Errorf("%v\n%s", err, out)
	}
}
