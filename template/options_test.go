package template_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/ssh"
	"github.com/bootscribe/bootscribe/template"
)

// withOptions is a template of one builder with some more options, given as the
// inside of a JSON object.
func withOptions(options string) string {
	base := map[string]any{"type": "qemu", "iso_url": "a.iso", "iso_checksum": "none", "headless": true, "ssh_username": "root"}
	var more map[string]any
	if err := json.Unmarshal([]byte("{"+options+"}"), &more); err != nil {
		panic(err)
	}
	for k, v := range more {
		base[k] = v
		if v == nil {
			delete(base, k)
		}
	}
	text, _ := json.Marshal(map[string]any{"builders": []any{base}})
	return string(text)
}

// TestOptions looks at what becomes of options that differ from Packer's.
func TestOptions(t *testing.T) {
	vm := func(b *template.Build) *qemu.Config { return &b.Image.VM }
	tests := []struct {
		options string
		get     func(b *template.Build) any
		want    any
	}{
		{``, func(b *template.Build) any { return []any{b.Image.Output, b.Image.Disk.Size, vm(b).Memory} }, []any{"output-qemu/packer-qemu", int64(40960 << 20), 512}},
		{`"disk_size": 1000`, func(b *template.Build) any { return b.Image.Disk.Size }, int64(1000 << 20)},
		{`"disk_interface": "scsi"`, func(b *template.Build) any { return b.Image.Disk.Bus }, qemu.VirtIOSCSI},
		{`"disk_image": true, "iso_url": "https://x/a.img.xz"`, func(b *template.Build) any {
			return []any{b.Image.Media, b.Image.Disk}
		}, []any{iso.Source{}, imagebuild.Disk{Size: 40960 << 20, Image: iso.Source{URLs: []string{"https://x/a.img.xz"}, Checksum: "none", Unpack: true}}}},
		{`"disk_image": true, "skip_resize_disk": true, "use_backing_file": true`, func(b *template.Build) any { return b.Image.Disk },
			imagebuild.Disk{Image: iso.Source{URLs: []string{"a.iso"}, Checksum: "none"}, Overlay: true}},
		{`"iso_url": "a.iso.gz?checksum=none"`, func(b *template.Build) any { return b.Image.Media.Unpack }, true},
		{`"qemuargs": [["-machine", "q35"]], "cdrom_interface": "ide", "disk_interface": "ide"`, func(b *template.Build) any { return []any{b.Image.CDBus, b.Image.Disk.Bus} },
			[]any{qemu.SATA, qemu.SATA}},
		{`"disk_interface": "sd", "disk_size": "32G", "disk_additional_size": "32G"`, nil, "t.json:1:"},
		{`"disk_interface": "sd", "disk_size": "32G", "efi_boot": true`, nil, "t.json:1:"},
		{`"accelerator": "none"`, func(b *template.Build) any { return vm(b).Accel }, qemu.TCG},
		{`"cpus": 9, "cores": 2, "threads": 2`, func(b *template.Build) any { return []int{vm(b).CPUs, vm(b).Cores, vm(b).Threads} }, []int{4, 2, 2}},
		{`"efi_boot": true`, func(b *template.Build) any { return vm(b).Firmware }, qemu.Firmware{Type: qemu.UEFI, VarsFile: "output-qemu/efivars.fd"}},
		{`"efi_firmware_code": "c.qcow2", "efi_firmware_vars": "v.fd", "efi_drop_efivars": true`, func(b *template.Build) any { return vm(b).Firmware },
			qemu.Firmware{Type: qemu.UEFI, Code: "c.qcow2", CodeFormat: "qcow2", Vars: "v.fd"}},
		{`"vtpm": true`, func(b *template.Build) any { return *vm(b).TPM }, qemu.TPM{}},
		{`"vtpm": true, "use_tpm1": true, "tpm_device_type": "tpm-tis", "tpm_state": true`, func(b *template.Build) any { return []any{*vm(b).TPM, b.Image.TPMState} },
			[]any{qemu.TPM{Version: qemu.TPM12, Model: "tpm-tis"}, "output-qemu/tpm-00.permall"}},
		{`"use_tpm1": true`, func(b *template.Build) any { return []any{vm(b).TPM, len(b.Warnings)} }, []any{(*qemu.TPM)(nil), 2}},
		{`"qmp_enable": true`, func(b *template.Build) any { return vm(b).QMPSocket }, "output-qemu/packer-qemu.monitor"},
		{`"qmp_enable": true, "qmp_socket_path": "/s"`, func(b *template.Build) any { return vm(b).QMPSocket }, "/s"},
		{`"qmp_socket_path": "/s"`, func(b *template.Build) any { return []any{vm(b).QMPSocket, len(b.Warnings)} }, []any{"", 2}},
		{`"iso_url": null, "iso_checksum": null, "kernel": "/k", "initrd": "/i", "kernel_args": "auto url=http://{{.HTTPIP}}:{{.HTTPPort}}/p name={{.Name}}"`, func(b *template.Build) any {
			return []any{b.Image.Media, *vm(b).Kernel, b.Image.KernelArgs(imagebuild.Vars{HTTPIP: "10.0.2.2", HTTPPort: 1})}
		}, []any{iso.Source{}, qemu.Kernel{Path: "/k", Initrd: "/i"}, "auto url=http://10.0.2.2:1/p name=packer-qemu"}},
		{`"shares": {"b": "/b", "a": "/a"}`, func(b *template.Build) any { return vm(b).Shares }, []qemu.Share{{Tag: "a", Path: "/a"}, {Tag: "b", Path: "/b"}}},
		{`"additional_isos": [["b.iso", "SHA256:` + strings.Repeat("A", 64) + `"], ["https://x/c.iso.xz", "none"]]`, func(b *template.Build) any { return []any{b.Image.Discs, len(b.Warnings)} },
			[]any{[]iso.Source{{URLs: []string{"b.iso"}, Checksum: "sha256:" + strings.Repeat("a", 64)}, {URLs: []string{"https://x/c.iso.xz"}, Checksum: "none", Unpack: true}}, 2}},
		{`"additional_isos": [["b.iso"]]`, nil, `t.json:1:`},
		{`"additional_isos": [["b.iso", "abc"]]`, nil, `t.json:1:`},
		{`"shares": {"a": "/a"}, "virtiofs_shares": {"c": "/c", "b": "/b"}`, func(b *template.Build) any { return vm(b).Shares },
			[]qemu.Share{{Tag: "a", Path: "/a"}, {Tag: "b", Path: "/b", Type: qemu.VirtioFS, Writable: true}, {Tag: "c", Path: "/c", Type: qemu.VirtioFS, Writable: true}}},
		{`"virtiofs_shares": {"a": "/a,b"}`, nil, `t.json:1:`},
		{`"iso_url": "s3::https://s3.example/a.iso"`, nil, `t.json:1:`},
		{`"iso_url": "git::https://git.example/a.git//a.iso"`, nil, `t.json:1:`},
		{`"firmware": "bios.bin"`, func(b *template.Build) any { return vm(b).Firmware }, qemu.Firmware{Type: qemu.BIOS, Code: "bios.bin"}},
		{`"firmware": "code.fd", "use_pflash": true`, func(b *template.Build) any { return vm(b).Firmware }, qemu.Firmware{Type: qemu.UEFI, Code: "code.fd"}},
		{`"iso_url": null, "iso_urls": ["a", "b"], "iso_checksum": "AB` + strings.Repeat("0", 30) + `"`, func(b *template.Build) any { return b.Image.Media },
			iso.Source{URLs: []string{"a", "b"}, Checksum: "ab" + strings.Repeat("0", 30)}},
		{`"iso_checksum_type": "sha256", "iso_checksum": "` + strings.Repeat("0", 64) + `"`, func(b *template.Build) any { return b.Image.Media.Checksum }, "sha256:" + strings.Repeat("0", 64)},
		{`"iso_checksum": null, "iso_checksum_url": "https://x/SUMS"`, func(b *template.Build) any { return b.Image.Media.Checksum }, "file:https://x/SUMS"},
		{`"iso_url": "https://x/a.iso?checksum=md5:` + strings.Repeat("0", 32) + `"`, func(b *template.Build) any { return b.Image.Media },
			iso.Source{URLs: []string{"https://x/a.iso"}, Checksum: "md5:" + strings.Repeat("0", 32)}},
		{`"iso_url": "https://x/a.img?archive=gz&token=t&checksum=md5:` + strings.Repeat("0", 32) + `&filename=b"`, func(b *template.Build) any { return b.Image.Media },
			iso.Source{URLs: []string{"https://x/a.img?token=t"}, Checksum: "md5:" + strings.Repeat("0", 32), Unpack: true}},
		{`"iso_url": "a.gz?archive=false", "iso_checksum": "none"`, func(b *template.Build) any { return b.Image.Media }, iso.Source{URLs: []string{"a.gz"}, Checksum: "none"}},
		{`"host_port_min": 2222, "host_port_max": 2222, "ssh_port": 2200`, func(b *template.Build) any { return vm(b).NICs },
			[]qemu.NIC{{Forwards: []qemu.Forward{{HostPort: 2222, GuestPort: 2200}}}}},
		{`"host_port_min": 2222, "host_port_max": 2229`, func(b *template.Build) any { return vm(b).NICs },
			[]qemu.NIC{{Forwards: []qemu.Forward{{HostPort: 2222, HostPortMax: 2229, GuestPort: 22}}}}},
		{`"host_port_min": 5000`, func(b *template.Build) any { return vm(b).NICs }, []qemu.NIC{{Forwards: []qemu.Forward{{HostPort: 5000, GuestPort: 22}}}}},
		{`"host_port_max": 3000`, func(b *template.Build) any { return vm(b).NICs }, []qemu.NIC{{Forwards: []qemu.Forward{{HostPort: 2222, HostPortMax: 3000, GuestPort: 22}}}}},
		{`"host_port_max": 80`, func(b *template.Build) any { return vm(b).NICs }, []qemu.NIC{{Forwards: []qemu.Forward{{HostPort: 80, GuestPort: 22}}}}},
		{`"net_bridge": "br0", "ssh_port": 2200, "http_content": {"/a": "b"}`, func(b *template.Build) any { return []any{vm(b).NICs, b.Image.SSH.Addr, b.Image.SSHPort, b.Image.HTTP} },
			[]any{[]qemu.NIC{{Mode: qemu.NetBridge, Bridge: "br0"}}, "", 2200, imagebuild.HTTP{}}},
		{`"http_bind_address": "0.0.0.0", "http_port_min": 8000, "http_port_max": 8002`, func(b *template.Build) any { return b.Image.HTTP }, imagebuild.HTTP{Addr: "0.0.0.0", PortMin: 8000, PortMax: 8002}},
		{`"http_interface": "br0", "http_network_protocol": "tcp6", "http_port_max": 80`, func(b *template.Build) any { return b.Image.HTTP }, imagebuild.HTTP{Interface: "br0", IPv6: true, PortMin: 80, PortMax: 80}},
		{`"http_bind_address": "10.0.2.2"`, func(b *template.Build) any { return b.Image.HTTP }, imagebuild.HTTP{}},
		{`"http_bind_address": "192.0.2.7", "boot_command": "{{.HTTPIP}}"`, func(b *template.Build) any { return b.Commands }, []template.Command{{Text: "192.0.2.7"}}},
		{`"http_network_protocol": "unix"`, nil, `t.json:1:31: builders[0].http_network_protocol: unix: no guest can reach`},
		{`"ssh_ciphers": ["aes256-ctr"], "ssh_key_exchange_algorithms": "ecdh-sha2-nistp256,curve25519-sha256"`, func(b *template.Build) any {
			return []any{b.Image.SSH.Ciphers, b.Image.SSH.KeyExchanges, b.Image.SSH.Legacy, len(b.Warnings)}
		}, []any{[]string{"aes256-ctr"}, []string{"ecdh-sha2-nistp256", "curve25519-sha256"}, false, 1}},
		{`"ssh_ciphers": ["aes128-cbc"]`, func(b *template.Build) any {
			return []any{b.Image.SSH.Ciphers, b.Image.SSH.KeyExchanges, b.Image.SSH.Legacy, len(b.Warnings)}
		}, []any{[]string{"aes128-cbc"}, ssh.KeyExchanges(false), true, 2}},
		{`"ssh_ciphers": ["aes256ctr"]`, nil, `t.json:`},
		{`"ssh_local_tunnels": ["8080:localhost:80"], "ssh_remote_tunnels": "2222:[::1]:22"`, func(b *template.Build) any {
			return []any{b.Image.SSH.LocalTunnels, b.Image.SSH.RemoteTunnels}
		}, []any{[]ssh.Tunnel{{Listen: "127.0.0.1:8080", To: "localhost:80"}}, []ssh.Tunnel{{Listen: "127.0.0.1:2222", To: "[::1]:22"}}}},
		{`"ssh_local_tunnels": ["8080"]`, nil, `t.json:`},
		{`"qemu_binary": "qemu-system-aarch64", "qemuargs": [["-boot", "strict=off"], ["-device", "qemu-xhci"], ["-device", "usb-kbd"], ["-bios", "QEMU_EFI.fd"]]`, func(b *template.Build) any {
			return []any{vm(b).Boot, vm(b).Firmware, len(vm(b).Args)}
		}, []any{qemu.BootOrder(""), qemu.Firmware{Type: qemu.BIOS, Code: "QEMU_EFI.fd"}, 2}},
		{`"ssh_host": "10.1.2.3", "net_bridge": "br0", "net_device": "e1000"`, func(b *template.Build) any { return []any{vm(b).NICs, b.Image.SSH.Addr} },
			[]any{[]qemu.NIC{{Mode: qemu.NetBridge, Bridge: "br0", Model: "e1000"}}, "10.1.2.3:22"}},
		{`"qemuargs": [["-m", "2G"], ["-smp", "3"], ["-cpu", "host"], ["--vga", "qxl"], ["-machine", "type=q35,accel=kvm"], ["-boot", "c"], ["-rtc", "base=localtime"]]`,
			func(b *template.Build) any {
				return []any{vm(b).Memory, vm(b).CPUs, vm(b).CPU, vm(b).VGA, vm(b).Machine, vm(b).Accel, vm(b).Boot, vm(b).Args}
			},
			[]any{2048, 3, "host", "qxl", "q35", qemu.KVM, qemu.BootDisk, []qemu.ArgEdit{{Op: qemu.ArgAdd, Option: "-rtc", Value: "base=localtime"}}}},
		{`"http_content": {"/a": "b"}, "qemuargs": [["-rtc", "base=utc"], ["-smbios", "type=1,serial=ds=nocloud-net;s=http://{{ .HTTPIP }}:{{ .HTTPPort }}/"], ["-usb"]]`, func(b *template.Build) any {
			return []any{vm(b).Args, b.Image.Args(imagebuild.Vars{HTTPIP: "10.0.2.2", HTTPPort: 8000})}
		}, []any{[]qemu.ArgEdit{{Op: qemu.ArgAdd, Option: "-rtc", Value: "base=utc"}},
			[]qemu.ArgEdit{{Op: qemu.ArgAdd, Option: "-smbios", Value: "type=1,serial=ds=nocloud-net;s=http://10.0.2.2:8000/"}, {Op: qemu.ArgAdd, Option: "-usb"}}}},
		{`"net_bridge": "br0", "http_content": {"/a": "b"}, "qemuargs": [["-smbios", "type=1,serial={{ .HTTPIP }}"]]`, func(b *template.Build) any {
			return b.Image.Args(imagebuild.Vars{HTTPIP: "192.0.2.1", HTTPPort: 8000})
		}, []qemu.ArgEdit{{Op: qemu.ArgAdd, Option: "-smbios", Value: "type=1,serial=192.0.2.1"}}},
		{`"qemuargs": [["-smbios", "type=1,serial={{ .SSHHostPort }}"]]`, nil, `t.json:1:`},
		{`"qemuargs": [["-netdev", "user,id=user.0,", "hostfwd=tcp::{{.SSHHostPort}}-:22,hostfwd=tcp:127.0.0.1:8080-:80"]]`, func(b *template.Build) any { return vm(b).NICs },
			[]qemu.NIC{{Forwards: []qemu.Forward{{HostAddr: "127.0.0.1", HostPort: 8080, GuestPort: 80}}}}},
		{`"boot_command": ["a,b", "<enter>\n"]`, func(b *template.Build) any { return b.Commands }, []template.Command{{Text: "a,b<enter>"}}},
		{`"boot_command": "a,b"`, func(b *template.Build) any { return b.Commands }, []template.Command{{Text: "a,b"}}},
		{`"boot_command": ["{{.Name}} {{.HTTPIP}} {{.HTTPPort}}"], "vm_name": "disk"`, func(b *template.Build) any { return b.Commands }, []template.Command{{Text: "disk 10.0.2.2 0"}}},
		{`"boot_command": ["a"], "boot_wait": "-1s", "communicator": "none", "shutdown_timeout": "7s"`, steps, "type the boot command 0s, wait until the guest is off 7s"},
		{`"boot_serial": ["root<enter>", "{{ .Name }}"], "boot_command": ["a"], "boot_wait": "-1s"`, func(b *template.Build) any { return []any{steps(b), b.Serial} },
			[]any{"type the boot command 0s, type on the serial port 0s, wait for SSH 5m0s", "root<enter>packer-qemu"}},
		{`"boot_command": ["a"]`, steps, "pause for 10s 0s, type the boot command 0s, wait for SSH 5m0s"},
		{`"ssh_handshake_attempts": 3, "pause_before_connecting": "2s"`, steps, "wait for SSH -1ns, pause for 2s 0s, wait for SSH -1ns"},
		{`"cd_content": {"/user-data": "x"}, "cd_label": "cidata"`, func(b *template.Build) any { return *b.Image.Seed }, iso.Volume{Label: "cidata", Content: map[string]string{"user-data": "x"}}},
		{`"vnc_port_min": 5950, "vnc_port_max": 5950`, func(b *template.Build) any { return vm(b).Viewer }, "127.0.0.1:5950"},
		{`"vnc_bind_address": "0.0.0.0", "qemuargs": [["-cdrom", "seed.iso"], ["-cdrom", "a.iso"]]`, func(b *template.Build) any { return []any{vm(b).Viewer, vm(b).CDROMs, len(b.Warnings)} },
			[]any{"", []qemu.CDROM{{Path: "seed.iso"}}, 2}},
		{`"vnc_port_min": 5950, "vnc_port_max": 5960`, func(b *template.Build) any { return vm(b).Viewer }, "127.0.0.1:5950-5960"},
		{`"vnc_port_max": 5960, "vnc_bind_address": "::1"`, func(b *template.Build) any { return vm(b).Viewer }, "[::1]:5900-5960"},
		{`"vnc_port_min": 5950, "vnc_use_password": true`, func(b *template.Build) any { return []any{vm(b).Viewer, len(b.Warnings)} }, []any{"", 2}},
		{`"shutdown_command": "echo '{{.Vars}}'"`, nil, "t.json:"},
		{`"ssh_password": "x", "ssh_keep_alive_interval": "3s"`, func(b *template.Build) any {
			return []any{string(b.Image.SSH.Password), b.Image.SSH.KeepAlive}
		}, []any{"x", 3 * time.Second}},
	}
	for _, tt := range tests {
		t.Run(tt.options, func(t *testing.T) {
			if tt.get == nil {
				if got := bad("t.json", []byte(withOptions(tt.options))); !strings.HasPrefix(got, fmt.Sprint(tt.want)) {
					t.Error(got)
				}
				return
			}
			b := parse(t, withOptions(tt.options), &template.Config{Env: noEnv})[0]
			if diff := cmp.Diff(tt.want, tt.get(b)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func steps(b *template.Build) any {
	var list []string
	for _, s := range b.Image.Steps {
		list = append(list, fmt.Sprint(s.Name, " ", s.Timeout))
	}
	return strings.Join(list, ", ")
}

// TestVariables looks at where values come from and what may be in them.
func TestVariables(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "1.json"), filepath.Join(dir, "2.json")
	for path, text := range map[string]string{first: `{"b":"file1","c":"file1","unknown":"x"}`, second: `{"c":"file2","d":"file2"}`} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text := `{"_comment":"c","variables":{"a":"default","b":"default","c":"default","d":"default","e":"{{env ` + "`E`" + `}}-{{user ` + "`f`" + `}}","f":"{{isotime \"2006\"}}","n":5},
"builders":[{"type":"null"}],"push":{}}`
	c := &template.Config{
		VarFiles: []string{first, second}, Vars: map[string]string{"d": "flag"}, Now: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC),
		Env: func(name string) (string, bool) { return "env" + name, true },
	}
	tmpl, err := template.Parse(context.Background(), "t.json", []byte(text), c)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, v := range tmpl.Variables {
		got[v.Name] = v.Value
	}
	want := map[string]string{"a": "default", "b": "file1", "c": "file2", "d": "flag", "e": "envE-2026", "f": "2026", "n": "5"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestFunctions renders every function that can be told beforehand.
func TestFunctions(t *testing.T) {
	for in, want := range map[string]string{
		"{{upper `a`}}{{lower `B`}}":              "Ab",
		"{{timestamp}}":                           "1000000000",
		"{{isotime}}":                             "2001-09-09T01:46:40Z",
		"{{strftime `%Y-%m-%d %H%%`}}":            "2001-09-09 01%",
		"{{clean_resource_name `a b:c`}}":         "a-b-c",
		"{{split `a-b-c` `-` 1}}":                 "b",
		"{{replace `a` `b` 1 `aa`}}":              "ba",
		"{{replace_all `a` `b` `aa`}}":            "bb",
		"{{build_name}}.{{build_type}}":           "qemu.qemu",
		"{{packer_version}}":                      "1.16.0",
		"{{printf `%03d` 7}}{{`x y` | urlquery}}": "007x+y",
		"{{shout `a`}}":                           "A!",
		"{{uuid | len}}":                          "36",
		"{{template_dir | printf `%.1s`}}":        "/",
	} {
		c := template.Config{Env: noEnv, Now: time.Unix(1000000000, 0)}
		if err := c.Components.Register("shout", func(s string) string { return strings.ToUpper(s) + "!" }); err != nil {
			t.Fatal(err)
		}
		option, _ := json.Marshal(in)
		b := parse(t, withOptions(`"cd_content": {"a": `+string(option)+`}`), &c)[0]
		if got := b.Image.Seed.Content["a"]; got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

// TestRegister tries components that are none, and one of each kind.
func TestRegister(t *testing.T) {
	var c template.Components
	for _, bad := range []any{nil, 5, func() {}, func() (int, int) { return 0, 0 }, template.Builder(nil)} {
		if err := c.Register("x", bad); err == nil {
			t.Errorf("%T was registered", bad)
		}
	}
	if err := c.Register("", func() string { return "" }); err == nil {
		t.Error("a component without a name was registered")
	}
	builder := template.Builder(func(b template.Block) (*imagebuild.Build, error) {
		var o struct{ Size int64 }
		if err := b.Decode(&o); err != nil {
			return nil, err
		}
		return &imagebuild.Build{Output: "out/disk", Disk: imagebuild.Disk{Size: o.Size}}, nil
	})
	if err := c.Register("other", builder); err != nil {
		t.Fatal(err)
	}
	if err := c.Register("other", builder); err == nil {
		t.Error("registered twice")
	}
	b := parse(t, `{"builders":[{"type":"other","size":7}]}`, &template.Config{Components: c})[0]
	if b.Image.Disk.Size != 7 || b.Dir != "out" {
		t.Errorf("%+v", b.Image)
	}
	if got := bad("t.json", []byte(`{"builders":[{"type":"other"}]}`)); !strings.Contains(got, "no builder") {
		t.Error(got)
	}
}

// TestChoose leaves builders, provisioners and post-processors out.
func TestChoose(t *testing.T) {
	one := `{"type":"qemu","name":"NAME","iso_url":"a","iso_checksum":"none","headless":true,"ssh_username":"root"}`
	text := `{"builders":[` + strings.Replace(one, "NAME", "a", 1) + "," + strings.Replace(one, "NAME", "b", 1) + `],
"provisioners":[{"type":"sleep","duration":"1s","only":["a"]},{"type":"breakpoint","name":"stop","except":["a"]}]}`
	for _, tt := range []struct {
		c    template.Config
		want string
	}{
		{template.Config{}, "a: wait for SSH 5m0s, sleep -1ns; b: wait for SSH 5m0s, stop -1ns; "},
		{template.Config{Only: []string{"b"}}, "b: wait for SSH 5m0s, stop -1ns; "},
		{template.Config{Except: []string{"b"}}, "a: wait for SSH 5m0s, sleep -1ns; "},
	} {
		tt.c.Env = noEnv
		got := ""
		for _, b := range parse(t, text, &tt.c) {
			got += fmt.Sprintf("%s: %v; ", b.Name, steps(b))
		}
		if got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}
