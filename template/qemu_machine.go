package template

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bootscribe/bootscribe/qemu"
)

func (q *qemuBuilder) machine() {
	vm := &q.b.Image.VM
	vm.Binary = q.str("qemu_binary")
	vm.Machine = q.str("machine_type")
	vm.CPU = q.str("cpu_model")
	vm.VGA = q.str("vga")
	vm.Memory = 512
	if q.given("memory") {
		vm.Memory = q.int("memory")
		if vm.Memory < 16 {
			q.fail("memory", fmt.Sprintf("%d MiB is too little", vm.Memory), "memory is in MiB: write 2048 for 2 GiB")
			vm.Memory = 512
		}
	}
	for _, c := range []struct {
		option string
		into   *int
	}{{"cpus", &vm.CPUs}, {"sockets", &vm.Sockets}, {"cores", &vm.Cores}, {"threads", &vm.Threads}} {
		if *c.into = q.int(c.option); *c.into < 0 {
			q.fail(c.option, fmt.Sprintf("%d is negative", *c.into), "write a number from 1")
			*c.into = 0
		}
	}
	if most := max(vm.Sockets, 1) * max(vm.Cores, 1) * max(vm.Threads, 1); (vm.Sockets|vm.Cores|vm.Threads) != 0 && vm.CPUs > most {
		vm.CPUs = most // as Packer does
	}
	switch a := q.str("accelerator"); a {
	case "xen", "hax":
		q.notYet("accelerator", "the accelerator "+a, "write kvm, tcg, hvf or whpx, or leave it out for the fastest that works")
	case "none":
		vm.Accel = qemu.TCG
	default:
		if q.oneOf("accelerator", "none", "kvm", "tcg", "hvf", "whpx") {
			vm.Accel = qemu.Accel(a)
		}
	}
	q.qmpSocket()
	q.is("VM", "")
	for field, option := range map[string]string{"VM.Accel": "accelerator", "VM.Binary": "qemu_binary", "VM.Machine": "machine_type",
		"VM.CPU": "cpu_model", "VM.CPUs": "cpus", "VM.Sockets": "sockets", "VM.Cores": "cores", "VM.Threads": "threads",
		"VM.Memory": "memory", "VM.VGA": "vga", "VM.Disks": "disk_interface", "VM.CDROMs": "cdrom_interface"} {
		q.is(field, option)
	}
}

// qmpSocket opens a socket for other programs where one is asked for.
func (q *qemuBuilder) qmpSocket() {
	if !q.yes("qmp_enable") {
		if q.given("qmp_socket_path") {
			q.warn("qmp_socket_path", "has no effect without qmp_enable", `write "qmp_enable": true, or remove it`)
		}
		return
	}
	q.b.Image.VM.QMPSocket = q.or("qmp_socket_path", filepath.Join(q.b.Dir, q.vmName+".monitor"))
	q.is("VM.QMPSocket", "qmp_socket_path")
}

// shares are in the order of their tags.
func (q *qemuBuilder) shares() {
	dirs := q.dict("shares")
	for _, tag := range slices.Sorted(maps.Keys(dirs)) {
		q.b.Image.VM.Shares = append(q.b.Image.VM.Shares, qemu.Share{Tag: tag, Path: dirs[tag]})
	}
	q.is("VM.Shares", "shares")
	dirs = q.dict("virtiofs_shares")
	for _, tag := range slices.Sorted(maps.Keys(dirs)) {
		q.is(fmt.Sprintf("VM.Shares[%d]", len(q.b.Image.VM.Shares)), "virtiofs_shares")
		q.b.Image.VM.Shares = append(q.b.Image.VM.Shares, qemu.Share{Tag: tag, Path: dirs[tag], Type: qemu.VirtioFS, Writable: true})
	}
}

func (q *qemuBuilder) efi() bool {
	return q.yes("efi_boot") || q.yes("efi_secure_boot") || q.given("efi_firmware_code") || q.given("efi_firmware_vars")
}

func (q *qemuBuilder) firmware() {
	f := &q.b.Image.VM.Firmware
	switch code := q.str("firmware"); {
	case code != "" && q.efi():
		q.fail("firmware", "and EFI are both asked for", "remove firmware, or the efi options")
	case code != "" && q.yes("use_pflash"):
		f.Type, f.Code = qemu.UEFI, code
	case code != "":
		f.Type, f.Code = qemu.BIOS, code
	case q.efi():
		f.Type, f.SecureBoot = qemu.UEFI, q.yes("efi_secure_boot")
		f.Code, f.Vars = q.str("efi_firmware_code"), q.str("efi_firmware_vars")
		f.CodeFormat, f.VarsFormat = pflashFormat(f.Code), pflashFormat(f.Vars)
		if f.Vars != "" && f.Code == "" {
			q.fail("efi_firmware_vars", "is given without efi_firmware_code, and the two belong together", "give both, or none to have them found")
		}
		if !q.yes("efi_drop_efivars") {
			f.VarsFile = filepath.Join(q.b.Dir, "efivars.fd")
		}
	}
	q.is("VM.Firmware", "efi_boot")
	if q.given("firmware") {
		q.is("VM.Firmware", "firmware")
	}
	q.is("VM.Firmware.Code", "efi_firmware_code")
	q.is("VM.Firmware.Vars", "efi_firmware_vars")
}

func pflashFormat(path string) string {
	if strings.HasSuffix(path, ".qcow2") {
		return "qcow2"
	}
	return ""
}

// display opens a window where one is asked for and can be had.
func (q *qemuBuilder) display() {
	wanted := q.or("display", "gtk")
	if q.yes("headless") || q.yes("use_default_display") || wanted == "none" {
		return
	}
	x, _ := q.engine.env("DISPLAY")
	wayland, _ := q.engine.env("WAYLAND_DISPLAY")
	if x == "" && wayland == "" {
		if q.has("headless") || q.has("display") {
			q.b.Watch = true
			q.warn("headless", "false, but there is no display to open a window on", "watch the live page instead, or write true")
		}
		return
	}
	q.b.Image.VM.Display = wanted
	q.is("VM.Display", "display")
}
