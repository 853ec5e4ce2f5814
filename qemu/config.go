package qemu

import (
	"io"
	"log/slog"
)

// Config is one machine. The zero value of every field has a meaning that its
// comment states, and a Config with nothing but a disk is a machine that runs.
// [Start] copies what it needs and never writes to it. A Config can be written
// as JSON and read back; the fields that hold code are left out.
type Config struct {
	// Name is the machine's name, letters, digits, dot, dash and underscore,
	// at most 63 of them; empty means "bootscribe".
	Name string `json:",omitempty"`

	// Binary is the emulator, a path or a name looked up in PATH. Empty means
	// qemu-system-x86_64. What it is called says what it emulates until it
	// can be asked.
	Binary string `json:",omitempty"`

	// Machine is QEMU's machine type. Empty means "pc" with BIOS and "q35"
	// with UEFI on x86, and "virt" elsewhere, which has no keyboard of its
	// own and gets a USB keyboard, if Args add none.
	Machine string `json:",omitempty"`

	// Accel is how the guest's processor runs; empty decides by a test boot.
	Accel Accel `json:",omitempty"`

	// CPU is QEMU's CPU model with its features. Empty means "host" where the
	// accelerator runs the host's own processor and otherwise "max", for
	// riscv64 "rv64": QEMU's own default for x86, qemu64, is too old for many
	// systems of today.
	CPU string `json:",omitempty"`

	// CPUs is the number of virtual CPUs. 0 means the product of the topology
	// below, which is 1 when that is not set either.
	CPUs int `json:",omitempty"`

	// Sockets, Cores (of a socket) and Threads (of a core) are the topology
	// that the guest sees; 0 leaves the choice to QEMU.
	Sockets, Cores, Threads int `json:",omitempty"`

	// Memory is the guest's memory in MiB; 0 means 1024.
	Memory int `json:",omitempty"`

	// Firmware is what the machine starts with; the zero value is BIOS on x86
	// and UEFI elsewhere.
	Firmware Firmware `json:",omitzero"`

	// Kernel is started directly, in place of what Boot says; nil means none.
	Kernel *Kernel `json:",omitempty"`

	// FwCfg are files for the guest on the device fw_cfg, such as an Ignition
	// configuration. Nil means none.
	FwCfg []FwCfg `json:",omitempty"`

	// Disks are the machine's hard disks, in the order of booting.
	Disks []Disk `json:",omitempty"`

	// CDROMs are discs in drives, in the order of booting.
	CDROMs []CDROM `json:",omitempty"`

	// Floppy is the path of a raw floppy image; empty means no floppy drive.
	Floppy string `json:",omitempty"`

	// Boot is what is booted first; empty means [BootCDROMOnce].
	Boot BootOrder `json:",omitempty"`

	// Shares are directories of the host that the guest can mount. Nil means none.
	Shares []Share `json:",omitempty"`

	// VirtioFSD is the program that shares directories by virtiofs, a path or a
	// name looked up in PATH. Empty means what the distribution's descriptor
	// files name, or a virtiofsd where distributions have it.
	VirtioFSD string `json:",omitempty"`

	// NICs are the network cards. Nil means none: a guest has a network only
	// if it is given one.
	NICs []NIC `json:",omitempty"`

	// Display is a window of QEMU's, such as "gtk" or "sdl"; empty means none.
	// A machine with a window runs without the sandbox.
	Display string `json:",omitempty"`

	// VGA is QEMU's name of the graphics card: "std", "virtio", "qxl",
	// "none". Empty means "std" on x86 and "virtio" elsewhere. On the machine
	// virt it can be any device with a screen, such as "ramfb".
	VGA string `json:",omitempty"`

	// Viewer is where people can watch and type with a VNC viewer: "unix:" and
	// the path of a socket, which is made with a mode that lets nobody else in
	// and must not exist yet, or a loopback address and port, such as
	// "127.0.0.1:5901" or "[::1]:0", where every user of the host can connect,
	// for there is no password. Of a range, such as "127.0.0.1:5900-5910", the
	// first port is taken that is free, and any for 0: [VM.Viewer] tells which.
	// Viewers share the machine with each other and with [VM.VNC], which works
	// in any case. Empty means that nothing listens.
	Viewer string `json:",omitempty"`

	// QMPSocket is the path of a Unix socket where other programs can control the
	// machine by QMP, beside this one. It must not exist yet, is made with a mode
	// that lets nobody else in, and is removed at the end. One program at a time is
	// served, the next when it has left. What they do is their affair: one that
	// says quit has ended the machine. Empty means that there is none.
	QMPSocket string `json:",omitempty"`

	// NoSerial leaves out the serial port; [VM.Console] then stays empty.
	NoSerial bool `json:",omitempty"`

	// NoSandbox leaves out QEMU's seccomp filter, which is otherwise used
	// where this QEMU and this kernel support it.
	NoSandbox bool `json:",omitempty"`

	// RequireSandbox makes it an error when the filter cannot be used.
	RequireSandbox bool `json:",omitempty"`

	// TPM is the machine's security chip; nil means none.
	TPM *TPM `json:",omitempty"`

	// Args are changes to the command line, made in order after it is built.
	Args []ArgEdit `json:",omitempty"`

	// Dir is a private directory for the machine's own files (UEFI variables,
	// screenshots); it must exist. Empty means a new one under [os.TempDir],
	// which is removed when the machine has ended.
	Dir string `json:",omitempty"`

	// Console gets everything that the guest writes to its serial port, from
	// one goroutine and in order; nil discards it. It must not block, since
	// the guest waits for it. After its first error it is not used again.
	Console io.Writer `json:"-"`

	// DebugConsole gets what the firmware writes for debugging, to port 0x402 of
	// a PC, from one goroutine and in order: the log of SeaBIOS with its
	// "No bootable device.", and that of builds of OVMF for debugging. It may
	// take its time, for the guest does not wait for it; of what it has not
	// taken yet the last mebibyte is kept. The machine's end does wait for
	// it, as for Observe. After its first error it is not used again. Nil means
	// that the machine has no such port.
	DebugConsole io.Writer `json:"-"`

	// Logger gets what may help to debug this package; nil discards it.
	Logger *slog.Logger `json:"-"`

	// Observe is called with every event, one at a time and in order, from a
	// goroutine of the machine. It must not call Close or Wait of the same
	// machine, which wait for it. Nil means that nobody is told.
	Observe func(Event) `json:"-"`
}

// Accel is an accelerator.
type Accel string

// The accelerators. The empty Accel decides: the fastest that runs a test
// guest, which is KVM on Linux, HVF on macOS, or else TCG.
const (
	AccelAuto Accel = ""
	TCG       Accel = "tcg"  // QEMU's own emulation: everywhere, slow
	KVM       Accel = "kvm"  // Linux
	HVF       Accel = "hvf"  // macOS
	WHPX      Accel = "whpx" // Windows
)

// FirmwareType is what kind of firmware a machine starts with.
type FirmwareType string

// The kinds of firmware. Empty means BIOS on x86 and UEFI elsewhere.
const (
	BIOS FirmwareType = "bios"
	UEFI FirmwareType = "uefi"
)

// Firmware is what a machine starts with.
type Firmware struct {
	// Type is BIOS or UEFI; empty means BIOS on x86 and UEFI elsewhere. With a
	// Code, BIOS stands for any firmware that QEMU takes as -bios and that
	// keeps no variables, such as U-Boot.
	Type FirmwareType `json:",omitempty"`

	// Code is the firmware's image. Empty means QEMU's own with BIOS and, with
	// UEFI, what the distribution's descriptor files name.
	Code string `json:",omitempty"`

	// CodeFormat is the format of Code, "raw" or "qcow2"; empty means raw for
	// a Code given here.
	CodeFormat string `json:",omitempty"`

	// Vars is the template of the UEFI variables. It is copied and never
	// written. Empty means the one that belongs to a Code that was found, and
	// no variable store with a Code given here.
	Vars string `json:",omitempty"`

	// VarsFile is where the machine's own copy of Vars lives, in the same
	// format. If it exists it is used as it is: a machine that boots again
	// finds its boot entries. Empty means a file in the scratch directory.
	VarsFile string `json:",omitempty"`

	// VarsFormat is the format of Vars and VarsFile; empty means raw.
	VarsFormat string `json:",omitempty"`

	// SecureBoot looks for a firmware with Secure Boot and enrolled keys; it
	// needs the machine q35 on x86. It has no effect on a Code given here.
	SecureBoot bool `json:",omitempty"`
}

// Bus is where a drive is plugged in.
type Bus string

// The buses. Which of them a machine has is checked by [Config.Validate].
const (
	VirtIO     Bus = "virtio"      // virtio-blk on PCI
	VirtIOSCSI Bus = "virtio-scsi" // one controller, up to 255 drives
	IDE        Bus = "ide"         // machine pc only, up to 4 drives
	SATA       Bus = "sata"        // AHCI, up to 6 drives
	NVMe       Bus = "nvme"        // disks only
	USB        Bus = "usb"         // USB 3
	SD         Bus = "sd"          // one disk only, as a card whose size is a power of two
)

// Cache is how the host treats what a guest writes to a disk.
type Cache string

// The cache modes, which are those of QEMU's -drive. The empty mode is
// CacheUnsafe: a build that is interrupted is thrown away, so nothing need
// reach the platters while it runs.
const (
	CacheUnsafe       Cache = "unsafe"
	CacheWriteback    Cache = "writeback"
	CacheWritethrough Cache = "writethrough"
	CacheNone         Cache = "none"
	CacheDirectSync   Cache = "directsync"
)

// Disk is a hard disk. It stops the machine on an error of the host's file
// system, which is seen as an [IOError]; only NVMe passes errors to the guest.
type Disk struct {
	Path     string // the image; it must exist
	Format   string `json:",omitempty"` // "qcow2", "raw", …; empty means qcow2
	Bus      Bus    `json:",omitempty"` // empty means virtio
	ReadOnly bool   `json:",omitempty"` // not on ide and sata, which cannot
	Serial   string `json:",omitempty"` // serial number; empty means QEMU's, or the id on NVMe
	Cache    Cache  `json:",omitempty"` // empty means unsafe
	NoTrim   bool   `json:",omitempty"` // keep what the guest discards or zeroes allocated
}

// CDROM is a disc in a drive, read only. On bus virtio it is a read-only disk
// rather than a CD-ROM, which suits hybrid images.
type CDROM struct {
	Path string // the ISO image; it must exist
	Bus  Bus    `json:",omitempty"` // empty means ide on pc, sata on q35, virtio-scsi elsewhere
}

// BootOrder is what a machine tries to boot, in turn.
type BootOrder string

// The boot orders. With all of them a medium that does not boot is passed
// over, and what is not named is not tried.
const (
	// BootCDROMOnce boots a CD-ROM (then disks, then the floppy) when the
	// machine starts, and a CD-ROM last after every reset: what an installation
	// wants. It works with BIOS and UEFI alike.
	BootCDROMOnce BootOrder = "cdrom-once"
	BootCDROM     BootOrder = "cdrom"   // CD-ROMs, disks, floppy
	BootDisk      BootOrder = "disk"    // disks, CD-ROMs, floppy
	BootFloppy    BootOrder = "floppy"  // floppy, disks, CD-ROMs
	BootNetwork   BootOrder = "network" // NICs, disks, CD-ROMs, floppy
)

// NetMode is what a network card is connected to.
type NetMode string

// The networks. The empty mode is NetUser.
const (
	NetUser   NetMode = "user"   // QEMU's own network: the host is 10.0.2.2, the guest 10.0.2.15
	NetBridge NetMode = "bridge" // a bridge of a Linux host, by qemu-bridge-helper
	NetNone   NetMode = "none"   // a card without a cable
)

// NIC is a network card.
type NIC struct {
	Mode  NetMode `json:",omitempty"` // what it is connected to; empty means NetUser
	Model string  `json:",omitempty"` // QEMU's device; empty means virtio-net-pci

	// MAC is the hardware address. Empty means one made from the machine's
	// name and the card's number: stable, and different for different names,
	// where QEMU would give the same to all.
	MAC string `json:",omitempty"`

	Bridge   string    `json:",omitempty"` // the bridge; required with NetBridge
	Forwards []Forward `json:",omitempty"` // with NetUser
	Restrict bool      `json:",omitempty"` // with NetUser: the guest reaches nothing but what is forwarded
}

// Forward makes a TCP port of the guest reachable from the host. Ask
// [VM.Forwarded] where.
type Forward struct {
	HostAddr string `json:",omitempty"` // an IPv4 address of the host; empty means 127.0.0.1
	HostPort int    `json:",omitempty"` // 0 means a free one, chosen when QEMU binds it

	// HostPortMax is the last of the ports from HostPort on of which the first
	// that is free is taken, when the machine starts: QEMU is told of it then,
	// and not by its command line. 0 means HostPort alone.
	HostPortMax int `json:",omitempty"`

	GuestPort int // the guest's TCP port, from 1 to 65535; required
}
