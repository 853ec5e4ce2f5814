package typeguest

import (
	"bytes"
	"context"
	"debug/elf"
	_ "embed"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// What a Linux guest says on its first serial port.
const (
	LinuxReady = "typeguest: ready" // it takes keys
	LinuxBegin = "typeguest: begin" // and the number of bytes, and on the next line the bytes
)

// What a Linux guest is told by its kernel's command line to have a shell on its
// first serial port, in place of all this, and the shell's prompt.
const (
	LinuxShell  = "console=ttyS0 shell=serial"
	LinuxPrompt = "typeguest# "
)

// What a Linux guest is told there; each command is a line.
const (
	LinuxDump  = "dump"  // write what was typed, after LinuxBegin
	LinuxClear = "clear" // forget it
)

//go:embed init.sh
var initScript string

// The drivers of the keyboards, of 9p and virtiofs, of CDs on virtio and of
// fw_cfg, in the order of loading, as far as the installer has them. PS/2 is in
// the kernel.
var drivers = []string{
	"virtio", "virtio_ring", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_input",
	"usb-common", "usbcore", "xhci-hcd", "xhci-pci", "hid", "usbhid", "hid-generic",
	"netfs", "fscache", "9pnet", "9pnet_virtio", "9p", "fuse", "virtiofs",
	"virtio_blk", "cdrom", "isofs", "qemu_fw_cfg",
}

// Linux returns a kernel and an initial file system, of the Debian installer:
// its first console takes what is typed to a file, and writes it on the first
// serial port when it is told to. The drivers for PS/2, virtio and USB keyboards
// are there.
func Linux(ctx context.Context, dir string) (kernel, initrd string, err error) {
	kernel = filepath.Join(installer, "linux")
	source := filepath.Join(installer, "initrd.gz")
	if err := have(kernel, "debian-installer-12-netboot-amd64", busyboxBin, "busybox-static"); err != nil {
		return "", "", err
	}
	recipe := initScript + strings.Join(drivers, " ") + state(source, busyboxBin)
	initrd, err = cached(dir, "linux.initrd", recipe, func(_, path string) error {
		modules, err := readModules(ctx, source, drivers)
		if err != nil {
			return err
		}
		return writeInitrd(path, modules, drivers, nil)
	})
	return kernel, initrd, err
}

// Linux9P is Linux with a kernel that has 9p, which the installer's has not. It
// is one that scripts/deps has unpacked: root is the directory of the module.
func Linux9P(dir, root string) (kernel, initrd string, err error) {
	const name = "linux-image-amd64"
	tree := filepath.Join(root, ".cache/packages", name)
	found, _ := filepath.Glob(filepath.Join(tree, "boot/vmlinuz-*"))
	if len(found) == 0 {
		return "", "", &MissingError{What: tree, Package: name}
	}
	if err := have(busyboxBin, "busybox-static"); err != nil {
		return "", "", err
	}
	recipe := initScript + strings.Join(drivers, " ") + state(found[0], busyboxBin)
	initrd, err = cached(dir, "linux9p.initrd", recipe, func(_, path string) error {
		modules := map[string][]byte{}
		err := filepath.WalkDir(tree, func(p string, d fs.DirEntry, err error) error {
			name := strings.TrimSuffix(filepath.Base(p), ".ko")
			if err == nil && name != filepath.Base(p) && slices.Contains(drivers, name) {
				modules[name+".ko"], err = os.ReadFile(p)
			}
			return err
		})
		if err != nil {
			return err
		}
		return writeInitrd(path, modules, drivers, nil)
	})
	return found[0], initrd, err
}

// readModules returns those of some drivers that the installer's file system has.
func readModules(ctx context.Context, initrd string, names []string) (map[string][]byte, error) {
	wanted := map[string]bool{}
	for _, d := range names {
		wanted[d+".ko"] = true
	}
	// The program takes a second, and the standard library's package, under
	// the race detector, a minute.
	unzip := exec.CommandContext(ctx, "gzip", "-dc", initrd)
	out, err := unzip.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := unzip.Start(); err != nil {
		return nil, err
	}
	modules := map[string][]byte{}
	err = readCPIO(out,
		func(name string) bool { return wanted[path.Base(name)] },
		func(name string, data []byte) { modules[path.Base(name)] = data })
	_, _ = io.Copy(io.Discard, out) // what is behind the end of the archive
	if waited := unzip.Wait(); waited != nil {
		return nil, fmt.Errorf("unpacking %s: %w", initrd, waited)
	}
	return modules, err
}

// writeInitrd writes a file system with drivers, to be loaded in the order of names,
// and with further files, which can be run.
func writeInitrd(path string, modules map[string][]byte, names []string, files map[string][]byte) error {
	busybox, err := os.ReadFile(busyboxBin)
	if err != nil {
		return err
	}
	if e, err := elf.NewFile(bytes.NewReader(busybox)); err != nil {
		return err
	} else if e.Section(".interp") != nil {
		return fmt.Errorf("%s is not static: install the package busybox-static", busyboxBin)
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	c := cpioWriter{w: f} // not compressed: the guest is slower than the host's page cache
	for _, name := range []string{"bin", "dev", "proc", "sys", "drivers"} {
		c.add(name, modeDir, nil)
	}
	c.add("bin/busybox", modeExec, busybox)
	for _, name := range strings.Fields("sh mount cat dd stty insmod stat grep setsid sleep sync ls mkdir poweroff reboot sed ifconfig uname") {
		c.add("bin/"+name, modeLink, []byte("busybox"))
	}
	var list strings.Builder
	for _, d := range names {
		if data, ok := modules[d+".ko"]; ok {
			c.add("drivers/"+d+".ko", modeExec, data)
			fmt.Fprintln(&list, d)
		}
	}
	c.add("drivers/list", modeExec, []byte(list.String()))
	c.add("init", modeExec, []byte(initScript))
	for _, name := range slices.Sorted(maps.Keys(files)) {
		c.add(name, modeExec, files[name])
	}
	if err := c.close(); err != nil {
		return err
	}
	return f.Close()
}
