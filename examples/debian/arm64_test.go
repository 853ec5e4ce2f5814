package main

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/qemu"
)

// The Debian installer for arm64, whose GRUB is typed to on the machine that
// the library makes by itself, fetches its answers from us.
func TestARM64(t *testing.T) {
	if raced {
		t.Skip("the race detector makes reading screens too slow for real guests; make test-all runs this without it")
	}
	need.Tool(t, "qemu-system-aarch64")
	for _, tool := range []string{"qemu-img", "xorriso", "mformat"} {
		need.Tool(t, tool)
	}
	need.File(t, "/usr/lib/debian-installer/images/12/arm64", "the package debian-installer-12-netboot-arm64 has it")
	need.File(t, "/usr/share/AAVMF/AAVMF_CODE.fd", "the package qemu-efi-aarch64 has it")
	dir := t.TempDir()
	medium := filepath.Join(dir, "debian.iso")
	if out, err := exec.Command("media/build", medium, "arm64").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	b, err := options{arch: "arm64", iso: medium, checksum: "none", out: filepath.Join(dir, "out.qcow2"),
		untilFetch: true, disk: defaultDisk, cpus: 2, memory: 1024}.build()
	if err != nil {
		t.Fatal(err)
	}
	b.VM.Accel, b.Fetcher = qemu.TCG, iso.Fetcher{Dir: filepath.Join(dir, "cache")}
	fetched := false
	b.Observe = func(e imagebuild.Event) {
		switch e := e.(type) {
		case imagebuild.Requested:
			fetched = fetched || e.Request.Path == "/preseed.cfg" && e.Request.Status == 200
		case imagebuild.StepStarted:
			t.Log(e)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 14*time.Minute)
	defer cancel()
	if _, err := b.Run(ctx); !errors.Is(err, errFetched) || !fetched {
		t.Errorf("fetched: %v; %v", fetched, err)
	}
}
