package imagebuild

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/internal/typeguest"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/keyseq"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/ssh"
)

// What a guest is configured by, as a Linux guest finds it: a CD with a label
// and files that have the temporary key, and an Ignition configuration.
func TestSeedInGuest(t *testing.T) {
	t.Parallel()
	say := func(command, want string) []Step {
		return []Step{TypeSerial(`<wait "# ">` + keyseq.Quote(command) + "<enter>"), WaitSerial(`\n` + want)}
	}
	var steps []Step
	for _, s := range [][]Step{
		say("dd if=/dev/vdb bs=1 skip=32808 count=7 2>/dev/null | sed 's/$/ is it/'", "cidata  is it"),
		say("mkdir /seed; mount -t iso9660 /dev/vdb /seed; ls /seed", "meta-data +network-config +own +user-data"),
		say("cat /seed/user-data | sed 's/^/1 /'", `1 #cloud-config`),
		say("cat /seed/user-data | sed 's/^/2 /'", `2 +"ssh-ed25519 [^"]+"`),
		say("cat /seed/network-config | sed 's/^/3 /'", `3 version: 2`),
		say("cat /sys/firmware/qemu_fw_cfg/by_name/opt/com.coreos/config/raw", `\{"ignition":\{"version":"3.4.0"\},"name":"out"\}`),
	} {
		steps = append(steps, s...)
	}
	b, _ := linux9P(t, append(steps, TypeSerial("poweroff -f<enter>"), WaitShutdown())...)
	b.SSH = ssh.Config{User: "root"} // which makes a key
	b.CDBus = qemu.VirtIO
	b.Seed = &iso.Volume{Label: "cidata", Content: map[string]string{"own": "x"}}
	b.SeedFiles = func(v Vars) (map[string]string, error) {
		return NoCloud{UserData: map[string]any{"ssh_authorized_keys": []string{v.SSHPublicKey}}, NetworkConfig: "version: 2\n"}.Files()
	}
	b.Ignition = func(v Vars) (any, error) {
		return json.RawMessage(`{"ignition":{"version":"3.4.0"},"name":"` + v.Name + `"}`), nil
	}
	if _, err := b.Run(later(t)); err != nil {
		t.Fatal(err)
	}
}

// linux9P is linux with the kernel that knows CDs and fw_cfg.
func linux9P(t *testing.T, steps ...Step) (*Build, *events) {
	t.Helper()
	b, r := linux(t, steps...)
	var err error
	b.VM.Kernel.Path, b.VM.Kernel.Initrd, err = typeguest.Linux9P(t.TempDir(), "..")
	if missing := new(typeguest.MissingError); errors.As(err, &missing) {
		need.Skip(t, missing.Error())
	} else if err != nil {
		t.Fatal(err)
	}
	return b, r
}

func TestNoCloud(t *testing.T) {
	type user struct {
		Name string `json:"name"`
	}
	for name, tt := range map[string]struct {
		n    NoCloud
		want map[string]string
	}{
		"nothing": {NoCloud{}, map[string]string{"user-data": "", "meta-data": ""}},
		"text":    {NoCloud{UserData: "#!/bin/sh\n", MetaData: []byte("instance-id: a\n")}, map[string]string{"user-data": "#!/bin/sh\n", "meta-data": "instance-id: a\n"}},
		"values": {NoCloud{UserData: map[string]any{"users": []user{{"a"}}}, VendorData: struct{}{}, NetworkConfig: map[string]int{"version": 2}}, map[string]string{
			"user-data":   "#cloud-config\n{\n  \"users\": [\n    {\n      \"name\": \"a\"\n    }\n  ]\n}\n",
			"vendor-data": "#cloud-config\n{}\n", "network-config": "{\n  \"version\": 2\n}\n", "meta-data": "",
		}},
	} {
		got, err := tt.n.Files()
		if err != nil || !cmp.Equal(got, tt.want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := (NoCloud{MetaData: make(chan int)}).Files(); err == nil || !strings.Contains(err.Error(), "NoCloud.MetaData") {
		t.Error(err)
	}
}

// What is wrong with a seed that is made when the build runs is found before.
func TestValidateSeed(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*Build){
		"SeedFiles: there is no Seed": func(b *Build) { b.SeedFiles = func(Vars) (map[string]string, error) { return nil, nil } },
		"SeedFiles: no luck": func(b *Build) {
			b.Seed = &iso.Volume{}
			b.SeedFiles = func(Vars) (map[string]string, error) { return nil, errors.New("no luck") }
		},
		`SeedFiles: "a" is in Seed.Content too`: func(b *Build) {
			b.Seed = &iso.Volume{Content: map[string]string{"a": "1"}}
			b.SeedFiles = func(Vars) (map[string]string, error) { return map[string]string{"a": "2"}, nil }
		},
		`Volume.Content["/a"]`: func(b *Build) {
			b.Seed = &iso.Volume{}
			b.SeedFiles = func(Vars) (map[string]string, error) { return map[string]string{"/a": "2"}, nil }
		},
		"Ignition: returns what is no JSON": func(b *Build) { b.Ignition = func(Vars) (any, error) { return "variant: fcos", nil } },
		"Ignition: json: unsupported type":  func(b *Build) { b.Ignition = func(Vars) (any, error) { return make(chan int), nil } },
		"Ignition: no luck":                 func(b *Build) { b.Ignition = func(Vars) (any, error) { return nil, errors.New("no luck") } },
		"Ignition: VM.FwCfg has such a file too": func(b *Build) {
			b.Ignition = func(Vars) (any, error) { return "{}", nil }
			b.VM.FwCfg = []qemu.FwCfg{{Name: "opt/com.coreos/config", Text: "{}"}}
		},
	} {
		b, _ := newBuild(t, guest.Button)
		change(b)
		if err := b.Validate(soon(t)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
