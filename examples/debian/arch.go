package main

import (
	"fmt"

	"github.com/bootscribe/bootscribe/qemu"
)

// arch is what is different from one architecture to another.
type arch struct {
	binary  string                      // the emulator
	command func(answers string) string // what is typed at the boot menu, with what the kernel is told
}

var arches = map[string]arch{
	"amd64": {"qemu-system-x86_64", isolinux},
	"arm64": {"qemu-system-aarch64", grub},
}

// isolinux leaves the menu for the prompt. "auto" is a label of the menu: it
// leaves questions about language and keyboard until the preseed file has
// answered them, and asks for nothing that has a default.
func isolinux(answers string) string {
	return `<wait "installer menu"><esc><wait "^boot:">auto ` + answers + "<enter>"
}

// grub leaves the menu for the command line. GRUB is deaf while it loads a
// file, so its next prompt is waited for. Without console=tty0 the installer is
// on the serial line, which the firmware says is the machine's console.
func grub(answers string) string {
	const prompt = `<wait "^ *grub>[^a-z]*$">` // with a cursor
	return `<wait "Install">c` + prompt +
		"linux /install.a64/vmlinuz auto=true priority=critical " + answers + " console=tty0 --- quiet<enter>" + prompt +
		"initrd /install.a64/initrd.gz<enter>" + prompt +
		"boot<enter>"
}

// machine returns the machine to install on.
func (o options) machine() qemu.Config {
	return qemu.Config{Binary: arches[o.arch].binary, CPUs: o.cpus, Memory: o.memory}
}

func (o options) validateArch() error {
	if _, ok := arches[o.arch]; !ok {
		return fmt.Errorf("-arch %s: is not known; write amd64 or arm64", o.arch)
	}
	return nil
}
