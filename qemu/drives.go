package qemu

import (
	"fmt"
	"slices"
)

// drives adds disks, CD-ROMs and the floppy, with the numbers that the
// firmware boots them by.
func (b *builder) drives() {
	p := &plugs{b: b, order: b.c.bootIndexes()}
	for i, d := range b.c.Disks {
		p.disk(fmt.Sprintf("disk%d", i), d)
	}
	for i, d := range b.c.CDROMs {
		p.cdrom(fmt.Sprintf("cd%d", i), d)
	}
	if b.c.Floppy != "" {
		p.floppy(b.c.Floppy)
	}
}

// plugs plugs drives into a machine's buses, adding a controller where the
// first drive on it needs one.
type plugs struct {
	b               *builder
	order           map[string]int
	ide, sata, scsi int // drives so far
}

func (p *plugs) disk(id string, d Disk) {
	p.node(diskNode(id, p.b.abs(d.Path), d))
	dev := p.port(id, d.bus(), "hd")
	dev.set("drive", id)
	serial := d.Serial
	if serial == "" && d.bus() == NVMe {
		serial = id // NVMe does without no serial number
	}
	dev.setIf("serial", serial)
	if d.Cache == CacheWritethrough || d.Cache == CacheDirectSync {
		dev.set("write-cache", "off")
	}
	p.device(dev, id, d.bus())
}

func (p *plugs) cdrom(id string, d CDROM) {
	bus := p.b.c.cdBus(d)
	p.node(object{
		{"node-name", id}, {"driver", "raw"}, {"read-only", true},
		{"file", object{{"driver", "file"}, {"filename", p.b.abs(d.Path)}, {"read-only", true}}},
	})
	dev := p.port(id, bus, "cd")
	dev.set("drive", id)
	p.device(dev, id, bus)
}

func (p *plugs) node(o object) { p.b.args.json("-blockdev", o) }

// device completes a drive: an error of the host's file system stops the
// machine instead of confusing the guest, and the firmware learns its place.
func (p *plugs) device(dev object, id string, bus Bus) {
	if bus != NVMe && bus != SD { // which have no such properties
		dev.set("werror", "stop")
		dev.set("rerror", "stop")
	}
	if n, ok := p.order[id]; ok {
		dev.set("bootindex", n)
	}
	p.b.args.json("-device", dev)
}

// port returns a device on the next free port of bus; kind is hd or cd.
func (p *plugs) port(id string, bus Bus, kind string) object {
	switch bus {
	case IDE:
		n := p.ide
		p.ide++
		return object{{"driver", "ide-" + kind}, {"id", id}, {"bus", fmt.Sprintf("ide.%d", n/2)}, {"unit", n % 2}}
	case SATA:
		return p.sataPort(id, kind)
	case VirtIOSCSI:
		if p.scsi == 0 {
			p.b.args.json("-device", object{{"driver", "virtio-scsi-pci"}, {"id", "scsi0"}})
		}
		p.scsi++
		return object{{"driver", "scsi-" + kind}, {"id", id}, {"bus", "scsi0.0"}, {"scsi-id", p.scsi - 1}}
	case NVMe:
		return object{{"driver", "nvme"}, {"id", id}}
	case SD:
		p.b.args.json("-device", object{{"driver", "sdhci-pci"}, {"id", "sdhci0"}})
		return object{{"driver", "sd-card"}, {"id", id}}
	case USB:
		p.b.usb()
		// usb-storage would make a disk of it; usb-bot is the same bridge
		// without the drive.
		p.b.args.json("-device", object{{"driver", "usb-bot"}, {"id", "usb-" + id}, {"bus", "usb0.0"}})
		return object{{"driver", "scsi-" + kind}, {"id", id}, {"bus", "usb-" + id + ".0"}}
	}
	return object{{"driver", "virtio-blk-pci"}, {"id", id}}
}

// sataPort uses the controller that q35 has and adds one to other machines.
func (p *plugs) sataPort(id, kind string) object {
	bus := "sata0"
	switch {
	case p.b.c.board() == boardQ35:
		bus = "ide"
	case p.sata == 0:
		p.b.args.json("-device", object{{"driver", "ich9-ahci"}, {"id", bus}})
	}
	p.sata++
	return object{{"driver", "ide-" + kind}, {"id", id}, {"bus", fmt.Sprintf("%s.%d", bus, p.sata-1)}}
}

// floppy adds the drive; pc has a controller, q35 gets one. The place in the
// boot order is a property of the controller.
func (p *plugs) floppy(path string) {
	p.node(object{
		{"node-name", "floppy0"}, {"driver", "raw"},
		{"file", object{{"driver", "file"}, {"filename", p.b.abs(path)}}},
	})
	n, ok := p.order["floppy0"]
	if !ok {
		n = -1 // none
	}
	if p.b.c.board() == boardPC {
		p.b.args.json("-device", object{{"driver", "floppy"}, {"id", "floppy0"}, {"drive", "floppy0"}})
		p.b.args.add("-global", fmt.Sprintf("driver=isa-fdc,property=bootindexA,value=%d", n))
		return
	}
	p.b.args.json("-device", object{{"driver", "isa-fdc"}, {"id", "fdc"}, {"bootindexA", n}})
	p.b.args.json("-device", object{{"driver", "floppy"}, {"id", "floppy0"}, {"bus", "fdc.0"}, {"drive", "floppy0"}})
}

// diskNode describes the image: its format is said and never guessed, and the
// file below it is a plain file whatever its name looks like.
func diskNode(id, path string, d Disk) object {
	cache := object{
		{"direct", d.Cache == CacheNone || d.Cache == CacheDirectSync},
		{"no-flush", d.Cache == CacheUnsafe || d.Cache == ""},
	}
	o := object{{"node-name", id}, {"driver", d.format()}}
	file := object{{"driver", "file"}, {"filename", path}}
	if d.ReadOnly {
		o.set("read-only", true)
		file.set("read-only", true)
	}
	o.set("cache", cache)
	file.set("cache", cache)
	if !d.NoTrim {
		o.set("discard", "unmap")
		o.set("detect-zeroes", "unmap")
		file.set("discard", "unmap")
	}
	o.set("file", file)
	return o
}

// bootIndexes returns the place of every bootable device by its id. QEMU has
// none for an SD card, which SeaBIOS boots when it has tried those that have a
// place: before CD-ROMs without one, so what is behind a card has none either.
func (c *Config) bootIndexes() map[string]int {
	disks, cds, nics := ids("disk", len(c.Disks)), ids("cd", len(c.CDROMs)), ids("nic", len(c.NICs))
	var floppies []string
	if c.Floppy != "" {
		floppies = []string{"floppy0"}
	}
	order := [][]string{cds, disks, floppies}
	switch c.Boot {
	case BootDisk:
		order = [][]string{disks, cds, floppies}
	case BootFloppy:
		order = [][]string{floppies, disks, cds}
	case BootNetwork:
		order = [][]string{nics, disks, cds, floppies}
	}
	index := map[string]int{}
	for _, id := range slices.Concat(order...) {
		if id == c.card() {
			break
		}
		index[id] = len(index) + 1
	}
	return index
}

// card returns the id of the disk on an SD card, or "".
func (c *Config) card() string {
	for i, d := range c.Disks {
		if d.Bus == SD {
			return fmt.Sprintf("disk%d", i)
		}
	}
	return ""
}

func ids(kind string, n int) []string {
	s := make([]string, n)
	for i := range s {
		s[i] = fmt.Sprintf("%s%d", kind, i)
	}
	return s
}

// bootLater is the place in the boot order of a CD-ROM once the machine has
// started: behind whatever else there is.
func (c *Config) bootLater(i int) int {
	if c.card() != "" {
		return -1 // a card has no place that could be before one
	}
	return 1000 + i
}

// once reports whether CD-ROMs are booted on the first boot only.
func (c *Config) once() bool {
	return (c.Boot == "" || c.Boot == BootCDROMOnce) && len(c.Disks) > 0 && len(c.CDROMs) > 0
}
