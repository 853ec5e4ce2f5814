package qemu

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fileTree writes files below a new directory and returns it.
func fileTree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// uefiDescriptor returns a descriptor file for code and vars of that name.
func uefiDescriptor(name, format, arch, machines, features string) string {
	return `{"description":"` + name + `","interface-types":["uefi"],"mapping":{"device":"flash",
	 "executable":{"filename":"/fw/` + name + `.code","format":"` + format + `"},
	 "nvram-template":{"filename":"/fw/` + name + `.vars","format":"` + format + `"}},
	 "targets":[{"architecture":"` + arch + `","machines":[` + machines + `]}],"features":[` + features + `],"tags":[]}`
}

func TestFindFirmware(t *testing.T) {
	files := map[string]string{}
	for _, name := range []string{"plain", "secure", "smm", "arm", "mine", "q35only"} {
		files["fw/"+name+".code"], files["fw/"+name+".vars"] = "x", "x"
	}
	const both, q35 = `"pc-i440fx-*","pc-q35-*"`, `"pc-q35-*"`
	files["usr/10-secure.json"] = uefiDescriptor("secure", "raw", "x86_64", q35, `"enrolled-keys","requires-smm","secure-boot"`)
	files["usr/20-smm.json"] = uefiDescriptor("smm", "raw", "x86_64", q35, `"requires-smm","secure-boot"`)
	files["usr/25-gone.json"] = uefiDescriptor("gone", "raw", "x86_64", both, ``)
	files["usr/27-broken.json"] = `{"interface-types":`
	files["usr/28-readme.txt"] = `no descriptor`
	files["usr/29-q35.json"] = uefiDescriptor("q35only", "qcow2", "x86_64", q35, `"acpi-s3"`)
	files["usr/30-plain.json"] = uefiDescriptor("plain", "raw", "x86_64", both, `"acpi-s3"`)
	files["usr/60-arm.json"] = uefiDescriptor("arm", "raw", "aarch64", `"virt-*"`, ``)
	files["etc/29-q35.json"] = "" // an empty file hides the distribution's
	files["home/30-plain.json"] = uefiDescriptor("mine", "raw", "x86_64", both, ``)
	root := fileTree(t, files)

	for _, tt := range []struct {
		name string
		q    FirmwareQuery
		want string // of the files; "" for an error
	}{
		{"distribution", FirmwareQuery{Machine: "pc-i440fx-7.2", Dirs: []string{"usr"}}, "plain"},
		{"by name", FirmwareQuery{Machine: "pc-q35-7.2", Dirs: []string{"usr"}}, "q35only"},
		{"hidden", FirmwareQuery{Machine: "pc-q35-7.2", Dirs: []string{"etc", "usr"}}, "plain"},
		{"the user's own", FirmwareQuery{Machine: "pc-i440fx-7.2", Dirs: []string{"home", "etc", "usr"}}, "mine"},
		{"secure boot", FirmwareQuery{Machine: "pc-q35-7.2", SecureBoot: true, Dirs: []string{"usr"}}, "secure"},
		{"secure boot on pc", FirmwareQuery{Machine: "pc-i440fx-7.2", SecureBoot: true, Dirs: []string{"usr"}}, ""},
		{"arm", FirmwareQuery{Arch: "aarch64", Machine: "virt-7.2", Dirs: []string{"usr"}}, "arm"},
		{"unknown machine", FirmwareQuery{Machine: "microvm", Dirs: []string{"usr"}}, ""},
		{"nothing", FirmwareQuery{Machine: "pc-q35-7.2", Dirs: []string{"none"}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.q.Root = root
			got, err := FindFirmware(tt.q)
			name := strings.TrimSuffix(filepath.Base(got.Code), ".code")
			if tt.want == "" {
				if err == nil {
					t.Fatalf("found %+v", got)
				}
				return
			}
			if err != nil || name != tt.want || got.Vars != filepath.Join(root, "fw", tt.want+".vars") {
				t.Fatalf("got %+v, %v", got, err)
			}
		})
	}
}

func TestFindFirmwareKnownPaths(t *testing.T) {
	for _, k := range knownFirmware {
		root := fileTree(t, map[string]string{k.code: "x", k.vars: "x"})
		got, err := FindFirmware(FirmwareQuery{Arch: k.arch, Machine: "pc-q35-7.2", SecureBoot: k.secure, Root: root})
		want := Firmware{Type: UEFI, Code: filepath.Join(root, k.code), Vars: filepath.Join(root, k.vars), SecureBoot: k.secure}
		if err != nil || !cmp.Equal(got, want) {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
}

// An error tells of the descriptor that could not be read.
func TestFindFirmwareError(t *testing.T) {
	root := fileTree(t, map[string]string{"d/1.json": "{"})
	_, err := FindFirmware(FirmwareQuery{Machine: "virt-9.0", Arch: "aarch64", Dirs: []string{"d"}, Root: root})
	if err == nil || !strings.Contains(err.Error(), "1.json") || !strings.Contains(err.Error(), "aarch64") {
		t.Errorf("%v", err)
	}
}

func TestInstallHint(t *testing.T) {
	for _, tt := range []struct{ release, arch, want string }{
		{"ID=debian\n", "x86_64", "apt-get install qemu-system-x86"},
		{"ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", "aarch64", "apt-get install qemu-system-arm"},
		{"ID=fedora\n", "riscv64", "dnf install qemu-system-riscv"},
		{"ID=rocky\nID_LIKE=\"rhel centos fedora\"\n", "x86_64", "dnf install qemu-kvm"},
		{"ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\n", "x86_64", "zypper install qemu-x86"},
		{"ID=arch\n", "x86_64", "pacman -S qemu-system-x86"},
		{"ID=nixos\n", "x86_64", "install QEMU for x86_64 guests"},
	} {
		got := installHint(parseOSRelease(tt.release), "QEMU", tt.arch, func(in installer) map[string]string { return in.qemu })
		if !strings.Contains(got, tt.want) {
			t.Errorf("%q: got %q, want %q", tt.release, got, tt.want)
		}
	}
}
