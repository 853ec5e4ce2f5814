package imagebuild

import (
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/qemu/qemuimg"
)

const (
	defaultDiskSize        = 20 << 30
	defaultStepTimeout     = 30 * time.Minute
	defaultShutdownTimeout = 5 * time.Minute
	sshPort                = 22
)

func (b *Build) name() string {
	switch {
	case b.Name != "":
		return b.Name
	case b.VM.Name != "":
		return b.VM.Name
	case b.Output == "":
		return ""
	}
	base := filepath.Base(b.Output)
	return machineName(strings.TrimSuffix(base, filepath.Ext(base)))
}

// machineName makes of a file's name one that QEMU accepts; it may be empty.
func machineName(file string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune("._-", r):
			return r
		}
		return '-'
	}, file)
	return strings.TrimLeft(name[:min(len(name), 63)], "._-")
}

func (b *Build) format() qemuimg.Format {
	if b.Format == "" {
		return qemuimg.Qcow2
	}
	return b.Format
}

func (b *Build) guestSSHPort() int {
	if b.SSHPort == 0 {
		return sshPort
	}
	return b.SSHPort
}

// forwarded reports whether the guest's sshd is to be reached by a port forward,
// or on a bridge by the address that it turns out to have.
func (b *Build) forwarded() bool {
	return b.SSH.User != "" && b.SSH.Addr == "" && b.SSH.Dial == nil && b.SSH.Bastion == nil
}

// temporaryKey reports whether the build makes its own key to log in with.
func (b *Build) temporaryKey() bool {
	return b.SSH.User != "" && b.SSH.Password == "" && len(b.SSH.Keys) == 0 && !b.SSH.UseAgent
}

func (b *Build) serves() bool { return b.Files != nil || b.Templates != nil }

// media are the paths of what the machine is built around; empty where there
// is no such thing.
type media struct {
	disk, medium, seed, floppy, ignition string
	discs                                []string
}

// machine returns the machine to run.
func (b *Build) machine(m media) qemu.Config {
	c := b.VM
	c.Name = b.name()
	c.Disks = slices.Clone(c.Disks)
	if m.disk != "" {
		c.Disks = slices.Insert(c.Disks, 0, qemu.Disk{Path: m.disk, Format: string(qemuimg.Qcow2), Bus: b.Disk.Bus})
	}
	c.CDROMs = append(b.drives(m.discs), c.CDROMs...)
	if m.seed != "" {
		c.CDROMs = slices.Insert(c.CDROMs, 0, qemu.CDROM{Path: m.seed, Bus: b.CDBus})
	}
	if m.medium != "" {
		c.CDROMs = slices.Insert(c.CDROMs, 0, qemu.CDROM{Path: m.medium, Bus: b.CDBus})
	}
	if m.floppy != "" {
		c.Floppy = m.floppy
	}
	if m.ignition != "" {
		c.FwCfg = slices.Clone(c.FwCfg)
		for _, name := range ignitionNames {
			c.FwCfg = append(c.FwCfg, qemu.FwCfg{Name: name, Path: m.ignition})
		}
	}
	if c.Boot == "" && b.hasImage() && !b.hasMedium() {
		c.Boot = qemu.BootDisk
	}
	c.NICs = b.nics()
	if b.Logger != nil {
		c.Logger = b.Logger
	}
	return c
}

// drives are CD-ROMs with further discs in them.
func (b *Build) drives(discs []string) []qemu.CDROM {
	var cds []qemu.CDROM
	for _, path := range discs {
		cds = append(cds, qemu.CDROM{Path: path, Bus: b.CDBus})
	}
	return cds
}

// forwards are the guest's ports that are to be reached by port forwards, or on a
// bridge by the address that the guest turns out to have.
func (b *Build) forwards() []int {
	var ports []int
	if b.forwarded() {
		ports = append(ports, b.guestSSHPort())
	}
	if b.winrmForwarded() {
		ports = append(ports, b.guestWinRMPort())
	}
	return ports
}

// nics returns the network cards, with the forwards that SSH and WinRM need.
func (b *Build) nics() []qemu.NIC {
	nics := slices.Clone(b.VM.NICs)
	if b.VM.NICs == nil {
		nics = []qemu.NIC{{}}
	}
	i := slices.IndexFunc(nics, isUserNet)
	for _, port := range b.forwards() {
		if i < 0 || port < 1 || port > 65535 {
			continue // validateSSH and validateWinRM have something to say about it
		}
		if !slices.ContainsFunc(nics[i].Forwards, func(f qemu.Forward) bool { return f.GuestPort == port }) {
			nics[i].Forwards = append(slices.Clone(nics[i].Forwards), qemu.Forward{GuestPort: port})
		}
	}
	return nics
}

func isUserNet(n qemu.NIC) bool { return n.Mode == "" || n.Mode == qemu.NetUser }

// vars returns what is known about the guest when its files are served at a port
// of what it calls this host; port 0 means that none are.
func (b *Build) vars(host string, port int, key string) Vars {
	v := Vars{Name: b.name(), SSHPublicKey: key}
	if port != 0 {
		v.HTTPIP, v.HTTPPort = host, port
		v.URL = "http://" + net.JoinHostPort(host, strconv.Itoa(port))
	}
	return v
}
