package imagebuild

import (
	"context"
	"errors"
	"testing"

	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/qemu"
)

// A boot command is typed to the firmware of a riscv64 machine, on the serial
// line: Debian's U-Boot takes no other keys.
func TestTypeRISCV64(t *testing.T) {
	t.Parallel()
	need.Tool(t, "qemu-system-riscv64")
	const uboot = "/usr/lib/u-boot/qemu-riscv64/u-boot.bin"
	need.File(t, uboot, "the package u-boot-qemu has it")
	b, _ := newBuild(t, guest.Button,
		WaitSerial("Hit any key to stop autoboot"), TypeSerial("<enter>"), WaitSerial("=> "),
		TypeSerial("setenv x 'one two'<enter>echo ${arch}: $x<enter>"), WaitSerial("riscv: one two"),
		do("end", func(context.Context, *Guest) error { return errSeen }))
	b.VM.Binary, b.VM.Memory, b.VM.Firmware = "qemu-system-riscv64", 256, qemu.Firmware{Type: qemu.BIOS, Code: uboot}
	if _, err := b.Run(soon(t)); !errors.Is(err, errSeen) {
		t.Error(err)
	}
}
