package qemu

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// native is the accelerator that runs a host's own kind of processor.
func native() Accel {
	switch runtime.GOOS {
	case "linux":
		return KVM
	case "darwin":
		return HVF
	}
	return TCG
}

// chooseAccel returns the accelerator for guests of arch and why. One that is
// asked for by name must work, so that an hour is not lost to find out.
func chooseAccel(ctx context.Context, want Accel, binary, arch string) (Accel, string, error) {
	switch want {
	case TCG, WHPX:
		return want, "by configuration", nil
	case AccelAuto:
		a := native()
		if a == TCG {
			return TCG, "no other accelerator is tried on " + runtime.GOOS, nil
		}
		r, err := testAccel(ctx, a, binary, arch)
		if err != nil {
			return "", "", err
		}
		if !r.OK {
			return TCG, r.Evidence, nil
		}
		return a, r.Evidence, nil
	}
	r, err := testAccel(ctx, want, binary, arch)
	if err != nil {
		return "", "", err
	}
	if !r.OK {
		return "", "", &ConfigError{Field: "Accel", Problem: fmt.Sprintf("%s does not work here: %s", want, r.Evidence),
			Remedy: `leave Accel empty, or write "tcg", which works everywhere and is slow`}
	}
	return want, r.Evidence, nil
}

// testAccel finds out whether guests of arch run on a.
func testAccel(ctx context.Context, a Accel, binary, arch string) (canaryResult, error) {
	if a != native() {
		return canaryResult{Evidence: fmt.Sprintf("%s is not of %s", a, runtime.GOOS)}, nil
	}
	if !runsNatively(arch) {
		return canaryResult{Evidence: fmt.Sprintf("the guest is %s and the host %s", arch, hostArch())}, nil
	}
	if a == KVM {
		if why := kvmUnusable("/dev/kvm"); why != "" {
			return canaryResult{Evidence: why}, nil
		}
	}
	if !isX86(arch) {
		// The canary is an x86 boot sector. Elsewhere there is no better
		// evidence yet than that the device opens.
		return canaryResult{OK: true, Evidence: fmt.Sprintf("%s can be opened; there is no test guest for %s", a, arch)}, nil
	}
	return rememberedCanary(ctx, a, binary)
}

// kvmUnusable returns why KVM cannot be used, as far as its device shows it.
func kvmUnusable(device string) string {
	fi, err := os.Stat(device)
	if err != nil {
		return fmt.Sprintf("no KVM: %v", err)
	}
	if fi.Mode()&os.ModeCharDevice == 0 {
		return fmt.Sprintf("no KVM: %s is not a device", device)
	}
	f, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		return fmt.Sprintf("no KVM: %v; a user in the group kvm may open it", err)
	}
	f.Close()
	return ""
}

// failureLasts is how long a failed test boot is believed by later processes:
// a host that was merely busy should get another chance.
const failureLasts = time.Hour

// rememberedCanary boots the canary once in a process, and where the cache
// directory can be written once while the host is up.
func rememberedCanary(ctx context.Context, a Accel, binary string) (canaryResult, error) {
	key, err := binaryKey(binary)
	if err != nil {
		return canaryResult{}, fmt.Errorf("qemu: test boot: %w", err)
	}
	key = fmt.Sprintf("%s %s %s", a, bootID(), key)
	return canaries.get(key, func() (canaryResult, error) {
		file := canaryFile(a)
		if r, ok := recallCanary(file, key); ok {
			return r, nil
		}
		r, err := bootCanary(ctx, binary, a)
		if err == nil {
			keepCanary(file, key, r)
		}
		return r, err
	})
}

// canaryNote is a result as it is kept in a file.
type canaryNote struct {
	Key    string // of accelerator, boot and binary
	At     time.Time
	Result canaryResult
}

// canaryFile returns where a result is kept, or "" for nowhere.
func canaryFile(a Accel) string {
	dir, err := os.UserCacheDir()
	if err != nil || bootID() == "" {
		return ""
	}
	return filepath.Join(dir, "bootscribe", "accel-"+string(a)+".json")
}

func recallCanary(file, key string) (canaryResult, bool) {
	var note canaryNote
	text, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(text, &note) != nil || note.Key != key {
		return canaryResult{}, false
	}
	age := time.Since(note.At)
	if !note.Result.OK && (age < 0 || age > failureLasts) {
		return canaryResult{}, false
	}
	note.Result.Evidence += fmt.Sprintf(" (%v ago)", age.Round(time.Second))
	return note.Result, true
}

// keepCanary writes a result for later processes. That it cannot is no error:
// they will find out for themselves.
func keepCanary(file, key string, r canaryResult) {
	if file == "" {
		return
	}
	text, err := json.Marshal(canaryNote{Key: key, At: time.Now(), Result: r})
	if err != nil || os.MkdirAll(filepath.Dir(file), 0o700) != nil {
		return
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), "accel-*")
	if err != nil {
		return
	}
	_, err = tmp.Write(text)
	if tmp.Close() != nil || err != nil || os.Rename(tmp.Name(), file) != nil {
		os.Remove(tmp.Name())
	}
}
