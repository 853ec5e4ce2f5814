package qemu

import "fmt"

func (c *Config) checkDrives(f *findings) {
	for i, d := range c.Disks {
		field := fmt.Sprintf("Disks[%d]", i)
		f.path(field+".Path", d.Path, true)
		oneOf(f, field+".Bus", d.Bus, VirtIO, VirtIOSCSI, IDE, SATA, NVMe, USB, SD)
		oneOf(f, field+".Cache", d.Cache, CacheUnsafe, CacheWriteback, CacheWritethrough, CacheNone, CacheDirectSync)
		oneOf(f, field+".Format", d.Format, "qcow2", "raw", "vmdk", "vdi", "vhdx", "vpc", "qed")
		if d.ReadOnly && (d.Bus == IDE || d.Bus == SATA) {
			f.add(field+".ReadOnly", "use bus virtio or virtio-scsi", "a disk on %s cannot be read-only", d.Bus)
		}
		if len(d.Serial) > 20 || d.Serial != "" && !wordRE.MatchString(d.Serial) {
			f.add(field+".Serial", "use up to 20 letters, digits, dots, dashes and underscores", "%q is not a serial number", d.Serial)
		}
		c.checkBus(f, field, d.Bus)
		d.checkCard(f, field)
		if i == 0 && c.Boot != BootCDROM {
			c.checkBoots(f, field, d.bus())
		}
	}
	for i, d := range c.CDROMs {
		field := fmt.Sprintf("CDROMs[%d]", i)
		f.path(field+".Path", d.Path, true)
		oneOf(f, field+".Bus", d.Bus, VirtIO, VirtIOSCSI, IDE, SATA, USB)
		c.checkBus(f, field, d.Bus)
		if i == 0 && c.Boot != BootDisk {
			c.checkBoots(f, field, c.cdBus(d))
		}
	}
	f.path("Floppy", c.Floppy, false)
	if c.Floppy != "" && c.board() != boardPC && c.board() != boardQ35 {
		f.add("Floppy", "put the files on a CD-ROM", "the machine %s has no floppy drive", c.machine())
	}
	c.checkSlots(f)
	c.checkSamePath(f)
}

// checkCard finds what an SD card of QEMU's cannot have.
func (d Disk) checkCard(f *findings, field string) {
	if d.Bus != SD {
		return
	}
	if d.ReadOnly {
		f.add(field+".ReadOnly", "use bus virtio or usb", "a disk on sd cannot be read-only")
	}
	if d.Serial != "" {
		f.add(field+".Serial", "leave it out, or use another bus", "a disk on sd has no serial number")
	}
	if d.Cache == CacheWritethrough || d.Cache == CacheDirectSync {
		f.add(field+".Cache", "use writeback or none", "a disk on sd cannot be told to write through")
	}
}

// checkBoots finds a drive that is the first to boot, and that the firmware
// would pass over for want of a driver: UEFI as distributions build it has none
// for SD cards, and for ARM none for SATA.
func (c *Config) checkBoots(f *findings, field string, bus Bus) {
	blind := bus == SD || bus == SATA && (c.arch() == "aarch64" || c.arch() == "arm")
	booted := c.Kernel == nil && c.Boot != BootNetwork && c.Boot != BootFloppy
	if blind && booted && c.uefi() && c.Firmware.Code == "" {
		f.add(field+".Bus", "use another bus, such as virtio-scsi; for data it can stand behind another drive", "UEFI firmware for %s cannot boot from %s", c.arch(), bus)
	}
}

// checkBus finds a bus that the machine does not have.
func (c *Config) checkBus(f *findings, field string, bus Bus) {
	if bus == SD && c.board() == boardOther {
		f.add(field+".Bus", "use virtio", "the machine %s is not known to take a PCI controller for SD cards", c.machineName())
	}
	if bus == IDE && c.board() != boardPC && c.board() != boardOther {
		f.add(field+".Bus", "use sata or virtio", "the machine %s has no IDE", c.machine())
	}
}

// slots is how many drives fit on a bus; a bus that is not here has no limit
// that anyone would reach.
var slots = map[Bus]int{IDE: 4, SATA: 6, VirtIOSCSI: 255, SD: 1}

func (c *Config) checkSlots(f *findings) {
	used := map[Bus]int{}
	for _, d := range c.Disks {
		used[d.bus()]++
	}
	for _, d := range c.CDROMs {
		used[c.cdBus(d)]++
	}
	for _, bus := range []Bus{IDE, SATA, VirtIOSCSI, SD} {
		if used[bus] > slots[bus] {
			f.add("Disks", "move some to virtio or virtio-scsi", "%d drives on bus %s, which has room for %d with the CD-ROMs", used[bus], bus, slots[bus])
		}
	}
}

// checkSamePath finds an image that would be open for writing twice, which
// QEMU refuses with a message about locks.
func (c *Config) checkSamePath(f *findings) {
	first := map[string]string{}
	for i, d := range c.Disks {
		field := fmt.Sprintf("Disks[%d].Path", i)
		if other, ok := first[d.Path]; ok && !d.ReadOnly && d.Path != "" {
			f.add(field, "make a second image", "%q is also %s", d.Path, other)
		}
		first[d.Path] = field
	}
	for i, d := range c.CDROMs {
		if other, ok := first[d.Path]; ok && d.Path != "" {
			f.add(fmt.Sprintf("CDROMs[%d].Path", i), "give the ISO's path", "%q is also %s", d.Path, other)
		}
	}
}
