package qemu

import (
	"regexp"
	"strings"
	"testing"

	"github.com/bootscribe/bootscribe/internal/need"
)

// A riscv64 machine starts the firmware that it is given, which takes what is
// typed on its serial line, and has a keyboard and a screen for one that knows
// them: Debian's U-Boot does not.
func TestRISCV64(t *testing.T) {
	t.Parallel()
	need.Tool(t, "qemu-system-riscv64")
	const uboot = "/usr/lib/u-boot/qemu-riscv64/u-boot.bin"
	need.File(t, uboot, "the package u-boot-qemu has it")
	bare := Config{Binary: "qemu-system-riscv64"}
	if _, err := bare.Preflight(soon(t)); err != nil && !strings.Contains(err.Error(), "u-boot-qemu") {
		t.Errorf("without a firmware: %v", err)
	}
	vm, _ := boot(t, "", func(c *Config) {
		c.Binary, c.Disks, c.Memory = "qemu-system-riscv64", nil, 256
		c.Firmware = Firmware{Type: BIOS, Code: uboot}
	})
	boards, err := vm.keyboards(soon(t))
	if err != nil || boards != (keyboards{usb: true}) {
		t.Errorf("keyboards: %+v, %v", boards, err)
	}
	said := vm.Console().Reader()
	if _, err := said.Expect(soon(t), regexp.MustCompile("Hit any key to stop autoboot")); err != nil {
		t.Fatal(err)
	}
	if err := vm.Console().Send(soon(t), []byte("\r")); err != nil {
		t.Fatal(err)
	}
	if _, err := said.Expect(soon(t), regexp.MustCompile("=> ")); err != nil {
		t.Fatal(err)
	}
	if err := vm.Console().Send(soon(t), []byte("echo a${arch}b\r")); err != nil {
		t.Fatal(err)
	}
	if _, err := said.Expect(soon(t), regexp.MustCompile("ariscvb")); err != nil {
		t.Error(err)
	}
	if c, err := vm.cpu(soon(t)); err != nil || c.kernel() {
		t.Errorf("the firmware is taken for a kernel: %+v, %v", c, err)
	}
}
