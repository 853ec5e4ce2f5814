package qemu

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/internal/need"
)

// needVirtioFSD skips where no virtiofsd can be used, and returns the one that is
// found.
func needVirtioFSD(t *testing.T) string {
	t.Helper()
	path, err := (&Config{}).lookVirtioFSD()
	if err != nil {
		need.Skip(t, "needs virtiofsd; `make deps` installs it")
	}
	if options, err := virtioFSDOptions(path); err != nil {
		t.Fatal(err)
	} else if os.Geteuid() != 0 && cameWithQEMU(options) {
		t.Skipf("%s must be run by root", path)
	}
	return path
}

// sharesIn returns the processes whose command line names a directory.
func sharesIn(t *testing.T, dir string) (pids []int) {
	t.Helper()
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		text, _ := os.ReadFile(f)
		var pid int
		if fmt.Sscanf(f, "/proc/%d/", &pid); pid != os.Getpid() && strings.Contains(string(text), dir) && strings.Contains(string(text), "virtiofsd") {
			pids = append(pids, pid)
		}
	}
	return pids
}

// gone waits until no virtiofsd has a directory any more.
func gone(t *testing.T, dir string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); len(sharesIn(t, dir)) > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("virtiofsd is still there: %v", sharesIn(t, dir))
		}
	}
}

// A guest reads a directory of the host by virtiofs, and writes to it, beside one
// by 9p; nothing is left of it when the machine has ended.
func TestVirtioFS(t *testing.T) {
	t.Parallel()
	needVirtioFSD(t)
	// The names of the sockets are longer than those of sockets can be.
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	src, out := filepath.Join(dir, "src"), filepath.Join(dir, "a b=c")
	for _, d := range []string{src, out, filepath.Join(dir, "vm")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(out, "file"), []byte("of the host\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := bootLinux(t, func(c *Config) {
		c.Dir = filepath.Join(dir, "vm")
		c.Shares = []Share{{Tag: "old", Path: src}, {Tag: "out", Path: out, Type: VirtioFS, Writable: true}}
	})
	if got := s.run("mkdir /out && mount -t virtiofs out /out && cat /out/file"); got != "of the host\n" {
		t.Errorf("the file of the host: %q", got)
	}
	if got := s.run("mkdir /out/sub && echo of the guest >/out/sub/file && sync"); got != "" {
		t.Errorf("the guest writes: %q", got)
	}
	if text, err := os.ReadFile(filepath.Join(out, "sub", "file")); string(text) != "of the guest\n" {
		t.Errorf("the file of the guest: %q, %v", text, err)
	}
	if got := s.run("mkdir /old && mount -t 9p -o trans=virtio,version=9p2000.L old /old && ls /old"); got != "" {
		t.Errorf("the directory by 9p: %q", got)
	}
	if err := s.vm.Close(); err != nil {
		t.Error(err)
	}
	if pids := sharesIn(t, out); len(pids) > 0 {
		t.Errorf("virtiofsd is still there: %v", pids)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "vm", "share*")); len(left) > 0 || err != nil {
		t.Errorf("left in the machine's directory: %v, %v", left, err)
	}
}

// A virtiofsd that dies is named, with the share, and the machine goes on.
func TestVirtioFSKilled(t *testing.T) {
	t.Parallel()
	needVirtioFSD(t)
	dir := t.TempDir()
	vm, e := boot(t, guest.Disk(t, guest.Echo), func(c *Config) {
		c.Shares = []Share{{Tag: "src", Path: dir, Type: VirtioFS, Writable: true}}
	})
	syscall.Kill(vm.beside.shares[0].proc.pid, syscall.SIGKILL)
	got := next[ShareEnded](t, e)
	if got.Tag != "src" || got.Signal != "killed" || !strings.HasPrefix(got.String(), "src: virtiofsd ended (signal: killed)") {
		t.Errorf("%+v: %s", got, got)
	}
	if isClosed(vm.Done()) {
		t.Errorf("the machine is gone: %v", vm.Err())
	}
	vm.Close()
	gone(t, dir)
}

// A machine that dies takes its virtiofsd with it, which nobody blames.
func TestVirtioFSMachineKilled(t *testing.T) {
	t.Parallel()
	needVirtioFSD(t)
	dir := t.TempDir()
	vm, e := boot(t, guest.Disk(t, guest.Echo), func(c *Config) {
		c.Shares = []Share{{Tag: "src", Path: dir, Type: VirtioFS, Writable: true}}
	})
	syscall.Kill(vm.PID(), syscall.SIGKILL)
	if err := vm.Wait(soon(t)); err == nil {
		t.Error("a machine that was killed has ended well")
	}
	gone(t, dir)
	for len(e.c) > 0 {
		if ended, ok := (<-e.c).(ShareEnded); ok {
			t.Errorf("%+v", ended)
		}
	}
}

// What shares a directory does not outlive the program that embeds it.
func TestEmbedderKilledVirtioFS(t *testing.T) {
	needVirtioFSD(t)
	dir := t.TempDir()
	cmd, _, _ := embed(t, "QEMU_TEST_SHARE="+dir)
	if len(sharesIn(t, dir)) == 0 {
		t.Fatal("there is no virtiofsd")
	}
	cmd.Process.Kill()
	gone(t, dir)
}

// A machine that does not start says what virtiofsd has said, and leaves none.
func TestVirtioFSStartFails(t *testing.T) {
	t.Parallel()
	needVirtioFSD(t)
	need.Tool(t, defaultBinary)
	dir := t.TempDir()
	broken := filepath.Join(dir, "virtiofsd")
	if err := os.WriteFile(broken, []byte("#!/bin/sh\ncase $1 in --help) echo --fd --readonly --shared-dir ;; *) echo 'no such sandbox' >&2; exit 7 ;; esac\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	share := []Share{{Tag: "src", Path: dir, Type: VirtioFS, Writable: true}}
	_, err := Start(soon(t), &Config{Accel: TCG, Memory: 32, Shares: share, VirtioFSD: broken})
	var failed *StartError
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), "virtiofsd says: no such sandbox") {
		t.Errorf("a virtiofsd that does not start: %v", err)
	}
	_, err = Start(soon(t), &Config{Accel: TCG, Memory: 32, Shares: share, Args: []ArgEdit{{Op: ArgAdd, Option: "-bogus"}}})
	if !errors.As(err, &failed) || !strings.Contains(failed.Stderr, "bogus") {
		t.Errorf("a QEMU that does not start: %v", err)
	}
	gone(t, dir)
}

// What cannot be had is found before anything starts.
func TestVirtioFSPreflight(t *testing.T) {
	dir := t.TempDir()
	program := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cannot := program("cannot", "echo --fd --shared-dir")
	can := program("can", "echo --fd --shared-dir --readonly")
	other := program("other", "echo 'libcap-ng.so.0: cannot open' >&2; exit 127")
	for _, tt := range []struct {
		program  string
		writable bool
		want     string // empty for no error
	}{
		{"virtiofsd-that-is-not-there", true, "qemu: Shares: "},
		{"virtiofsd-that-is-not-there", true, "leave Type empty for 9p"},
		{cannot, true, ""},
		{can, false, ""},
		{cannot, false, `qemu: Shares[0].Writable: "` + cannot + `" cannot keep a guest from writing; set it, or leave Type empty for 9p`},
		{other, true, "libcap-ng.so.0: cannot open"},
	} {
		var f findings
		h := &Host{}
		(&Config{VirtioFSD: tt.program, Shares: []Share{{Tag: "a", Path: dir, Type: VirtioFS, Writable: tt.writable}}}).findVirtioFSD(&f, h)
		err := errors.Join(f...)
		if tt.want == "" && (err != nil || h.VirtioFSD != tt.program) || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.program, err, tt.want)
		}
	}
}

// virtiofsd is found by the files that describe it, as QEMU's documentation has it.
func TestDescribedFSDs(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"etc/50-one.json": `{"description":"","type":"fs","binary":"/own/one"}`,
		"etc/70-off.json": ``,
		"usr/50-one.json": `{"type":"fs","binary":"/usr/one"}`,
		"usr/40-gpu.json": `{"type":"gpu","binary":"/usr/gpu"}`,
		"usr/60-two.json": `{"type":"fs","binary":"/usr/two"}`,
		"usr/70-off.json": `{"type":"fs","binary":"/usr/off"}`,
		"usr/80-rel.json": `{"type":"fs","binary":"rel"}`,
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	got := describedFSDs([]string{filepath.Join(dir, "etc/*.json"), filepath.Join(dir, "usr/*.json")})
	if diff := cmp.Diff([]string{"/own/one", "/usr/two"}, got); diff != "" {
		t.Error(diff)
	}
}

// Each kind of virtiofsd gets arguments that it knows.
func TestVirtioFSArguments(t *testing.T) {
	s := Share{Path: "/srv", Writable: true}
	for _, tt := range []struct {
		share            Share
		options, sandbox string
		want             string
	}{
		{s, "--fd", "", "--fd=3 --rlimit-nofile=9 -o source=/srv"},
		{s, "--fd", "chroot", "--fd=3 --rlimit-nofile=9 -o source=/srv -o sandbox=chroot"},
		{s, "--fd --shared-dir", "chroot", "--fd=3 --rlimit-nofile=9 --shared-dir=/srv --sandbox=chroot"},
		{Share{Path: "/srv"}, "--fd --shared-dir --readonly", "", "--fd=3 --rlimit-nofile=9 --shared-dir=/srv --readonly"},
	} {
		if got := strings.Join(tt.share.arguments(tt.options, tt.sandbox, 9), " "); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}
