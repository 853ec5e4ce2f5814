package qemu

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bootscribe/bootscribe/internal/need"
)

// arm64Loader is GRUB for arm64 as the Debian installer has it. It takes its
// configuration from the file system that it is started from.
const (
	arm64Loader = "/usr/lib/debian-installer/images/12/arm64/text/debian-installer/arm64/grubaa64.efi"
	arm64Config = "debian-installer/arm64/grub/grub.cfg"
)

// arm64Media makes a CD-ROM and a disk that start GRUB with these commands.
func arm64Media(t *testing.T, onCD, onDisk string) (cd, disk string) {
	t.Helper()
	need.Tool(t, "qemu-system-aarch64")
	need.Tool(t, "xorriso")
	need.Tool(t, "mformat")
	need.File(t, arm64Loader, "the package debian-installer-12-netboot-arm64 has it")
	dir := t.TempDir()
	cd, disk = filepath.Join(dir, "cd.iso"), filepath.Join(dir, "disk.img")
	script := `set -e
put() { # IMAGE MEGABYTES COMMANDS
	truncate -s "$2M" "$1" && mformat -i "$1" ::
	mmd -i "$1" ::/EFI ::/EFI/BOOT ::/debian-installer ::/debian-installer/arm64 ::/debian-installer/arm64/grub
	mcopy -i "$1" "$LOADER" ::/EFI/BOOT/BOOTAA64.EFI
	printf '%s\n' "$3" | mcopy -i "$1" - "::/$CONFIG"
}
put "$DISK" 64 "$ON_DISK"
mkdir -p "$TREE/${CONFIG%/*}"
put "$TREE/efi.img" 8 "$ON_CD"
printf '%s\n' "$ON_CD" >"$TREE/$CONFIG"
xorriso -as mkisofs -quiet -o "$CD" -R -e efi.img -no-emul-boot "$TREE"`
	cmd := exec.Command("sh", "-c", script)
	cmd.Env = append(os.Environ(), "CD="+cd, "DISK="+disk, "TREE="+filepath.Join(dir, "tree"), "LOADER="+arm64Loader, "CONFIG="+arm64Config, "ON_CD="+onCD, "ON_DISK="+onDisk)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return cd, disk
}

// An arm64 machine needs nothing but its disk and its CD-ROM to be told: it
// boots the CD-ROM first and the disk after the first reset, and has one
// keyboard and a screen.
func TestARM64(t *testing.T) {
	t.Parallel()
	cd, disk := arm64Media(t, "reboot", "halt")
	vm, e := boot(t, disk, func(c *Config) {
		c.Binary, c.Memory, c.CDROMs = "qemu-system-aarch64", 512, []CDROM{{Path: cd}}
	})
	boards, err := vm.keyboards(soon(t))
	if err != nil || boards != (keyboards{usb: true}) {
		t.Errorf("keyboards: %+v, %v", boards, err)
	}
	if tree, err := vm.QMP().HMP(soon(t), "info qtree"); err != nil || !strings.Contains(tree, "dev: virtio-gpu-pci") {
		t.Errorf("no screen: %v", err)
	}
	if r := next[Reset](t, e); !r.Guest {
		t.Errorf("%+v", r)
	}
	if s := next[ShutDown](t, e); s.Reason != "guest-shutdown" {
		t.Errorf("the disk did not boot after a reset: %+v", s)
	}
}

// The machine virt has the screen that is asked for, and no second keyboard
// beside one that is added.
func TestVirtDevices(t *testing.T) {
	t.Parallel()
	need.Tool(t, "qemu-system-aarch64")
	need.File(t, "/usr/share/AAVMF/AAVMF_CODE.fd", "the package qemu-efi-aarch64 has it")
	for vga, device := range map[string]string{"": "virtio-gpu-pci", "std": "VGA", "ramfb": "ramfb", "none": ""} {
		vm, _ := boot(t, "", func(c *Config) {
			c.Binary, c.Disks, c.VGA, c.Memory = "qemu-system-aarch64", nil, vga, 512
			c.Args = []ArgEdit{{Op: ArgAdd, Option: "device", Value: "virtio-keyboard-pci"}}
		})
		tree, err := vm.QMP().HMP(soon(t), "info qtree")
		if err != nil || device != "" && !strings.Contains(tree, "dev: "+device+",") || strings.Contains(tree, "dev: qemu-xhci") {
			t.Errorf("VGA %q: %v\n%s", vga, err, tree)
		}
		if boards, err := vm.keyboards(soon(t)); err != nil || boards != (keyboards{virtio: true}) {
			t.Errorf("keyboards: %+v, %v", boards, err)
		}
	}
}

// What QEMU prints of processors that are not of a PC, with firmware, a kernel
// and a process of its.
func TestOtherCPUs(t *testing.T) {
	for out, want := range map[string]bool{
		" PC=000000005f2d1a30 X00=0000000000000000\nPSTATE=60000305 -ZC- EL1h\n": false,
		" PC=ffffd5a1b2c4e6f8 X00=0000000000000000\nPSTATE=60000305 -ZC- EL1h\n": true,
		" PC=0000aaaac2f41a30 X00=0000000000000000\nPSTATE=60001000 -ZC- EL0t\n": true,
	} {
		if c, err := arm64CPU(out); err != nil || c.kernel() != want {
			t.Errorf("%q: %+v, %v", out, c, err)
		}
	}
	for out, want := range map[string]bool{
		" pc       0000000080200000\n mtvec    0000000080000510\n stvec    0000000080212344\n vstvec   ffffffff80003014\n": false,
		" pc       00007fff95a4b2c0\n mtvec    0000000080000510\n stvec    ffffffff80003014\n vstvec   0000000000000000\n": true,
	} {
		if c, err := riscv64CPU(out); err != nil || c.kernel() != want {
			t.Errorf("%q: %+v, %v", out, c, err)
		}
	}
	if _, err := arm64CPU("EAX=00000000"); err == nil {
		t.Error("no error without a program counter")
	}
}
