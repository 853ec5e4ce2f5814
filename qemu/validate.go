package qemu

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// ConfigError is one thing that is wrong with a [Config].
type ConfigError struct {
	Field   string // the field as Go writes it, such as Disks[1].Bus
	Problem string // what is wrong
	Remedy  string // what to write instead or to do
}

// Error returns field, problem and remedy in one line.
func (e *ConfigError) Error() string {
	s := "qemu: " + e.Field + ": " + e.Problem
	if e.Remedy != "" {
		s += "; " + e.Remedy
	}
	return s
}

// findings collects what is wrong.
type findings []error

func (f *findings) add(field, remedy, format string, args ...any) {
	*f = append(*f, &ConfigError{Field: field, Problem: fmt.Sprintf(format, args...), Remedy: remedy})
}

// oneOf finds a value that is not among those allowed, of which the empty
// string always is one.
func oneOf[T ~string](f *findings, field string, value T, allowed ...T) {
	if value == "" || slices.Contains(allowed, value) {
		return
	}
	names := make([]string, len(allowed))
	for i, a := range allowed {
		names[i] = string(a)
	}
	f.add(field, "write one of "+strings.Join(names, ", "), "unknown value %q", string(value))
}

// path finds a path that no file can have, or that JSON cannot carry.
func (f *findings) path(field, path string, required bool) {
	switch {
	case path == "" && required:
		f.add(field, "give the path of the image", "is empty")
	case strings.ContainsRune(path, 0):
		f.add(field, "remove it", "path %q has a NUL byte", path)
	case !utf8.ValidString(path):
		f.add(field, "rename the file or link to it", "path %q is not UTF-8, which QEMU's options must be", path)
	}
}

// Validate returns everything that is wrong with c, a [ConfigError] each,
// joined by [errors.Join]. It looks at nothing but c: whether the files and
// programs are there is [Config.Preflight]'s to say.
func (c *Config) Validate() error {
	var f findings
	c.checkMachine(&f)
	c.checkCPU(&f)
	c.checkFirmware(&f)
	c.checkKernel(&f)
	c.checkFwCfg(&f)
	c.checkDrives(&f)
	c.checkShares(&f)
	c.checkNICs(&f)
	c.checkDisplay(&f)
	c.checkTPM(&f)
	c.checkQMPSocket(&f)
	for i, e := range c.Args {
		e.check(&f, fmt.Sprintf("Args[%d]", i))
	}
	return errors.Join(f...)
}

var (
	nameRE    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
	machineRE = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*(,[A-Za-z0-9_.-]+=[^,\x00]+)*$`)
	wordRE    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	displayRE = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*(,[a-z-]+=[^,\x00]+)*$`)
	bridgeRE  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$`)
)

func (c *Config) checkMachine(f *findings) {
	if c.Name != "" && !nameRE.MatchString(c.Name) {
		f.add("Name", "use 1 to 63 letters, digits, dots, dashes and underscores", "%q cannot name a machine", c.Name)
	}
	if strings.ContainsRune(c.VirtioFSD, 0) {
		f.add("VirtioFSD", "give a path or leave it empty", "%q has a NUL byte", c.VirtioFSD)
	}
	if strings.ContainsRune(c.Binary, 0) {
		f.add("Binary", "give a path or a name like "+defaultBinary, "%q has a NUL byte", c.Binary)
	}
	if c.Machine != "" && !machineRE.MatchString(c.Machine) {
		f.add("Machine", "write a type like pc, q35 or virt; further options as type,option=value", "%q is not a machine type", c.Machine)
	}
	oneOf(f, "Accel", c.Accel, TCG, KVM, HVF, WHPX)
	oneOf(f, "Boot", c.Boot, BootCDROMOnce, BootCDROM, BootDisk, BootFloppy, BootNetwork)
	f.path("Dir", c.Dir, false)
	if c.NoSandbox && c.RequireSandbox {
		f.add("RequireSandbox", "drop one of them", "contradicts NoSandbox")
	}
	if c.DebugConsole != nil && !c.HasDebugPort() {
		f.add("DebugConsole", "set it to nil, or use the machine pc or q35", "the machine %s has no port for it", c.machineName())
	}
	if c.Display != "" && c.RequireSandbox {
		f.add("RequireSandbox", "drop Display; VNC shows the screen", "a machine with a window runs without the sandbox")
	}
}

// checkQMPSocket finds a path that cannot be a socket, or is another one.
func (c *Config) checkQMPSocket(f *findings) {
	if c.QMPSocket == "" {
		return
	}
	f.socketPath("QMPSocket", c.QMPSocket)
	if path, ok := c.viewerPath(); ok && path == c.QMPSocket {
		f.add("QMPSocket", "choose another path", "%q is also Viewer", path)
	}
}

func (c *Config) checkCPU(f *findings) {
	if strings.ContainsRune(c.CPU, 0) || strings.HasPrefix(c.CPU, "-") {
		f.add("CPU", "write a model like max, host or Haswell,-rtm", "%q is not a CPU model", c.CPU)
	}
	fields := []struct {
		name  string
		value int
		max   int
	}{{"CPUs", c.CPUs, 1024}, {"Sockets", c.Sockets, 1024}, {"Cores", c.Cores, 1024}, {"Threads", c.Threads, 1024}}
	for _, n := range fields {
		if n.value < 0 || n.value > n.max {
			f.add(n.name, fmt.Sprintf("write 1 to %d, or 0 for the default", n.max), "%d is out of range", n.value)
			return
		}
	}
	// A topology that is given in part is completed by QEMU, which needs a
	// number of CPUs that it divides.
	product := max(c.Sockets, 1) * max(c.Cores, 1) * max(c.Threads, 1)
	complete := c.Sockets > 0 && c.Cores > 0 && c.Threads > 0
	if c.CPUs > 0 && (complete && c.CPUs != product || c.CPUs%product != 0) {
		f.add("CPUs", fmt.Sprintf("write %d or leave it 0", product),
			"%d CPUs do not fill a topology of %d (sockets × cores × threads)", c.CPUs, product)
	}
	if c.Memory != 0 && (c.Memory < 16 || c.Memory > 64<<20) {
		f.add("Memory", "write MiB, 16 at least, or 0 for 1024", "%d MiB is out of range", c.Memory)
	}
}

func (c *Config) checkFirmware(f *findings) {
	fw := &c.Firmware
	oneOf(f, "Firmware.Type", fw.Type, BIOS, UEFI)
	f.path("Firmware.Code", fw.Code, false)
	f.path("Firmware.Vars", fw.Vars, false)
	f.path("Firmware.VarsFile", fw.VarsFile, false)
	oneOf(f, "Firmware.CodeFormat", fw.CodeFormat, "raw", "qcow2")
	oneOf(f, "Firmware.VarsFormat", fw.VarsFormat, "raw", "qcow2")
	if !c.uefi() && (fw.Vars != "" || fw.VarsFile != "" || fw.SecureBoot) {
		f.add("Firmware", "set Type to uefi or drop Vars, VarsFile and SecureBoot", "BIOS has no variables and no Secure Boot")
	}
	if !c.uefi() && !isX86(c.arch()) && fw.Code == "" {
		f.add("Firmware.Type", "write uefi or leave it empty, or give the Code of another firmware, such as U-Boot", "%s has no BIOS", c.arch())
	}
	if fw.Vars != "" && fw.Code == "" {
		f.add("Firmware.Code", "give the code that the variables belong to, or drop Vars", "is empty while Vars is set")
	}
	if fw.SecureBoot && c.board() == boardPC {
		f.add("Firmware.SecureBoot", "set Machine to q35 or leave it empty", "the machine pc has no protected memory for it")
	}
}

func (c *Config) checkDisplay(f *findings) {
	if c.Display != "" && !displayRE.MatchString(c.Display) {
		f.add("Display", "write a display like gtk or sdl, or nothing", "%q is not a display", c.Display)
	}
	if c.VGA != "" && !wordRE.MatchString(c.VGA) {
		f.add("VGA", "write a card like std, virtio or none", "%q is not a graphics card", c.VGA)
	}
	c.checkViewer(f)
}

func (c *Config) checkNICs(f *findings) {
	seen := map[string]bool{}
	for i, n := range c.NICs {
		field := fmt.Sprintf("NICs[%d]", i)
		oneOf(f, field+".Mode", n.Mode, NetUser, NetBridge, NetNone)
		if n.Model != "" && !wordRE.MatchString(n.Model) {
			f.add(field+".Model", "write a device like virtio-net-pci or e1000", "%q is not a device", n.Model)
		}
		if n.MAC != "" {
			checkMAC(f, field+".MAC", n.MAC, seen)
		}
		switch {
		case n.Mode == NetBridge && !bridgeRE.MatchString(n.Bridge):
			f.add(field+".Bridge", "name a bridge of the host, such as br0", "%q is not an interface", n.Bridge)
		case n.Mode != NetBridge && n.Bridge != "":
			f.add(field+".Bridge", "set Mode to bridge or drop it", "is used in mode bridge only")
		}
		user := n.Mode == "" || n.Mode == NetUser
		if !user && (len(n.Forwards) > 0 || n.Restrict) {
			f.add(field+".Forwards", "set Mode to user or drop Forwards and Restrict", "QEMU forwards ports in mode user only")
		}
		checkForwards(f, field+".Forwards", n.Forwards)
	}
}

func checkMAC(f *findings, field, mac string, seen map[string]bool) {
	hw, err := net.ParseMAC(mac)
	switch {
	case err != nil || len(hw) != 6:
		f.add(field, "write six bytes like 52:54:00:12:34:56", "%q is not a MAC address", mac)
	case hw[0]&1 != 0:
		f.add(field, "make the first byte even", "%q is a group address, which no card can have", mac)
	case seen[hw.String()]:
		f.add(field, "give each card its own", "%q is given twice", mac)
	default:
		seen[hw.String()] = true
	}
}

func checkForwards(f *findings, field string, forwards []Forward) {
	taken := map[string]bool{}
	for i, w := range forwards {
		at := fmt.Sprintf("%s[%d]", field, i)
		if w.HostAddr != "" {
			if a, err := netip.ParseAddr(w.HostAddr); err != nil || !a.Is4() {
				f.add(at+".HostAddr", "write an IPv4 address, or nothing for 127.0.0.1", "%q is not one", w.HostAddr)
			}
		}
		if w.HostPort < 0 || w.HostPort > 65535 {
			f.add(at+".HostPort", "write 1 to 65535, or 0 for a free port", "%d is not a port", w.HostPort)
		}
		if w.HostPortMax != 0 && (w.HostPort == 0 || w.HostPortMax < w.HostPort || w.HostPortMax > 65535) {
			f.add(at+".HostPortMax", "write a port from HostPort to 65535, or 0", "%d to %d is not a range of ports", w.HostPort, w.HostPortMax)
		}
		if w.GuestPort < 1 || w.GuestPort > 65535 {
			f.add(at+".GuestPort", "write 1 to 65535, such as 22", "%d is not a port", w.GuestPort)
		}
		key := fmt.Sprint(w.hostAddr(), ":", w.HostPort)
		if w.HostPort != 0 && w.HostPortMax == 0 && taken[key] {
			f.add(at+".HostPort", "choose another, or 0 for a free port", "%s is forwarded twice", key)
		}
		taken[key] = w.HostPortMax == 0 || taken[key]
	}
}

// HasDebugPort reports whether the machine, of whatever else may be wrong with
// it, has the port that DebugConsole is for: a PC has.
func (c *Config) HasDebugPort() bool {
	b := c.board()
	return isX86(c.arch()) && (b == boardPC || b == boardQ35)
}
