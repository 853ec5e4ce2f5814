package qemu

import (
	"cmp"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// The descriptors that QEMU inherits. [os/exec] gives the first of
// ExtraFiles the number 3.
const (
	qmpFD    = 3
	debugFD  = 4
	tpmFD    = 5
	othersFD = 6
	sharesFD = 7 // and up: those by virtiofs
)

// CommandLine returns QEMU's arguments, without the program's name: in the
// same order each time, and with relative paths made absolute. h is what
// [Config.Preflight] found; nil stands for a host about which nothing is known,
// with TCG for automatic acceleration. The machine starts paused and is
// controlled through inherited descriptors, 3 for QMP, 4 for the debug console,
// 5 for the TPM, 6 for QMPSocket and from 7 on for shares by virtiofs, and its
// serial port is a pair of pipes that get their names when it starts, so the
// command line is for reading and comparing; [Start] runs it.
//
// An error means that c is not valid, or that an edit in Args matched nothing,
// or that the firmware is not known.
func (c *Config) CommandLine(h *Host) ([]string, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if h == nil {
		h = &Host{}
	}
	b := &builder{c: c, h: h}
	b.process()
	b.machine()
	b.control()
	b.kernel()
	b.fwCfg()
	b.platform()
	b.tpm()
	b.display()
	b.drives()
	b.shares()
	b.network()
	if b.err != nil {
		return nil, b.err
	}
	l, err := b.args.apply(c.Args)
	if err != nil {
		return nil, err
	}
	return l.strings(), nil
}

// builder makes one command line.
type builder struct {
	c    *Config
	h    *Host
	args argList
	err  error // the first

	hasUSB bool // there is a USB controller, usb0
}

func (b *builder) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// abs makes a path absolute, so that it cannot be taken for a protocol
// (a:b.img), an option (-x.img) or a name relative to somewhere else.
func (b *builder) abs(path string) string {
	p, err := filepath.Abs(path)
	if err != nil {
		b.fail(fmt.Errorf("qemu: path %q: %w", path, err))
	}
	return p
}

func (b *builder) process() {
	b.args.add("-name", b.c.name())
	b.args.fixed("-no-user-config", "")
	b.args.fixed("-nodefaults", "")
	if b.c.sandbox() && b.h.Sandbox {
		b.args.add("-sandbox", b.c.sandboxValue())
	}
	b.args.fixed("-S", "")
}

func (c *Config) sandbox() bool { return !c.NoSandbox && c.Display == "" }

// sandboxValue returns the filter's options. A bridge is opened by a setuid
// program that QEMU runs, which needs what is denied otherwise.
func (c *Config) sandboxValue() string {
	for _, n := range c.NICs {
		if n.Mode == NetBridge {
			return "on,obsolete=deny,resourcecontrol=deny"
		}
	}
	return "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
}

func (b *builder) machine() {
	machine := b.c.machine() + b.flash() + b.sharedMemory()
	if b.c.uefi() && b.c.Firmware.SecureBoot && b.c.board() == boardQ35 {
		machine += ",smm=on"
		b.args.add("-global", "driver=cfi.pflash01,property=secure,value=on")
	}
	accel := b.c.accel(b.h)
	b.args.add("-machine", machine)
	b.args.add("-accel", accelValue(accel, b.c.arch(), b.c.cpus()))
	b.args.add("-cpu", b.c.cpu(accel))
	b.args.add("-smp", b.c.smp())
	b.args.add("-m", strconv.Itoa(b.c.memory())+"M")
	b.args.add("-rtc", "base=utc")
	strict := "on"
	if b.c.card() != "" {
		strict = "off" // see bootIndexes
	}
	b.args.add("-boot", "menu=off,strict="+strict)
}

// translated is how much memory, in MiB, TCG may fill with translated code
// before it throws all of it away. By default that is up to 1 GiB, and none of
// it goes when the guest resets. Each store to a page that a translation was
// made of has to look for it first, so that the boot loader of a system that
// has just been installed takes three times as long, or more, to write its
// kernel to where the installer ran. (QEMU 7.2, Linux guest: 35 s instead of
// 8 s from reset to kernel.) A boot of Linux translates some 400 MiB, of which
// the most is never run again.
const translated = 96

// accelValue asks TCG for one thread per CPU, except where QEMU could not give
// it: an x86 guest's order of memory accesses on an ARM host.
func accelValue(a Accel, arch string, cpus int) string {
	if a != TCG {
		return string(a)
	}
	value := "tcg,tb-size=" + strconv.Itoa(translated)
	if cpus > 1 && (!isX86(arch) || runtime.GOARCH == "amd64" || runtime.GOARCH == "386") {
		value += ",thread=multi"
	}
	return value
}

func (c *Config) cpu(a Accel) string {
	switch {
	case c.CPU != "":
		return c.CPU
	case a == KVM || a == HVF:
		return "host"
	case c.arch() == "aarch64":
		// Pointers are signed by an algorithm of QEMU's own: to compute
		// the architected one takes most of the time that a guest runs.
		return "max,pauth-impdef=on"
	case c.arch() == "riscv64":
		return "rv64" // max is there from QEMU 8.2 on
	}
	return "max"
}

func (c *Config) memory() int {
	if c.Memory == 0 {
		return 1024
	}
	return c.Memory
}

func (c *Config) smp() string {
	s := []string{strconv.Itoa(c.cpus())}
	for _, t := range []struct {
		name string
		n    int
	}{{"sockets", c.Sockets}, {"cores", c.Cores}, {"threads", c.Threads}} {
		if t.n > 0 {
			s = append(s, fmt.Sprintf("%s=%d", t.name, t.n))
		}
	}
	return strings.Join(s, ",")
}

// flash adds the firmware and returns what -machine must say of it.
func (b *builder) flash() string {
	fw := b.c.firmware(b.h)
	if !b.c.uefi() {
		if fw.Code != "" {
			b.args.add("-bios", b.abs(fw.Code))
		}
		return ""
	}
	if fw.Code == "" {
		b.fail(&ConfigError{Field: "Firmware.Code", Problem: "no UEFI firmware is known yet", Remedy: "give it, or pass the Host that Preflight returns"})
		return ""
	}
	b.args.json("-blockdev", b.flashNode("flash0", fw.Code, fw.CodeFormat, true))
	if fw.VarsFile == "" {
		return ",pflash0=flash0"
	}
	b.args.json("-blockdev", b.flashNode("flash1", fw.VarsFile, fw.VarsFormat, false))
	return ",pflash0=flash0,pflash1=flash1"
}

func (b *builder) flashNode(id, path, format string, readOnly bool) object {
	if format == "" {
		format = "raw"
	}
	return object{
		{"node-name", id}, {"driver", format}, {"read-only", readOnly},
		{"file", object{{"driver", "file"}, {"filename", b.abs(path)}, {"read-only", readOnly}}},
	}
}

// control adds the machine's lines to this program, QMP, the serial port and
// the debug console, and to others.
func (b *builder) control() {
	b.args.fixed("-chardev", fmt.Sprintf("socket,id=qmp,fd=%d", qmpFD))
	b.args.fixed("-mon", "chardev=qmp,mode=control")
	if b.c.QMPSocket != "" {
		b.args.fixed("-chardev", fmt.Sprintf("socket,id=qmp1,fd=%d,server=on,wait=off", othersFD))
		b.args.fixed("-mon", "chardev=qmp1,mode=control")
	}
	if !b.c.NoSerial {
		b.args.fixed("-chardev", "pipe,id=serial0,path="+strings.ReplaceAll(b.serialPath(), ",", ",,"))
		b.args.add("-serial", "chardev:serial0")
	}
	if b.c.DebugConsole != nil {
		b.args.fixed("-chardev", fmt.Sprintf("socket,id=debug0,fd=%d", debugFD))
		b.args.json("-device", object{{"driver", "isa-debugcon"}, {"iobase", debugPort}, {"chardev", "debug0"}})
	}
}

// serialPath is the path of the serial port's pipes: those that are there, or as
// they will be.
func (b *builder) serialPath() string {
	return cmp.Or(b.h.serial, filepath.Join(b.c.Dir, serialName))
}

// debugPort is where SeaBIOS and OVMF look for a debug console (src/fw/paravirt.h
// of SeaBIOS, DebugLib of OvmfPkg). Without one they write nothing.
const debugPort = 0x402

// platform adds what every machine has: a source of randomness, and a way to
// tell of a panic, after which the machine stays for a look at its screen.
func (b *builder) platform() {
	b.args.add("-action", "panic=pause")
	if rng := "virtio-rng-pci"; b.c.board() != boardOther && b.h.has(rng) {
		b.args.json("-object", object{{"qom-type", "rng-builtin"}, {"id", "rng0"}})
		b.args.json("-device", object{{"driver", rng}, {"id", "rng"}, {"rng", "rng0"}})
	}
	if panic := b.c.pvpanic(); panic != "" && b.h.has(panic) {
		b.args.json("-device", object{{"driver", panic}})
	}
}

// pvpanic returns the panic device that suits the machine, if any.
func (c *Config) pvpanic() string {
	switch c.board() {
	case boardPC, boardQ35:
		return "pvpanic"
	case boardVirt:
		return "pvpanic-pci"
	}
	return ""
}

// display adds the screen. VNC listens nowhere, but connections can be handed
// to it, and what listens for viewers; one that asks to have the screen for
// itself gets it like the others. Keys are not spread over time: the caller
// waits for [VM.KeysTaken] instead.
func (b *builder) display() {
	display := b.c.Display
	if display == "" {
		display = "none"
	}
	b.args.add("-display", display)
	b.args.add("-vnc", "none,share=ignore,key-delay-ms=0")
	switch vga := b.c.VGA; {
	case b.c.board() == boardVirt:
		b.card(vga)
	case vga == "" && isX86(b.c.arch()):
		b.args.add("-vga", "std")
	case vga != "":
		b.args.add("-vga", vga)
	}
	b.keyboard()
}

// cards are the devices behind the names that -vga has. The machine virt takes
// no -vga: QEMU would warn and leave it without a screen.
var cards = map[string]string{
	"": "virtio-gpu-pci", "virtio": "virtio-gpu-pci", "std": "VGA", "cirrus": "cirrus-vga", "qxl": "qxl-vga",
}

// card adds the screen to a machine that has no place for one of its own.
func (b *builder) card(vga string) {
	driver, known := cards[vga]
	if !known {
		driver = vga
	}
	if driver != "none" {
		b.args.json("-device", object{{"driver", driver}})
	}
}

// keyboard adds one to a machine that has none of its own, unless a user's edit
// does. It is a USB keyboard, which all firmware has a driver for: edk2's for
// virtio is of 2024.
func (b *builder) keyboard() {
	if b.c.board() != boardVirt || b.c.bringsKeyboard() {
		return
	}
	b.usb()
	b.args.json("-device", object{{"driver", "usb-kbd"}, {"id", "keyboard"}, {"bus", "usb0.0"}})
}

// bringsKeyboard reports whether an edit of the command line adds a keyboard.
func (c *Config) bringsKeyboard() bool {
	return slices.ContainsFunc(c.Args, func(e ArgEdit) bool {
		return e.Op != ArgRemove && e.option() == "-device" && (strings.Contains(e.Value, "usb-kbd") || strings.Contains(e.Value, "virtio-keyboard"))
	})
}

// usb adds the controller that USB devices are plugged into, once.
func (b *builder) usb() {
	if !b.hasUSB {
		b.args.json("-device", object{{"driver", "qemu-xhci"}, {"id", "usb0"}})
		b.hasUSB = true
	}
}
