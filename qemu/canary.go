package qemu

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	// canaryLimit is how long the canary may take. It boots in a quarter of a
	// second under TCG, which is ten times slower than what it is to vouch
	// for; hosts that lend their virtualization badly need nine seconds and
	// then hang in real kernels.
	canaryLimit  = 3 * time.Second
	canaryStatus = 85 // see canary.S
	sectorSize   = 512
)

// canarySector returns the boot sector of canary.S.
func canarySector() []byte {
	s := make([]byte, sectorSize)
	copy(s, []byte{
		0xfa,             // cli
		0xba, 0x01, 0x05, // mov dx, 0x501
		0xb0, 0x2a, // mov al, 0x2a
		0xee,       // out dx, al
		0xf4,       // halt: hlt
		0xeb, 0xfd, // jmp halt
	})
	s[510], s[511] = 0x55, 0xaa
	return s
}

// canaryResult is whether an accelerator ran a guest, and what was seen.
type canaryResult struct {
	OK       bool
	Evidence string
}

// bootCanary boots a guest through the whole BIOS on an accelerator of an x86
// host. That the accelerator's device opens, or that QEMU says that it uses
// it, proves nothing: only a guest that ran does.
func bootCanary(ctx context.Context, binary string, a Accel) (canaryResult, error) {
	dir, err := os.MkdirTemp("", "bootscribe-canary-")
	if err != nil {
		return canaryResult{}, fmt.Errorf("qemu: test boot: %w", err)
	}
	defer os.RemoveAll(dir)
	disk := filepath.Join(dir, "canary.img")
	image := append(canarySector(), make([]byte, 1<<20-sectorSize)...)
	if err := os.WriteFile(disk, image, 0o600); err != nil {
		return canaryResult{}, fmt.Errorf("qemu: test boot: %w", err)
	}
	p, err := startProcess(binary, canaryArgs(disk, a), "", environment(false), nil)
	if err != nil {
		return canaryResult{}, fmt.Errorf("qemu: test boot: %w", err)
	}
	began := time.Now()
	timer := time.NewTimer(canaryLimit)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
	case <-ctx.Done():
	}
	ended := isClosed(p.done)
	p.proc.Kill()
	<-p.done
	if !ended && ctx.Err() != nil {
		return canaryResult{}, fmt.Errorf("qemu: test boot: %w", ctxError(ctx))
	}
	return judgeCanary(p, ended, time.Since(began), a), nil
}

func judgeCanary(p *process, ended bool, took time.Duration, a Accel) canaryResult {
	status, signal := p.status()
	took = took.Round(10 * time.Millisecond)
	switch {
	case !ended:
		return canaryResult{Evidence: fmt.Sprintf("a test guest on %s did not reach its boot sector within %v", a, canaryLimit)}
	case status == canaryStatus:
		return canaryResult{OK: true, Evidence: fmt.Sprintf("a test guest on %s booted in %v", a, took)}
	}
	return canaryResult{Evidence: fmt.Sprintf("a test guest on %s failed after %v (%s): %.200s", a, took, ending(status, signal), p.output.String())}
}

func canaryArgs(disk string, a Accel) []string {
	node := object{{"node-name", "disk"}, {"driver", "raw"}, {"read-only", true},
		{"file", object{{"driver", "file"}, {"filename", disk}, {"read-only", true}}}}
	return []string{
		"-no-user-config", "-nodefaults", "-machine", "pc", "-accel", string(a), "-cpu", (&Config{}).cpu(a),
		"-m", "64M", "-display", "none", "-boot", "menu=off,strict=on",
		"-blockdev", node.String(),
		"-device", object{{"driver", "virtio-blk-pci"}, {"drive", "disk"}, {"bootindex", 1}}.String(),
		"-device", object{{"driver", "isa-debug-exit"}, {"iobase", 0x501}, {"iosize", 1}}.String(),
	}
}
