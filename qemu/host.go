package qemu

import "slices"

// Host is what a machine's command line depends on beside its [Config]: what
// [Config.Preflight] found out about this host. The zero value stands for a
// host about which nothing is known but what the Config says.
type Host struct {
	// Binary is the emulator's absolute path; empty means as configured.
	Binary string

	// Version is QEMU's version, for people to read.
	Version string

	// Machine is the versioned name of the machine type, such as
	// pc-i440fx-7.2, which firmware descriptors are matched with.
	Machine string

	// Accel is the accelerator to use; empty means the Config's, or else TCG.
	Accel Accel

	// AccelReason says why it was chosen, with what was measured.
	AccelReason string

	// Firmware is the firmware to use where the Config leaves it open.
	Firmware Firmware

	// TPM is the absolute path of swtpm; empty for a machine without a TPM.
	TPM string

	// VirtioFSD is the absolute path of virtiofsd; empty for a machine without
	// a share by virtiofs.
	VirtioFSD string

	// Sandbox says that QEMU's seccomp filter works here.
	Sandbox bool

	// Lacks are optional devices that this QEMU does not have: pvpanic and
	// virtio-rng-pci are then left out of the command line, and a
	// TPM or a share is an error.
	Lacks []string

	// serial is the path of the serial port's pipes, when they are there.
	serial string
}

// accel returns the accelerator that the machine will run with.
func (c *Config) accel(h *Host) Accel {
	switch {
	case h.Accel != "":
		return h.Accel
	case c.Accel != "":
		return c.Accel
	}
	return TCG
}

func (h *Host) has(device string) bool { return !slices.Contains(h.Lacks, device) }

// firmware returns the firmware that the machine will run with.
func (c *Config) firmware(h *Host) Firmware {
	fw := c.Firmware
	if fw.Code == "" {
		fw.Code, fw.CodeFormat = h.Firmware.Code, h.Firmware.CodeFormat
		fw.Vars, fw.VarsFormat = h.Firmware.Vars, h.Firmware.VarsFormat
	}
	if fw.VarsFile == "" {
		fw.VarsFile = h.Firmware.VarsFile
	}
	return fw
}
