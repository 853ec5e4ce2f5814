package qemu

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
)

// installer is what a person types on a system to get a missing package.
type installer struct {
	ids     []string // of /etc/os-release
	command string
	qemu    map[string]string // package by architecture; "" for all others
	uefi    map[string]string
	window  map[string]string // what QEMU opens windows with; nil where there is no such package
}

var installers = []installer{
	{[]string{"debian", "ubuntu"}, "apt-get install",
		map[string]string{"x86_64": "qemu-system-x86", "i386": "qemu-system-x86", "aarch64": "qemu-system-arm", "arm": "qemu-system-arm", "": "qemu-system-misc"},
		map[string]string{"aarch64": "qemu-efi-aarch64", "riscv64": "qemu-efi-riscv64", "": "ovmf"},
		map[string]string{"": "qemu-system-gui"}},
	{[]string{"fedora"}, "dnf install",
		map[string]string{"x86_64": "qemu-system-x86", "aarch64": "qemu-system-aarch64", "riscv64": "qemu-system-riscv", "": "qemu"},
		map[string]string{"aarch64": "edk2-aarch64", "riscv64": "edk2-riscv64", "": "edk2-ovmf"},
		map[string]string{"": "qemu-ui-gtk"}},
	{[]string{"rhel", "centos"}, "dnf install",
		map[string]string{"": "qemu-kvm, and set Binary to /usr/libexec/qemu-kvm"}, map[string]string{"aarch64": "edk2-aarch64", "": "edk2-ovmf"}, nil},
	{[]string{"arch"}, "pacman -S",
		map[string]string{"x86_64": "qemu-system-x86", "aarch64": "qemu-system-aarch64", "riscv64": "qemu-system-riscv", "": "qemu-full"},
		map[string]string{"aarch64": "edk2-aarch64", "": "edk2-ovmf"},
		map[string]string{"": "qemu-ui-gtk"}},
	{[]string{"suse", "opensuse"}, "zypper install",
		map[string]string{"x86_64": "qemu-x86", "aarch64": "qemu-arm", "": "qemu-extra"},
		map[string]string{"aarch64": "qemu-uefi-aarch64", "": "qemu-ovmf-x86_64"},
		map[string]string{"": "qemu-ui-gtk"}},
	{[]string{"alpine"}, "apk add",
		map[string]string{"x86_64": "qemu-system-x86_64", "aarch64": "qemu-system-aarch64", "": "qemu"},
		map[string]string{"aarch64": "aavmf", "": "ovmf"},
		map[string]string{"": "qemu-ui-gtk"}},
	{[]string{"darwin"}, "brew install", map[string]string{"": "qemu"}, map[string]string{"": "qemu"}, nil},
}

func installQEMU(arch string) string {
	return installHint(osIDs(), "QEMU", arch, func(in installer) map[string]string { return in.qemu })
}

func installFirmware(arch string) string {
	return installHint(osIDs(), "a UEFI firmware", arch, func(in installer) map[string]string { return in.uefi })
}

func installWindow() string {
	return installHint(osIDs(), "a QEMU with windows", "all", func(in installer) map[string]string { return in.window })
}

// installHint returns what to do to get a package, on a system that calls
// itself by ids, the most specific first.
func installHint(ids []string, what, arch string, packages func(installer) map[string]string) string {
	for _, id := range ids {
		for _, in := range installers {
			if !slices.Contains(in.ids, id) {
				continue
			}
			name := packages(in)[arch]
			if name == "" {
				name = packages(in)[""]
			}
			if name != "" {
				return fmt.Sprintf("install it: %s %s", in.command, name)
			}
		}
	}
	return "install " + what + " for " + arch + " guests"
}

// osIDs returns what this system calls itself and what it is like.
func osIDs() []string {
	if runtime.GOOS != "linux" {
		return []string{runtime.GOOS}
	}
	text, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return nil
	}
	return parseOSRelease(string(text))
}

func parseOSRelease(text string) []string {
	var id, like []string
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		value = strings.Trim(value, `"'`)
		switch key {
		case "ID":
			id = strings.Fields(value)
		case "ID_LIKE":
			like = strings.Fields(value)
		}
	}
	return append(id, like...)
}
