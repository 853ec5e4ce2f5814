package qemu

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/internal/typeguest"
	"github.com/bootscribe/bootscribe/iso"
)

// emptyFile returns a file of the size of a floppy.
func emptyFile(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, make([]byte, 1440<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// blocks returns the file of every drive that QEMU has, by its device.
func blocks(t *testing.T, vm *VM) map[string]string {
	t.Helper()
	var list []struct {
		QDev     string
		Inserted struct{ File string }
	}
	if err := vm.QMP().Execute(soon(t), "query-block", nil, &list); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, b := range list {
		id := strings.TrimPrefix(strings.TrimSuffix(b.QDev, "/virtio-backend"), "/machine/peripheral/")
		if b.Inserted.File != "" {
			files[id] = b.Inserted.File
		}
	}
	return files
}

// QEMU accepts every bus, and has behind each drive the file that was meant.
func TestBuses(t *testing.T) {
	disks := map[string][]Bus{
		"pc":  {VirtIO, VirtIOSCSI, IDE, SATA, NVMe, USB, SD},
		"q35": {VirtIO, VirtIOSCSI, SATA, NVMe, USB, SD},
	}
	cds := map[string][]Bus{
		"pc":  {"", IDE, SATA, VirtIO, VirtIOSCSI, USB},
		"q35": {"", SATA, VirtIO, VirtIOSCSI, USB},
	}
	caches := []Cache{"", CacheWriteback, CacheWritethrough, CacheNone, CacheDirectSync}
	for machine := range disks {
		t.Run(machine, func(t *testing.T) {
			t.Parallel()
			want := map[string]string{"floppy0": emptyFile(t, "floppy")}
			vm, _ := boot(t, "", func(c *Config) {
				c.Machine, c.Floppy, c.Disks, c.Memory = machine, want["floppy0"], nil, 64
				for i, bus := range disks[machine] {
					path := guest.Disk(t, nil)
					want[fmt.Sprint("disk", i)] = path
					c.Disks = append(c.Disks, Disk{Path: path, Format: "raw", Bus: bus, Cache: caches[i%len(caches)]})
				}
				for i, bus := range cds[machine] {
					path := emptyFile(t, fmt.Sprint("cd", i))
					want[fmt.Sprint("cd", i)] = path
					c.CDROMs = append(c.CDROMs, CDROM{Path: path, Bus: bus})
				}
			})
			if diff := cmp.Diff(want, blocks(t, vm)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever a file is called, QEMU opens that file.
func TestPaths(t *testing.T) {
	need.Tool(t, defaultBinary)
	dir := t.TempDir()
	t.Chdir(dir)
	names := []string{"a b", "a,b", "a,,b", "a=b", "nbd:localhost", "a\nb", `a"b\c`, "-a", "ü€", "json:{}", "file=x,file.locking=off", "<&>"}
	vm, _ := boot(t, "", func(c *Config) {
		c.Disks = nil
		for _, name := range names {
			if err := os.WriteFile(name, make([]byte, 4096), 0o600); err != nil {
				t.Fatal(err)
			}
			c.Disks = append(c.Disks, Disk{Path: name, Format: "raw"})
		}
		c.Viewer = "unix:" + filepath.Join(dir, "v,n\nc =")
	})
	want := map[string]string{}
	for i, name := range names {
		want[fmt.Sprint("disk", i)] = filepath.Join(dir, name)
	}
	if diff := cmp.Diff(want, blocks(t, vm)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if fi, err := os.Stat(filepath.Join(dir, "v,n\nc =")); err != nil || fi.Mode()&os.ModeSocket == 0 {
		t.Errorf("no VNC socket: %v", err)
	}
}

// A CD-ROM boots first and a disk after the first reset.
func TestBootCDROMOnce(t *testing.T) {
	t.Parallel()
	for _, machine := range []string{"pc", "q35"} {
		// On bus virtio a plain boot sector stands in for a CD-ROM's.
		_, e := boot(t, guest.Disk(t, guest.PowerOff), func(c *Config) {
			c.Machine = machine
			c.CDROMs = []CDROM{{Path: guest.Disk(t, guest.Reset), Bus: VirtIO}}
		})
		if r := next[Reset](t, e); !r.Guest {
			t.Errorf("%s: %+v", machine, r)
		}
		if s := next[ShutDown](t, e); s.Reason != "guest-shutdown" {
			t.Errorf("%s: the disk did not boot after a reset: %+v", machine, s)
		}
	}
}

// A card, which has no place in QEMU's boot order, boots when it should.
func TestBootCard(t *testing.T) {
	t.Parallel()
	for _, machine := range []string{"pc", "q35"} {
		_, e := boot(t, guest.Disk(t, guest.PowerOff), func(c *Config) {
			c.Machine, c.Disks[0].Bus = machine, SD
			c.CDROMs = []CDROM{{Path: guest.CD(t, guest.Reset)}}
		})
		if r := next[Reset](t, e); !r.Guest {
			t.Errorf("%s: %+v", machine, r)
		}
		if s := next[ShutDown](t, e); s.Reason != "guest-shutdown" {
			t.Errorf("%s: the card did not boot after a reset: %+v", machine, s)
		}
	}
	// With a CD-ROM and a floppy that are behind it.
	vm, _ := boot(t, guest.Disk(t, guest.PowerOff), func(c *Config) {
		c.Disks[0].Bus, c.Boot = SD, BootDisk
		c.CDROMs, c.Floppy = []CDROM{{Path: guest.CD(t, guest.Show("CD"))}}, guest.Disk(t, guest.Show("floppy"))
	})
	if err := vm.Wait(soon(t)); err != nil {
		t.Error(err)
	}
	// And behind a disk.
	vm, _ = boot(t, guest.Disk(t, guest.PowerOff), func(c *Config) {
		c.Disks = append(c.Disks, Disk{Path: guest.Disk(t, guest.Show("card")), Format: "raw", Bus: SD})
	})
	if err := vm.Wait(soon(t)); err != nil {
		t.Error(err)
	}
}

// Without the order a boot from the CD-ROM would go on for ever.
func TestBootCDROM(t *testing.T) {
	t.Parallel()
	_, e := boot(t, guest.Disk(t, guest.PowerOff), func(c *Config) {
		c.CDROMs, c.Boot = []CDROM{{Path: guest.Disk(t, guest.Reset), Bus: VirtIO}}, BootCDROM
	})
	for range 3 {
		next[Reset](t, e)
	}
}

// A CD-ROM boots from every bus that has such drives, beside a disk on the same
// bus.
func TestBootCDFromBus(t *testing.T) {
	t.Parallel()
	for machine, buses := range map[string][]Bus{
		"pc":  {IDE, SATA, VirtIOSCSI, USB, VirtIO},
		"q35": {SATA, VirtIOSCSI, USB, VirtIO},
	} {
		for _, bus := range buses {
			t.Run(fmt.Sprint(machine, " ", bus), func(t *testing.T) {
				t.Parallel()
				vm, _ := boot(t, guest.Disk(t, guest.Show("the disk")), func(c *Config) {
					medium := guest.CD(t, guest.PowerOff)
					if bus == VirtIO { // which is a disk to the firmware
						medium = guest.Disk(t, guest.PowerOff)
					}
					c.Machine, c.Disks[0].Bus, c.CDROMs = machine, bus, []CDROM{{Path: medium, Bus: bus}}
				})
				if err := vm.Wait(soon(t)); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// UEFI has a driver for each bus but an SD card's, and on ARM SATA's: its shell
// lists a file on each disk.
func TestUEFISeesBuses(t *testing.T) {
	t.Parallel()
	for binary, firmware := range map[string]string{
		"qemu-system-x86_64":  "/usr/share/qemu/firmware/60-edk2-x86_64.json",
		"qemu-system-aarch64": "/usr/share/qemu/firmware/60-edk2-aarch64.json",
	} {
		t.Run(binary, func(t *testing.T) {
			t.Parallel()
			need.Tool(t, binary)
			need.File(t, firmware, "install the package ovmf or qemu-efi-aarch64")
			buses := []Bus{VirtIO, VirtIOSCSI, NVMe, USB, SATA}
			if binary == "qemu-system-aarch64" {
				buses = buses[:4]
			}
			uefiSeesBuses(t, binary, buses)
		})
	}
}

func uefiSeesBuses(t *testing.T, binary string, buses []Bus) {
	t.Helper()
	script := "@echo -off\r\nfor %i in 0 1 2 3 4\r\n  ls fs%i:\\*.on\r\nendfor\r\nreset -s\r\n"
	vm, _ := boot(t, "", func(c *Config) {
		c.Binary, c.Memory, c.Firmware.Type, c.Disks = binary, 256, UEFI, nil
		for _, bus := range buses {
			disk := filepath.Join(t.TempDir(), "disk")
			files := iso.Volume{Content: map[string]string{"startup.nsh": script, string(bus) + ".on": ""}}
			if err := files.CreateFloppy(soon(t), disk); err != nil {
				t.Fatal(err)
			}
			c.Disks = append(c.Disks, Disk{Path: disk, Format: "raw", Bus: bus})
		}
	})
	if err := vm.Wait(soon(t)); err != nil {
		t.Error(err)
	}
	said := vm.Console().Tail(64 << 10)
	for _, bus := range buses {
		if !strings.Contains(said, " "+string(bus)+".on") {
			t.Errorf("no file of the disk on %s in %q", bus, said)
		}
	}
}

// A real medium, which is a hybrid as those of distributions are, boots with
// UEFI from USB and from a virtio disk, and with BIOS from that.
func TestBootHybrid(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts machines; run without -short")
	}
	medium, err := typeguest.GRUB(t.Context(), t.TempDir())
	if missing := new(typeguest.MissingError); errors.As(err, &missing) {
		need.Skip(t, err.Error())
	} else if err != nil {
		t.Fatal(err)
	}
	for _, bus := range []Bus{USB, VirtIO} {
		vm, _ := boot(t, guest.Disk(t, nil), func(c *Config) {
			c.Memory, c.Firmware.Type, c.CDROMs = 256, UEFI, []CDROM{{Path: medium, Bus: bus}}
		})
		if _, err := vm.Console().Wait(soon(t), regexp.MustCompile("grub>")); err != nil {
			t.Errorf("UEFI, %s: %v", bus, err)
		}
		if err := vm.Close(); err != nil {
			t.Error(err)
		}
	}
	vm, _ := boot(t, guest.Disk(t, nil), func(c *Config) {
		c.Memory, c.CDROMs = 64, []CDROM{{Path: medium, Bus: VirtIO}}
	})
	for ctx := soon(t); !strings.Contains(vgaLetters(ctx, vm), "grub>"); time.Sleep(50 * time.Millisecond) {
		if ctx.Err() != nil {
			t.Fatalf("BIOS: no grub> in %q", vgaLetters(t.Context(), vm))
		}
	}
}

// vgaLetters returns a text screen without its attributes; empty if there is none.
func vgaLetters(ctx context.Context, vm *VM) string {
	cells, _, _ := vm.VGAText(ctx)
	letters := make([]byte, len(cells)/2)
	for i := range letters {
		letters[i] = cells[2*i]
	}
	return string(letters)
}

// A disk boots from every bus.
func TestBootFromBus(t *testing.T) {
	t.Parallel()
	for _, bus := range []Bus{VirtIO, VirtIOSCSI, IDE, SATA, NVMe, USB, SD} {
		vm, _ := boot(t, guest.Disk(t, guest.PowerOff), func(c *Config) { c.Disks[0].Bus = bus })
		if err := vm.Wait(soon(t)); err != nil {
			t.Errorf("%s: %v", bus, err)
		}
	}
	vm, _ := boot(t, "", func(c *Config) { c.Disks, c.Floppy = nil, guest.Disk(t, guest.PowerOff) })
	if err := vm.Wait(soon(t)); err != nil {
		t.Errorf("floppy: %v", err)
	}
}
