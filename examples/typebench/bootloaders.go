package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/bootscribe/bootscribe/internal/typeguest"
	"github.com/bootscribe/bootscribe/qemu"
)

// isolinux is the prompt of ISOLINUX.
func isolinux() *guest {
	g := &guest{name: "isolinux", about: "ISOLINUX 6, boot: prompt", line: 600, config: cd(128, typeguest.ISOLINUX)}
	// ISOLINUX begins a new row after 80 characters, whatever the prompt has
	// taken of the first. It loses its place on the screen when a line of
	// several rows is cleared, so the empty line is entered, which asks for a
	// kernel that is not there and brings a new prompt.
	p := prompt{text: "boot: ", newline: 80, clear: "<leftCtrlOn>u<leftCtrlOff><enter>"}
	return p.of(g)
}

// grub is the prompt of GRUB with BIOS.
func grub() *guest {
	g := &guest{name: "grub", about: "GRUB 2 with BIOS, grub> prompt", line: 500, config: cd(128, typeguest.GRUB)}
	return prompt{text: "grub> ", clear: clearLine}.of(g)
}

// ipxe is the prompt of iPXE. What is cleared must not be longer than a row,
// since the BIOS does not go back from one row to the one before.
func ipxe() *guest {
	iso := func(context.Context, string) (string, error) { return typeguest.IPXE() }
	g := prompt{text: "iPXE> ", clear: clearLine}.of(&guest{name: "ipxe", about: "iPXE with BIOS, iPXE> prompt", line: 70, config: cd(128, iso)})
	ready := g.ready
	g.ready = func(ctx context.Context, m *machine) error {
		if err := m.shows(ctx, "iPXE initialising devices...ok"); err != nil {
			return err
		}
		if err := m.press(ctx, "<leftCtrlOn>b<leftCtrlOff>"); err != nil {
			return err
		}
		return ready(ctx, m)
	}
	return g
}

// debian is the prompt behind the boot menu of the Debian installer.
func debian() *guest {
	g := &guest{name: "debian", about: "boot: prompt of the Debian installer, a tutorial's boot command", fixed: debianCommand, config: cd(256, typeguest.Debian)}
	g = prompt{text: "boot: ", newline: 80, clear: "<leftCtrlOn>u<leftCtrlOff><enter>"}.of(g)
	ready := g.ready
	g.ready = func(ctx context.Context, m *machine) error {
		if err := m.still(ctx); err != nil {
			return err
		}
		if err := m.press(ctx, "<esc>"); err != nil {
			return err
		}
		return ready(ctx, m)
	}
	return g
}

// debianCommand is what a tutorial has typed at the Debian installer's prompt,
// without its <wait>s: 340 characters.
var debianCommand = strings.Join([]string{
	"install",
	"preseed/url=http://10.0.2.2:8000/preseed.cfg",
	"debian-installer=en_US",
	"auto",
	"locale=en_US.UTF-8",
	"kbd-chooser/method=us",
	"keyboard-configuration/xkb-keymap=us",
	"netcfg/get_hostname=debian",
	"netcfg/get_domain=lan",
	"fb=false",
	"debconf/frontend=noninteractive",
	"console-setup/ask_detect=false",
	"console-keymaps-at/keymap=us",
	"grub-installer/bootdev=/dev/vda",
}, " ")

// grubEFI is the prompt of GRUB with UEFI, read from the serial line, on which
// the firmware writes all that it shows.
func grubEFI() *guest {
	c := cd(256, typeguest.GRUB)
	g := &guest{name: "grub-efi", about: "GRUB 2 with UEFI, grub> prompt", line: 60}
	g.config = func(ctx context.Context, cache string) (*qemu.Config, error) {
		config, err := c(ctx, cache)
		config.Firmware.Type = qemu.UEFI
		return config, err
	}
	return prompt{text: "grub> ", serial: true, clear: clearLine}.of(g)
}

// uefiShell is the UEFI shell that is part of OVMF, read as grubEFI is.
func uefiShell() *guest {
	g := &guest{name: "uefi-shell", about: "the shell of OVMF", line: 60}
	g.config = func(context.Context, string) (*qemu.Config, error) {
		return &qemu.Config{Memory: 256, Firmware: qemu.Firmware{Type: qemu.UEFI}}, nil
	}
	g = prompt{text: "Shell> ", serial: true, clear: "<esc>"}.of(g)
	ready := g.ready
	g.ready = func(ctx context.Context, m *machine) error {
		// It counts down from 5 here, unless a key is pressed.
		if err := m.says(ctx, "to continue"); err != nil {
			return err
		}
		if err := m.press(ctx, "<esc>"); err != nil {
			return err
		}
		return ready(ctx, m)
	}
	return g
}

const clearLine = "<leftCtrlOn>u<leftCtrlOff>"

// cd returns a machine that boots a CD.
func cd(memory int, image func(context.Context, string) (string, error)) func(context.Context, string) (*qemu.Config, error) {
	return func(ctx context.Context, cache string) (*qemu.Config, error) {
		path, err := image(ctx, cache)
		return &qemu.Config{Memory: memory, CDROMs: []qemu.CDROM{{Path: path}}}, err
	}
}

// prompt is where a line is typed.
type prompt struct {
	text    string
	newline int    // as in typeguest.Screen.Line
	serial  bool   // read it from the serial line, and not from a PC's text screen
	clear   string // what empties the line
}

// line returns what has been typed, and false if there is no prompt.
func (p prompt) line(ctx context.Context, m *machine) (string, bool, error) {
	if p.serial {
		line, ok := m.serial.line(p.text)
		return line, ok, nil
	}
	s, err := m.text(ctx)
	if err != nil {
		return "", false, err
	}
	line, ok := s.Line(p.text, p.newline)
	return line, ok, nil
}

// empty waits until the prompt is there and nothing behind it.
func (p prompt) empty(ctx context.Context, m *machine) error {
	return until(ctx, fmt.Sprintf("the empty prompt %q", p.text), func() (bool, error) {
		line, ok, err := p.line(ctx, m)
		return ok && line == "", err
	})
}

// of completes a guest that has this prompt.
func (p prompt) of(g *guest) *guest {
	g.ready = p.empty
	g.read = func(ctx context.Context, m *machine) (string, error) {
		line, ok, err := p.line(ctx, m)
		if err == nil && !ok {
			err = fmt.Errorf("%s: there is no prompt %q on the screen", g.name, p.text)
		}
		return line, err
	}
	g.clear = func(ctx context.Context, m *machine) error {
		if err := m.press(ctx, p.clear); err != nil {
			return err
		}
		return p.empty(ctx, m)
	}
	return g
}
