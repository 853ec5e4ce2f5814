package qemu

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestValidate(t *testing.T) {
	disk := func(d Disk) Config { d.Path = "/d"; return Config{Disks: []Disk{d}} }
	nic := func(n NIC) Config { return Config{NICs: []NIC{n}} }
	for _, tt := range []struct {
		name  string
		c     Config
		field string // of the one finding; "" for none
	}{
		{"zero", Config{}, ""},
		{"name", Config{Name: "x,process=EVIL"}, "Name"},
		{"long name", Config{Name: strings.Repeat("x", 64)}, "Name"},
		{"machine options", Config{Machine: "q35,smm=on"}, ""},
		{"machine", Config{Machine: "-daemonize"}, "Machine"},
		{"accel", Config{Accel: "xen"}, "Accel"},
		{"boot", Config{Boot: "d"}, "Boot"},
		{"cpu", Config{CPU: "-version"}, "CPU"},
		{"negative cpus", Config{CPUs: -1}, "CPUs"},
		{"many cores", Config{Cores: 1 << 40}, "Cores"},
		{"topology", Config{CPUs: 4, Sockets: 1, Cores: 2, Threads: 2}, ""},
		{"part of a topology", Config{CPUs: 4, Cores: 2}, ""},
		{"wrong topology", Config{CPUs: 3, Cores: 2}, "CPUs"},
		{"unfilled topology", Config{CPUs: 8, Sockets: 1, Cores: 2, Threads: 2}, "CPUs"},
		{"little memory", Config{Memory: 8}, "Memory"},
		{"negative memory", Config{Memory: -1}, "Memory"},
		{"firmware", Config{Firmware: Firmware{Type: "efi"}}, "Firmware.Type"},
		{"vars with BIOS", Config{Firmware: Firmware{VarsFile: "/v"}}, "Firmware"},
		{"vars without code", Config{Firmware: Firmware{Type: UEFI, Vars: "/v"}}, "Firmware.Code"},
		{"secure boot on pc", Config{Machine: "pc", Firmware: Firmware{Type: UEFI, SecureBoot: true}}, "Firmware.SecureBoot"},
		{"BIOS on arm", Config{Binary: "/x/qemu-system-aarch64", Firmware: Firmware{Type: BIOS}}, "Firmware.Type"},
		{"no path", Config{Disks: []Disk{{}}}, "Disks[0].Path"},
		{"NUL in path", Config{CDROMs: []CDROM{{Path: "a\x00b"}}}, "CDROMs[0].Path"},
		{"not UTF-8", Config{Disks: []Disk{{Path: "a\xff"}}}, "Disks[0].Path"},
		{"disk bus", disk(Disk{Bus: "scsi"}), "Disks[0].Bus"},
		{"disk on usb", disk(Disk{Bus: USB}), ""},
		{"disk on sd", disk(Disk{Bus: SD}), ""},
		{"serial of a card", disk(Disk{Bus: SD, Serial: "S"}), "Disks[0].Serial"},
		{"read-only card", disk(Disk{Bus: SD, ReadOnly: true}), "Disks[0].ReadOnly"},
		{"cache of a card", disk(Disk{Bus: SD, Cache: CacheDirectSync}), "Disks[0].Cache"},
		{"card on microvm", Config{Machine: "microvm", Disks: []Disk{{Path: "/1", Bus: SD}}}, "Disks[0].Bus"},
		{"boot a card by UEFI", Config{Firmware: Firmware{Type: UEFI}, Disks: []Disk{{Path: "/1", Bus: SD}}}, "Disks[0].Bus"},
		{"boot SATA on arm", Config{Binary: "qemu-system-aarch64", Disks: []Disk{{Path: "/1", Bus: SATA}}}, "Disks[0].Bus"},
		{"boot a CD on SATA on arm", Config{Binary: "qemu-system-aarch64", CDROMs: []CDROM{{Path: "/1", Bus: SATA}}}, "CDROMs[0].Bus"},
		{"a CD on SATA for data", Config{Binary: "qemu-system-aarch64", CDROMs: []CDROM{{Path: "/1", Bus: SATA}}, Boot: BootDisk}, ""},
		{"boot a card by other firmware", Config{Firmware: Firmware{Type: UEFI, Code: "/c"}, Disks: []Disk{{Path: "/1", Bus: SD}}}, ""},
		{"a card beside a disk", Config{Firmware: Firmware{Type: UEFI}, Disks: []Disk{{Path: "/1"}, {Path: "/2", Bus: SD}}}, ""},
		{"two cards", Config{Disks: []Disk{{Path: "/1", Bus: SD}, {Path: "/2", Bus: SD}}}, "Disks"},
		{"cd on sd", Config{CDROMs: []CDROM{{Path: "/c", Bus: SD}}}, "CDROMs[0].Bus"},
		{"cd on nvme", Config{CDROMs: []CDROM{{Path: "/c", Bus: NVMe}}}, "CDROMs[0].Bus"},
		{"cache", disk(Disk{Cache: "fast"}), "Disks[0].Cache"},
		{"format", disk(Disk{Format: "json:"}), "Disks[0].Format"},
		{"read-only ide", disk(Disk{Bus: IDE, ReadOnly: true}), "Disks[0].ReadOnly"},
		{"serial", disk(Disk{Serial: "a,b"}), "Disks[0].Serial"},
		{"ide on q35", Config{Machine: "q35", Disks: []Disk{{Path: "/d", Bus: IDE}}}, "Disks[0].Bus"},
		{"five on ide", Config{Disks: []Disk{{Path: "/1", Bus: IDE}, {Path: "/2", Bus: IDE}, {Path: "/3", Bus: IDE}, {Path: "/4", Bus: IDE}}, CDROMs: []CDROM{{Path: "/5"}}}, "Disks"},
		{"one image twice", Config{Disks: []Disk{{Path: "/d"}, {Path: "/d"}}}, "Disks[1].Path"},
		{"disk as cd", Config{Disks: []Disk{{Path: "/d"}}, CDROMs: []CDROM{{Path: "/d"}}}, "CDROMs[0].Path"},
		{"floppy on virt", Config{Machine: "virt", Floppy: "/f"}, "Floppy"},
		{"net mode", nic(NIC{Mode: "tap"}), "NICs[0].Mode"},
		{"nic model", nic(NIC{Model: "e1000,mac=x"}), "NICs[0].Model"},
		{"mac", nic(NIC{MAC: "52:54:00"}), "NICs[0].MAC"},
		{"group mac", nic(NIC{MAC: "01:00:5e:00:00:01"}), "NICs[0].MAC"},
		{"mac twice", Config{NICs: []NIC{{MAC: "52:54:00:00:00:01"}, {MAC: "52-54-00-00-00-01"}}}, "NICs[1].MAC"},
		{"no bridge", nic(NIC{Mode: NetBridge}), "NICs[0].Bridge"},
		{"bridge with user", nic(NIC{Bridge: "br0"}), "NICs[0].Bridge"},
		{"forward on bridge", nic(NIC{Mode: NetBridge, Bridge: "br0", Forwards: []Forward{{GuestPort: 22}}}), "NICs[0].Forwards"},
		{"guest port", nic(NIC{Forwards: []Forward{{}}}), "NICs[0].Forwards[0].GuestPort"},
		{"host port", nic(NIC{Forwards: []Forward{{GuestPort: 22, HostPort: 70000}}}), "NICs[0].Forwards[0].HostPort"},
		{"range of host ports", nic(NIC{Forwards: []Forward{{GuestPort: 22, HostPort: 2222, HostPortMax: 2222}, {GuestPort: 80, HostPort: 2222, HostPortMax: 2229}}}), ""},
		{"range from nowhere", nic(NIC{Forwards: []Forward{{GuestPort: 22, HostPortMax: 2222}}}), "NICs[0].Forwards[0].HostPortMax"},
		{"range backwards", nic(NIC{Forwards: []Forward{{GuestPort: 22, HostPort: 2222, HostPortMax: 2221}}}), "NICs[0].Forwards[0].HostPortMax"},
		{"host address", nic(NIC{Forwards: []Forward{{GuestPort: 22, HostAddr: "::1"}}}), "NICs[0].Forwards[0].HostAddr"},
		{"port twice", nic(NIC{Forwards: []Forward{{GuestPort: 22, HostPort: 22}, {GuestPort: 23, HostPort: 22}}}), "NICs[0].Forwards[1].HostPort"},
		{"display", Config{Display: "gtk -monitor"}, "Display"},
		{"vga", Config{VGA: "std,x"}, "VGA"},
		{"long socket", Config{Viewer: "unix:/" + strings.Repeat("x", 110)}, "Viewer"},
		{"socket without a path", Config{Viewer: "unix:"}, "Viewer"},
		{"public viewer", Config{Viewer: "0.0.0.0:5901"}, "Viewer"},
		{"viewer everywhere", Config{Viewer: ":5901"}, "Viewer"},
		{"viewer by name", Config{Viewer: "localhost:5901"}, "Viewer"},
		{"viewer without a port", Config{Viewer: "127.0.0.1"}, "Viewer"},
		{"viewer with a zone", Config{Viewer: "[::1%lo]:5901"}, "Viewer"},
		{"viewer on the other loopback", Config{Viewer: "[::1]:0"}, ""},
		{"debug console on arm", Config{Binary: "qemu-system-aarch64", DebugConsole: io.Discard}, "DebugConsole"},
		{"debug console on microvm", Config{Machine: "microvm", DebugConsole: io.Discard}, "DebugConsole"},
		{"debug console", Config{Machine: "pc-q35-7.2", DebugConsole: io.Discard}, ""},
		{"tpm", Config{TPM: &TPM{Version: TPM12, Model: "tpm-tis", StateDir: "/s"}}, ""},
		{"tpm version", Config{TPM: &TPM{Version: "2"}}, "TPM.Version"},
		{"tpm model", Config{TPM: &TPM{Model: "tpm-tis,x=y"}}, "TPM.Model"},
		{"tpm 1.2 as crb", Config{TPM: &TPM{Version: TPM12, Model: "tpm-crb"}}, "TPM.Model"},
		{"tpm of arm on pc", Config{TPM: &TPM{Model: "tpm-tis-device"}}, "TPM.Model"},
		{"tpm of pc on arm", Config{Binary: "qemu-system-aarch64", TPM: &TPM{Model: "tpm-crb"}}, "TPM.Model"},
		{"tpm on arm", Config{Binary: "qemu-system-aarch64", TPM: &TPM{}}, ""},
		{"tpm state", Config{TPM: &TPM{StateDir: "a\x00"}}, "TPM.StateDir"},
		{"long QMP socket", Config{QMPSocket: "/" + strings.Repeat("x", 110)}, "QMPSocket"},
		{"a range of viewers", Config{Viewer: "127.0.0.1:5900-5910"}, ""},
		{"an empty range", Config{Viewer: "127.0.0.1:5910-5900"}, "Viewer"},
		{"a range from 0", Config{Viewer: "127.0.0.1:0-5900"}, "Viewer"},
		{"no range", Config{Viewer: "127.0.0.1:5900-x"}, "Viewer"},
		{"one socket twice", Config{QMPSocket: "/s", Viewer: "unix:/s"}, "QMPSocket"},
		{"virtiofs", Config{Shares: []Share{{Tag: "a", Path: "/a", Type: VirtioFS}}}, ""},
		{"unknown share", Config{Shares: []Share{{Tag: "a", Path: "/a", Type: "nfs"}}}, "Shares[0].Type"},
		{"comma in virtiofs", Config{Shares: []Share{{Tag: "a", Path: "/a,b", Type: VirtioFS}}}, "Shares[0].Path"},
		{"NUL in virtiofsd", Config{VirtioFSD: "a\x00"}, "VirtioFSD"},
		{"kernel", Config{Kernel: &Kernel{Path: "/k", Append: "quiet"}}, ""},
		{"no kernel", Config{Kernel: &Kernel{Initrd: "/i"}}, "Kernel.Path"},
		{"kernel line", Config{Kernel: &Kernel{Path: "/k", Append: "a\nb"}}, "Kernel.Append"},
		{"fw_cfg", Config{FwCfg: []FwCfg{{Name: "opt/a", Path: "/a"}, {Name: "opt/b", Text: "b"}}}, ""},
		{"fw_cfg without a name", Config{FwCfg: []FwCfg{{Path: "/a"}}}, "FwCfg[0].Name"},
		{"fw_cfg of QEMU's own", Config{FwCfg: []FwCfg{{Name: "etc/acpi", Path: "/a"}}}, "FwCfg[0].Name"},
		{"long name of fw_cfg", Config{FwCfg: []FwCfg{{Name: "opt/" + strings.Repeat("x", 52), Path: "/a"}}}, "FwCfg[0].Name"},
		{"fw_cfg twice", Config{FwCfg: []FwCfg{{Name: "opt/a", Path: "/a"}, {Name: "opt/a", Text: "b"}}}, "FwCfg[1].Name"},
		{"empty fw_cfg", Config{FwCfg: []FwCfg{{Name: "opt/a"}}}, "FwCfg[0].Text"},
		{"fw_cfg, text and path", Config{FwCfg: []FwCfg{{Name: "opt/a", Text: "a", Path: "/a"}}}, "FwCfg[0].Text"},
		{"fw_cfg with a NUL", Config{FwCfg: []FwCfg{{Name: "opt/a", Text: "a\x00"}}}, "FwCfg[0].Text"},
		{"large fw_cfg", Config{FwCfg: []FwCfg{{Name: "opt/a", Text: strings.Repeat("a", 65537)}}}, "FwCfg[0].Text"},
		{"shares", Config{Shares: []Share{{Tag: "a", Path: "/a"}, {Tag: "b", Path: "/a"}}}, ""},
		{"share without a path", Config{Shares: []Share{{Tag: "a"}}}, "Shares[0].Path"},
		{"share without a tag", Config{Shares: []Share{{Path: "/a"}}}, "Shares[0].Tag"},
		{"long tag", Config{Shares: []Share{{Tag: strings.Repeat("x", 32), Path: "/a"}}}, "Shares[0].Tag"},
		{"tag twice", Config{Shares: []Share{{Tag: "a", Path: "/a"}, {Tag: "a", Path: "/b"}}}, "Shares[1].Tag"},
		{"keys of another layout", Config{Args: []ArgEdit{{Op: ArgAdd, Option: "k", Value: "de"}}}, "Args[0].Option"},
		{"sandbox", Config{NoSandbox: true, RequireSandbox: true}, "RequireSandbox"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var fields []string
			for _, f := range all(tt.c.Validate()) {
				fields = append(fields, f.Field)
				if f.Remedy == "" {
					t.Errorf("no remedy: %v", f)
				}
			}
			var want []string
			if tt.field != "" {
				want = []string{tt.field}
			}
			if diff := cmp.Diff(want, fields); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// all returns the findings in an error of Validate.
func all(err error) []*ConfigError {
	var found []*ConfigError
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			found = append(found, all(e)...)
		}
		return found
	}
	var f *ConfigError
	if errors.As(err, &f) {
		found = append(found, f)
	}
	return found
}

func TestValidateFindsAll(t *testing.T) {
	c := Config{Name: " ", Memory: 1, Disks: []Disk{{}}, NICs: []NIC{{Mode: "x"}}, Args: []ArgEdit{{}}}
	if n := len(all(c.Validate())); n < 5 {
		t.Errorf("%d findings in %v", n, c.Validate())
	}
}

// Values of a configuration that QEMU would take for options must not get
// through, whatever they are.
func FuzzValidate(f *testing.F) {
	f.Add("name", "/path", "std", "br0", "host")
	f.Add("x,process=EVIL", "-x:y", "std,x=y", "br0,helper=/bin/sh", "max,-sse")
	f.Fuzz(func(t *testing.T, name, path, vga, bridge, cpu string) {
		c := Config{Name: name, VGA: vga, CPU: cpu, Disks: []Disk{{Path: path}}, NICs: []NIC{{Mode: NetBridge, Bridge: bridge}}}
		args, err := c.CommandLine(nil)
		if err != nil {
			return
		}
		for i := 0; i < len(args); i++ {
			switch args[i] {
			case "-no-user-config", "-nodefaults", "-S":
				continue
			}
			if !strings.HasPrefix(args[i], "-") {
				t.Fatalf("%q is not an option in %q", args[i], args)
			}
			if i++; i == len(args) || strings.HasPrefix(args[i], "-") || strings.ContainsRune(args[i], 0) {
				t.Fatalf("option without a proper value in %q", args)
			}
		}
	})
}
