package template

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/qemu"
)

// diskImage makes of the medium the image that the disk begins as.
func (q *qemuBuilder) diskImage() {
	image := &q.b.Image
	if !q.yes("disk_image") {
		for _, option := range []string{"use_backing_file", "skip_resize_disk"} {
			if q.yes(option) {
				q.fail(option, "is about a disk image, and disk_image is not true", "add disk_image, or remove it")
			}
		}
		return
	}
	image.Disk.Image, image.Media = image.Media, iso.Source{}
	q.b.names["Disk.Image"], q.b.names["Disk.Image.Checksum"] = q.b.names["Media"], q.b.names["Media.Checksum"]
	if q.yes("skip_resize_disk") {
		image.Disk.Size = 0
	}
	if !q.yes("use_backing_file") {
		return
	}
	image.Disk.Overlay = true
	if f := q.or("format", "qcow2"); f != "qcow2" {
		q.fail("use_backing_file", fmt.Sprintf("an image of the format %s cannot have a backing file", f), `write "format": "qcow2"`)
	}
	q.is("Disk.Overlay", "use_backing_file")
}

// imgArgs reads qemu_img_args.
func (q *qemuBuilder) imgArgs() {
	v := q.values["qemu_img_args"]
	if v == nil {
		return
	}
	args := &q.b.Image.ImgArgs
	known := map[string]*[]string{"create": &args.Create, "convert": &args.Convert, "resize": &args.Resize}
	for _, m := range v.members {
		into := known[m.name]
		if into == nil {
			q.failAt(m.at, "qemu_img_args", fmt.Sprintf("qemu-img is not used for %q", m.name), meant(m.name, slices.Collect(keysOf(known))))
			continue
		}
		*into = m.texts()
	}
	for command, field := range map[string]string{"create": "Create", "convert": "Convert", "resize": "Resize"} {
		q.b.names["ImgArgs."+field] = named{option: q.field("qemu_img_args." + command), at: q.place("qemu_img_args")}
	}
	if q.asCreated() && len(args.Create) > 0 {
		if len(args.Convert) == 0 {
			q.b.names["ImgArgs.Convert"] = q.b.names["ImgArgs.Create"]
		}
		args.Create, args.Convert = nil, append(args.Create, args.Convert...)
	}
	if err := args.Validate(); err != nil {
		q.errs = append(q.errs, flatten(q.b.translate(err))...)
	}
}

// asCreated tells whether Packer would publish the disk as qemu-img create has
// made it. Here the machine's own disk is never what is published.
func (q *qemuBuilder) asCreated() bool {
	format := q.or("format", "qcow2")
	switch {
	case q.yes("disk_image") && !q.yes("use_backing_file"):
		return false // it is not created but copied
	case q.yes("disk_compression") && format != "raw":
		return false
	}
	return q.yes("skip_compaction") || q.yes("use_backing_file") || format != "qcow2"
}

// buses puts disks and CD-ROMs where the template wants them. It comes when the
// machine is known: what Packer calls ide is the machine's own controller, which
// q35 has for SATA.
func (q *qemuBuilder) buses() {
	if q.oneOf("disk_interface", "virtio", "virtio-scsi", "scsi", "ide", "sata", "nvme", "usb", "sd") {
		q.b.Image.Disk.Bus = q.bus("disk_interface")
		q.b.bus = q.b.Image.Disk.Bus
	}
	if n := q.b.Image.Disk.Size; q.b.bus == qemu.SD && n&(n-1) != 0 && !q.yes("disk_image") {
		at := q.place("disk_interface")
		if q.has("disk_size") {
			at = q.place("disk_size")
		}
		q.failAt(at, "disk_size", fmt.Sprintf("%d MiB is no size of an SD card, which is a power of two", n>>20), `write "32G" or "64G"`)
	}
	if q.oneOf("cdrom_interface", "ide", "sata", "scsi", "virtio-scsi", "virtio", "usb") {
		q.b.Image.CDBus = q.bus("cdrom_interface")
	}
	q.is("Disk.Bus", "disk_interface")
	q.is("CDBus", "cdrom_interface")
}

func (q *qemuBuilder) bus(option string) qemu.Bus {
	machine := q.b.Image.VM.Machine
	switch bus := q.str(option); {
	case bus == "scsi":
		return qemu.VirtIOSCSI
	case bus == "ide" && (strings.Contains(machine, "q35") || machine == "" && q.efi()):
		return qemu.SATA
	default:
		return qemu.Bus(bus)
	}
}
