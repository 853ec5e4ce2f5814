package qemu

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// configs are machines whose command lines are in testdata.
var configs = []struct {
	name string
	c    Config
	h    *Host
}{
	{"zero", Config{}, nil},
	{"bios", Config{
		Name: "deb12", CPUs: 2, Memory: 2048,
		Disks:  []Disk{{Path: "/vm/disk.qcow2"}},
		CDROMs: []CDROM{{Path: "/iso/debian.iso"}},
		NICs:   []NIC{{Forwards: []Forward{{GuestPort: 22}}}},
	}, &Host{Accel: TCG, Sandbox: true}},
	{"uefi", Config{
		Firmware: Firmware{Type: UEFI}, Sockets: 1, Cores: 2, Threads: 2,
		Disks:  []Disk{{Path: "/vm/disk.qcow2"}},
		CDROMs: []CDROM{{Path: "/iso/debian.iso"}},
	}, &Host{Accel: KVM, Sandbox: true, Firmware: Firmware{Code: "/fw/CODE.fd", Vars: "/fw/VARS.fd", VarsFile: "/vm/vars.fd"}}},
	{"buses", Config{
		Disks: []Disk{
			{Path: "/d/0", Bus: VirtIOSCSI}, {Path: "/d/1", Bus: IDE, Format: "raw", Cache: CacheNone},
			{Path: "/d/2", Bus: SATA, Cache: CacheWritethrough}, {Path: "/d/3", Bus: NVMe, NoTrim: true},
			{Path: "/d/4", Bus: VirtIOSCSI, ReadOnly: true, Serial: "S-1"},
			{Path: "/d/5", Bus: USB}, {Path: "/d/6", Bus: SD},
		},
		CDROMs: []CDROM{{Path: "/i/0"}, {Path: "/i/1", Bus: VirtIOSCSI}, {Path: "/i/2", Bus: USB}, {Path: "/i/3", Bus: VirtIO}},
		Floppy: "/f.img", Boot: BootFloppy,
	}, nil},
	{"q35", Config{
		Machine: "q35", Floppy: "/f.img",
		Disks: []Disk{{Path: "/d/0", Bus: SATA}}, CDROMs: []CDROM{{Path: "/i/0"}},
	}, nil},
	{"networks", Config{
		Boot: BootNetwork,
		NICs: []NIC{
			{Restrict: true, MAC: "52:54:00:12:34:56"},
			{Mode: NetBridge, Bridge: "br0", Model: "e1000"},
			{Mode: NetNone},
			{Forwards: []Forward{{HostAddr: "0.0.0.0", HostPort: 2222, GuestPort: 22}, {GuestPort: 5985}}},
		},
	}, &Host{Sandbox: true}},
	{"paths", Config{
		Disks: []Disk{{Path: "/a,b =c\n\"d:ü.img", Format: "raw"}},
	}, nil},
	{"arm64", Config{
		Binary: "qemu-system-aarch64",
		Disks:  []Disk{{Path: "/d/0"}, {Path: "/d/1", Bus: SATA}}, CDROMs: []CDROM{{Path: "/i/0"}},
	}, &Host{Firmware: Firmware{Code: "/fw/AAVMF_CODE.fd", VarsFile: "/vm/vars.fd"}, Lacks: []string{"pvpanic-pci"}}},
	{"secureboot", Config{
		Firmware: Firmware{Type: UEFI, SecureBoot: true}, NoSerial: true, Display: "gtk", VGA: "virtio",
	}, &Host{Sandbox: true, Firmware: Firmware{Code: "/fw/CODE.ms.fd", VarsFile: "/vm/vars.qcow2", VarsFormat: "qcow2"}}},
	{"debug", Config{NoSerial: true, DebugConsole: io.Discard}, nil},
	{"tpm", Config{Machine: "q35", TPM: &TPM{Model: "tpm-crb", StateDir: "/vm/tpm"}}, nil},
	{"tpm-arm64", Config{
		Binary: "qemu-system-aarch64", TPM: &TPM{},
	}, &Host{Firmware: Firmware{Code: "/fw/AAVMF_CODE.fd"}}},
	{"qmpsocket", Config{QMPSocket: "/s,t"}, nil},
	{"kernel", Config{
		Kernel: &Kernel{Path: "/boot/a,b", Initrd: "/boot/initrd", Append: `console=ttyS0 a="b c"`}, Disks: []Disk{{Path: "/d"}},
	}, nil},
	{"fwcfg", Config{
		FwCfg: []FwCfg{{Name: "opt/com.coreos/config", Path: "/srv/a,b"}, {Name: "opt/ovmf/x", Text: `{"a":1,"b":2}`}},
	}, nil},
	{"shares", Config{
		Shares: []Share{{Tag: "src", Path: "/srv/a,b"}, {Tag: "out", Path: "/out/", Writable: true}},
	}, nil},
	{"virtiofs", Config{
		Machine: "q35", Memory: 256,
		Shares: []Share{{Tag: "src", Path: "/srv", Type: VirtioFS, Writable: true}, {Tag: "old", Path: "/old"}, {Tag: "out", Path: "/out", Type: VirtioFS}},
	}, nil},
	{"args", Config{
		Args: []ArgEdit{
			{Op: ArgAdd, Option: "no-reboot"},
			{Op: ArgAdd, Option: "-device", Value: "virtio-balloon-pci"},
			{Op: ArgReplace, Option: "-cpu", Value: "Nehalem"},
			{Op: ArgRemove, Option: "--device", Match: "virtio-rng"},
			{Op: ArgRemove, Option: "-object"},
		},
	}, nil},
}

func TestCommandLine(t *testing.T) {
	for _, tt := range configs {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.c.CommandLine(tt.h)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", tt.name+".args")
			text := strings.Join(got, "\n") + "\n"
			if *update {
				if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), text); diff != "" {
				t.Errorf("run with -update if this is right (-want +got):\n%s", diff)
			}
			again, _ := tt.c.CommandLine(tt.h)
			if !cmp.Equal(got, again) {
				t.Error("a second call gives another result")
			}
		})
	}
}

// A Config is data: it survives JSON.
func TestConfigJSON(t *testing.T) {
	for _, tt := range configs {
		text, err := json.Marshal(tt.c)
		if err != nil {
			t.Fatal(err)
		}
		var back Config
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		tt.c.DebugConsole = nil // code, which is left out
		if diff := cmp.Diff(tt.c, back); diff != "" {
			t.Errorf("%s: changed by JSON (-want +got):\n%s", tt.name, diff)
		}
	}
}

// All fields do, whatever is added; those that hold code say that they do not.
func TestConfigJSONAll(t *testing.T) {
	var c, back Config
	setAll(t, reflect.ValueOf(&c).Elem())
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, back); diff != "" {
		t.Errorf("changed by JSON (-want +got):\n%s", diff)
	}
}

// setAll gives every field that JSON has a value that is not zero.
func setAll(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(7)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		setAll(t, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			setAll(t, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if f.Tag.Get("json") == "-" {
				if k := f.Type.Kind(); k != reflect.Func && k != reflect.Interface && k != reflect.Pointer {
					t.Errorf("%s is data and not in JSON", f.Name)
				}
				continue
			}
			setAll(t, v.Field(i))
		}
	default:
		t.Errorf("a field of the type %s", v.Type())
	}
}

func TestCommandLineRelativePath(t *testing.T) {
	c := Config{Disks: []Disk{{Path: "-x:y.img", Format: "raw"}}}
	got, err := c.CommandLine(nil)
	if err != nil {
		t.Fatal(err)
	}
	dir, _ := os.Getwd()
	if want := filepath.Join(dir, "-x:y.img"); !strings.Contains(strings.Join(got, " "), `"filename":"`+want+`"`) {
		t.Errorf("no %q in %q", want, got)
	}
}

func TestArgEditErrors(t *testing.T) {
	for _, tt := range []struct {
		edit ArgEdit
		want string
	}{
		{ArgEdit{Op: ArgRemove, Option: "-device", Match: "e1000"}, `no -device contains "e1000"; there is {"driver":"virtio-rng-pci"`},
		{ArgEdit{Op: ArgReplace, Option: "-bios", Value: "x"}, "there is no -bios to replace"},
		{ArgEdit{Op: ArgReplace, Option: "-device", Value: "x"}, "is there 2 times; make Match longer"},
		{ArgEdit{Op: ArgRemove, Option: "-mon"}, "is how the machine is controlled"},
		{ArgEdit{Op: ArgRemove, Option: "-S"}, "is how the machine is controlled"},
		{ArgEdit{Op: ArgReplace, Option: "-chardev", Match: "qmp", Value: "null,id=qmp"}, "is how the machine is controlled"},
		{ArgEdit{Op: ArgAdd, Option: "-daemonize"}, "out of this package's hands"},
		{ArgEdit{Op: ArgAdd, Option: "-device foo", Value: "x"}, `"-device foo" is not an option`},
		{ArgEdit{Op: ArgAdd, Option: "-m", Value: "1", Match: "2"}, "is not used by add"},
		{ArgEdit{Op: ArgRemove, Option: "-m", Value: "1"}, "is not used by remove"},
		{ArgEdit{Option: "-m"}, "write add, replace or remove"},
	} {
		c := Config{Args: []ArgEdit{tt.edit}}
		_, err := c.CommandLine(nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "Args[0]") {
			t.Errorf("%+v: got error %v, want %q", tt.edit, err, tt.want)
		}
	}
}
