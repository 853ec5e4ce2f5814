package qemu

import (
	"path/filepath"
	"runtime"
	"strings"
)

const defaultBinary = "qemu-system-x86_64"

// binary returns the emulator's name or path as configured or by default.
func (c *Config) binary() string {
	if c.Binary == "" {
		return defaultBinary
	}
	return c.Binary
}

// arch returns QEMU's name of the architecture that the binary emulates, by
// the binary's name: x86_64 when that says nothing.
func (c *Config) arch() string {
	base := strings.TrimSuffix(filepath.Base(c.binary()), ".exe")
	if arch, ok := strings.CutPrefix(base, "qemu-system-"); ok && arch != "" {
		return arch
	}
	return "x86_64"
}

func isX86(arch string) bool { return arch == "x86_64" || arch == "i386" }

// hostArch returns QEMU's name of the architecture that this program runs on.
func hostArch() string {
	switch runtime.GOARCH {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	case "386":
		return "i386"
	}
	return runtime.GOARCH
}

// runsNatively reports whether a processor of the host can run arch itself.
func runsNatively(arch string) bool {
	return arch == hostArch() || arch == "i386" && hostArch() == "x86_64"
}

func (c *Config) uefi() bool {
	if c.Firmware.Type == "" {
		return !isX86(c.arch())
	}
	return c.Firmware.Type == UEFI
}

// machine returns the machine type as configured or by default.
func (c *Config) machine() string {
	switch {
	case c.Machine != "":
		return c.Machine
	case !isX86(c.arch()):
		return "virt"
	case c.uefi():
		return "q35"
	}
	return "pc"
}

// machineName returns the machine type without its options.
func (c *Config) machineName() string {
	name, _, _ := strings.Cut(c.machine(), ",")
	return name
}

// board is the family of machine types that have the same buses.
type board int

const (
	boardVirt  board = iota // no legacy devices: virt, microvm, others
	boardPC                 // i440FX: PCI, IDE, floppy
	boardQ35                // PCI Express, AHCI
	boardOther              // of an architecture whose machines we do not know
)

func (c *Config) board() board {
	name := c.machineName()
	switch {
	case name == "q35" || strings.HasPrefix(name, "pc-q35-"):
		return boardQ35
	case name == "pc" || strings.HasPrefix(name, "pc-i440fx-"):
		return boardPC
	case name == "virt" || strings.HasPrefix(name, "virt-"):
		return boardVirt
	}
	return boardOther
}

// cdBus returns the bus of d as configured or by default.
func (c *Config) cdBus(d CDROM) Bus {
	switch {
	case d.Bus != "":
		return d.Bus
	case c.board() == boardPC:
		return IDE
	case c.board() == boardQ35:
		return SATA
	}
	return VirtIOSCSI
}

func (d Disk) bus() Bus {
	if d.Bus == "" {
		return VirtIO
	}
	return d.Bus
}

func (d Disk) format() string {
	if d.Format == "" {
		return "qcow2"
	}
	return d.Format
}

// cpus returns the number of CPUs as configured or by the topology.
func (c *Config) cpus() int {
	if c.CPUs > 0 {
		return c.CPUs
	}
	return max(c.Sockets, 1) * max(c.Cores, 1) * max(c.Threads, 1)
}

func (c *Config) name() string {
	if c.Name == "" {
		return "bootscribe"
	}
	return c.Name
}
