package typeguest

import (
	"context"
	"os"
	"path/filepath"
)

// The drivers of a network card by virtio, in the order of loading.
var networkDrivers = []string{
	"virtio", "virtio_ring", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci",
	"failover", "net_failover", "virtio_net",
}

// WinRM returns a kernel and an initial file system of a Linux guest that does as
// if it were Windows: it lets the user root with the password "secret" in by NTLM
// at port 5985, on QEMU's user network. It runs commands by its shell.
func WinRM(ctx context.Context, dir string) (kernel, initrd string, err error) {
	kernel = filepath.Join(installer, "linux")
	source := filepath.Join(installer, "initrd.gz")
	if err := have(kernel, "debian-installer-12-netboot-amd64", busyboxBin, "busybox-static"); err != nil {
		return "", "", err
	}
	program := filepath.Join(dir, "winguest")
	if err := run(ctx, "env", "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "go", "build", "-buildvcs=false", "-ldflags=-s -w",
		"-o", program, "github.com/bootscribe/bootscribe/internal/winguest"); err != nil {
		return "", "", err
	}
	modules, err := readModules(ctx, source, networkDrivers)
	if err != nil {
		return "", "", err
	}
	data, err := os.ReadFile(program)
	if err != nil {
		return "", "", err
	}
	initrd = filepath.Join(dir, "winguest.initrd")
	return kernel, initrd, writeInitrd(initrd, modules, networkDrivers, map[string][]byte{"program": data})
}
