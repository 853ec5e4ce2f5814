package qemu

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/internal/need"
)

func TestCanaryOnTCG(t *testing.T) {
	t.Parallel()
	r, err := bootCanary(soon(t), need.Tool(t, defaultBinary), TCG)
	if err != nil || !r.OK {
		t.Errorf("%+v, %v", r, err)
	}
	t.Log(r.Evidence)
}

// The bytes are those of the source.
func TestCanaryAssembled(t *testing.T) {
	as, ld := need.Tool(t, "as"), need.Tool(t, "ld")
	dir := t.TempDir()
	object, binary := filepath.Join(dir, "canary.o"), filepath.Join(dir, "canary.bin")
	for _, args := range [][]string{
		{as, "--32", "-o", object, "canary.S"},
		{ld, "-m", "elf_i386", "-Ttext", "0x7c00", "--oformat", "binary", "-o", binary, object},
	} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			need.Skip(t, fmt.Sprintf("%v cannot assemble for x86: %s", args, out))
		}
	}
	want, err := os.ReadFile(binary)
	if err != nil || !bytes.Equal(want, canarySector()) {
		t.Errorf("% x…, want % x…, %v", canarySector()[:12], want[:12], err)
	}
}

// Whatever this host has, the automatic choice comes out at once and with
// evidence, and naming KVM succeeds exactly if the choice is KVM.
func TestChooseAccel(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	binary := need.Tool(t, defaultBinary)
	began := time.Now()
	a, why, err := chooseAccel(soon(t), AccelAuto, binary, hostArch())
	if err != nil || why == "" || time.Since(began) > canaryLimit+30*time.Second {
		t.Fatalf("%s, %q, %v after %v", a, why, err, time.Since(began))
	}
	t.Logf("%s: %s", a, why)
	_, _, err = chooseAccel(soon(t), native(), binary, hostArch())
	if (err == nil) != (a == native()) {
		t.Errorf("by name: %v", err)
	}
	if err != nil && !strings.Contains(err.Error(), `write "tcg"`) {
		t.Errorf("no remedy in %v", err)
	}
	if a, why, err := chooseAccel(soon(t), AccelAuto, binary, "s390x"); err != nil || a != TCG || !strings.Contains(why, "s390x") {
		t.Errorf("foreign guest: %s, %q, %v", a, why, err)
	}
}

func TestKVMUnusable(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]string{filepath.Join(dir, "absent"): "no such file", dir: "not a device", "/dev/null": ""} {
		if got := kvmUnusable(name); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestCanaryFailures(t *testing.T) {
	for role, want := range map[string]string{"hang": "did not reach", "fail": "status 127"} {
		r, err := bootCanary(soon(t), stub(t, role), KVM)
		if err != nil || r.OK || !strings.Contains(r.Evidence, want) {
			t.Errorf("%s: %+v, %v", role, r, err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := bootCanary(ctx, stub(t, "hang"), KVM); err == nil {
		t.Error("a cancelled test boot has a result")
	}
}

func TestCanaryKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sub", "accel.json")
	good := canaryResult{OK: true, Evidence: "booted"}
	keepCanary(file, "key", good)
	if r, ok := recallCanary(file, "key"); !ok || !r.OK || !strings.HasPrefix(r.Evidence, "booted (") {
		t.Errorf("%+v, %v", r, ok)
	}
	if r, ok := recallCanary(file, "another boot"); ok {
		t.Errorf("%+v", r)
	}
	os.WriteFile(file, []byte("{"), 0o600)
	if r, ok := recallCanary(file, "key"); ok {
		t.Errorf("%+v", r)
	}
	keepCanary("", "key", good) // nowhere to keep it
	if left, _ := os.ReadDir(filepath.Dir(file)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}
