package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	bootsector "github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/internal/typeguest"
	"github.com/bootscribe/bootscribe/qemu"
)

// guest is something to type on, which says itself what has arrived.
type guest struct {
	name   string
	about  string
	config func(ctx context.Context, cache string) (*qemu.Config, error)
	ready  func(ctx context.Context, m *machine) error

	// read returns what has arrived, since the beginning or since clear.
	read func(ctx context.Context, m *machine) (string, error)

	// clear empties the line, for guests that have room for line characters
	// only. Nil means that all is typed in one go.
	clear func(ctx context.Context, m *machine) error
	line  int

	limit int    // how many characters fit; 0 for any number
	fixed string // what is typed, if it is always the same
}

// guests lists all, the quickest first.
var guests = []*guest{
	keyread(),
	isolinux(),
	grub(),
	ipxe(),
	debian(),
	linux("linux", "Linux text console, PS/2 keyboard", ""),
	linux("linux-virtio", "Linux text console, virtio keyboard alone", "virtio"),
	linux("linux-usb", "Linux text console, USB keyboard alone", "usb"),
	uefiShell(),
	grubEFI(),
}

// keyread is the boot sector that reads keys by INT 16h into its memory.
func keyread() *guest {
	g := &guest{name: "keyread", about: "512-byte boot sector, INT 16h", limit: 30000}
	g.config = func(ctx context.Context, cache string) (*qemu.Config, error) {
		path, err := typeguest.KeyRead(ctx, cache)
		return &qemu.Config{Memory: 64, Disks: []qemu.Disk{{Path: path, Format: "raw", ReadOnly: true}}}, err
	}
	g.ready = func(ctx context.Context, m *machine) error {
		return until(ctx, "the boot sector", func() (bool, error) {
			sector, err := m.memory(ctx, 0x7dfe, 4)
			return err == nil && sector[0] == 0x55 && sector[1] == 0xaa && sector[2] == 0 && sector[3] == 0, err
		})
	}
	g.read = func(ctx context.Context, m *machine) (string, error) {
		count, err := m.memory(ctx, bootsector.KeyReadCount, 2)
		if err != nil {
			return "", err
		}
		n := int(binary.LittleEndian.Uint16(count))
		if n == 0 {
			return "", nil
		}
		text, err := m.memory(ctx, bootsector.KeyReadBuffer, n)
		return string(text), err
	}
	return g
}

// linux is the text console of a Linux guest, which puts what is typed into a
// file, with the keyboard of that name: virtio, usb, or else PS/2.
func linux(name, about, keyboard string) *guest {
	g := &guest{name: name, about: about}
	g.config = func(ctx context.Context, cache string) (*qemu.Config, error) {
		kernel, initrd, err := typeguest.Linux(ctx, cache)
		c := &qemu.Config{Memory: 256, Args: []qemu.ArgEdit{
			{Op: qemu.ArgAdd, Option: "-kernel", Value: kernel},
			{Op: qemu.ArgAdd, Option: "-initrd", Value: initrd},
			{Op: qemu.ArgAdd, Option: "-append", Value: "quiet nokaslr mitigations=off console=tty1 keyboard=" + keyboard},
		}}
		switch keyboard {
		case "virtio":
			c.Machine = "pc,i8042=off"
			c.Args = append(c.Args, qemu.ArgEdit{Op: qemu.ArgAdd, Option: "-device", Value: "virtio-keyboard-pci"})
		case "usb":
			c.Machine = "pc,i8042=off"
			c.Args = append(c.Args, qemu.ArgEdit{Op: qemu.ArgAdd, Option: "-device", Value: "qemu-xhci"}, qemu.ArgEdit{Op: qemu.ArgAdd, Option: "-device", Value: "usb-kbd"})
		}
		return c, err
	}
	g.ready = func(ctx context.Context, m *machine) error {
		return until(ctx, "the kernel", func() (bool, error) {
			return strings.Contains(string(m.serial.from(0)), typeguest.LinuxReady), nil
		})
	}
	g.read = func(ctx context.Context, m *machine) (string, error) { return dump(ctx, m) }
	return g
}

// dump asks a Linux guest for what was typed.
func dump(ctx context.Context, m *machine) (text string, err error) {
	before := m.serial.len()
	if err := m.vm.Console().Send(ctx, []byte(typeguest.LinuxDump+"\n")); err != nil {
		return "", err
	}
	return text, until(ctx, "what was typed", func() (bool, error) {
		_, after, ok := strings.Cut(string(m.serial.from(before)), typeguest.LinuxBegin+" ")
		number, after, ok2 := strings.Cut(after, "\n")
		var n int
		if !ok || !ok2 {
			return false, nil
		}
		if _, err := fmt.Sscan(number, &n); err != nil {
			return false, err
		}
		text = after[:min(n, len(after))]
		return len(text) == n, nil
	})
}
