package qemu

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// Preflight looks at the host: that QEMU is there and answers, that the files
// are, that a firmware fits and an accelerator works. It returns what
// [Config.CommandLine] needs to know, or everything that is wrong at once,
// what [Config.Validate] finds included, each with a remedy.
//
// The first call in a process takes a few tenths of a second, and up to three
// seconds more where an accelerator is there that does not work.
func (c *Config) Preflight(ctx context.Context) (*Host, error) {
	var f findings
	if err := c.Validate(); err != nil {
		f = append(f, err)
	}
	c.checkFiles(&f)
	h := &Host{}
	c.findTPM(&f, h)
	c.findVirtioFSD(&f, h)
	arch := c.arch()
	if path, err := lookBinary(c.binary()); err != nil {
		f.add("Binary", installQEMU(arch), "%v", err)
	} else {
		h.Binary = path
		c.askHost(ctx, &f, h)
	}
	if len(f) > 0 {
		return nil, errors.Join(f...)
	}
	return h, nil
}

// lookBinary returns the absolute path of a program.
func lookBinary(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", err // also one found in the current directory only
	}
	return filepath.Abs(path)
}

// askHost finds out what the QEMU in h can do.
func (c *Config) askHost(ctx context.Context, f *findings, h *Host) {
	q, err := probe(ctx, h.Binary)
	if err != nil {
		*f = append(*f, err)
		return
	}
	h.Version, h.Lacks, h.Sandbox = q.version, q.lacks, q.sandbox
	if c.RequireSandbox && !q.sandbox {
		f.add("RequireSandbox", "use a QEMU built with seccomp, or drop it", "QEMU's seccomp filter does not work here")
	}
	h.Machine = q.machines[c.machineName()]
	if h.Machine == "" {
		f.add("Machine", "see `"+c.binary()+" -machine help`", "this QEMU has no machine %q", c.machineName())
		return
	}
	if c.uefi() && c.Firmware.Code == "" {
		c.findFirmware(f, h, q.arch)
	}
	c.checkWindow(ctx, f, h)
	if c.TPM != nil && !h.has(c.tpmModel()) {
		f.add("TPM", installQEMU(q.arch), "this QEMU has no %s", c.tpmModel())
	}
	c.checkShareDevices(f, h, q.arch)
	h.Accel, h.AccelReason, err = chooseAccel(ctx, c.Accel, h.Binary, q.arch)
	if err != nil {
		*f = append(*f, err)
	}
}

func (c *Config) findFirmware(f *findings, h *Host, arch string) {
	prefix := filepath.Dir(filepath.Dir(h.Binary))
	fw, err := FindFirmware(FirmwareQuery{
		Arch: arch, Machine: h.Machine, SecureBoot: c.Firmware.SecureBoot, Dirs: FirmwareDirs(prefix),
	})
	if err != nil {
		remedy := installFirmware(arch)
		if arch == "riscv64" {
			remedy += "; or set Type to bios and Code to another firmware, such as the U-Boot of Debian's u-boot-qemu"
		}
		f.add("Firmware.Code", remedy, "%v", err)
		return
	}
	h.Firmware = fw
}

// checkFiles finds files that are not there or cannot be used.
func (c *Config) checkFiles(f *findings) {
	for i, d := range c.Disks {
		checkFile(f, fmt.Sprintf("Disks[%d].Path", i), d.Path, !d.ReadOnly, "create it with package qemuimg")
	}
	for i, d := range c.CDROMs {
		checkFile(f, fmt.Sprintf("CDROMs[%d].Path", i), d.Path, false, "fetch it with package iso")
	}
	checkFile(f, "Floppy", c.Floppy, true, "make it with package iso")
	checkFile(f, "Firmware.Code", c.Firmware.Code, false, "leave it empty to find the distribution's")
	checkFile(f, "Firmware.Vars", c.Firmware.Vars, false, "leave it empty with Code to find the distribution's")
	if k := c.Kernel; k != nil {
		checkFile(f, "Kernel.Path", k.Path, false, "give the path of a kernel")
		checkFile(f, "Kernel.Initrd", k.Initrd, false, "leave it empty for none")
	}
	for i, w := range c.FwCfg {
		checkFile(f, fmt.Sprintf("FwCfg[%d].Path", i), w.Path, false, "write it, or give what it holds as Text")
	}
	c.checkShared(f)
	c.checkViewerPath(f)
	if c.QMPSocket != "" {
		f.freeSocket("QMPSocket", c.QMPSocket)
	}
	if c.Dir != "" && !isDir(c.Dir) {
		f.add("Dir", "create it, or leave it empty", "%q is not a directory", c.Dir)
	}
}

func checkFile(f *findings, field, path string, write bool, remedy string) {
	if path == "" {
		return
	}
	fi, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.add(field, remedy, "%q does not exist", path)
		return
	case err != nil:
		f.add(field, "", "%v", err)
		return
	case fi.IsDir():
		f.add(field, "give the path of a file", "%q is a directory", path)
		return
	case !fi.Mode().IsRegular() && fi.Mode()&os.ModeDevice == 0:
		f.add(field, "give the path of a file", "%q is neither a file nor a device", path)
		return
	}
	flag := os.O_RDONLY
	if write {
		flag = os.O_RDWR
	}
	file, err := os.OpenFile(path, flag, 0)
	if err != nil {
		f.add(field, "change its permissions", "%v", err)
		return
	}
	file.Close()
}
