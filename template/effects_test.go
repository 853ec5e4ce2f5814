package template_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/internal/typeguest"
	"github.com/bootscribe/bootscribe/qemu/qemuimg"
	"github.com/bootscribe/bootscribe/qemu/qmp"
	"github.com/bootscribe/bootscribe/template"
)

// inside builds a template whose machine a function looks at while it runs, and
// that is switched off then. It returns what was made, in its directory.
func inside(t *testing.T, options map[string]any, f func(context.Context, *imagebuild.Guest) error) (dir string, b *template.Build, artifacts []*template.Artifact) {
	t.Helper()
	var c template.Config
	look(t, &c, func(ctx context.Context, g *imagebuild.Guest) error {
		if err := f(ctx, g); err != nil {
			return err
		}
		return g.VM.Powerdown(ctx)
	})
	if options["iso_url"] == nil && options["iso_urls"] == nil {
		options["iso_url"] = guest.CD(t, guest.Button)
	}
	dir = filepath.Join(t.TempDir(), "out")
	options["communicator"], options["output_directory"], options["vm_name"] = "none", dir, "disk"
	b, artifacts, err := run(t, options, map[string]any{"provisioners": []any{map[string]any{"type": "look"}}}, &c)
	if err != nil {
		t.Fatal(err)
	}
	return dir, b, artifacts
}

// monitor asks QEMU something as a person would.
func monitor(ctx context.Context, g *imagebuild.Guest, line string) (out string, err error) {
	err = g.VM.QMP().Execute(ctx, "human-monitor-command", map[string]any{"command-line": line}, &out)
	return out, err
}

// TestProcessor looks at the processors and the screen as QEMU has them, of an
// emulator that the template names.
func TestProcessor(t *testing.T) {
	t.Parallel()
	i386 := need.Tool(t, "qemu-system-i386")
	inside(t, map[string]any{
		"qemu_binary": i386, "sockets": 1, "cores": 2, "threads": 2, "cpus": 9, "cpu_model": "Nehalem", "vga": "cirrus", "use_default_display": true,
	}, func(ctx context.Context, g *imagebuild.Guest) error {
		var target struct{ Arch string }
		var cpus []struct {
			Path  string         `json:"qom-path"`
			Props map[string]int `json:"props"`
		}
		conn := g.VM.QMP()
		if err := conn.Execute(ctx, "query-target", nil, &target); err != nil {
			return err
		}
		if err := conn.Execute(ctx, "query-cpus-fast", nil, &cpus); err != nil {
			return err
		}
		last := cpus[len(cpus)-1]
		var model string
		if err := conn.Execute(ctx, "qom-get", map[string]any{"path": last.Path, "property": "type"}, &model); err != nil {
			return err
		}
		if want := map[string]int{"socket-id": 0, "core-id": 1, "thread-id": 1}; target.Arch != "i386" || len(cpus) != 4 || !cmp.Equal(last.Props, want) || model != "Nehalem-i386-cpu" {
			t.Errorf("%s with %d processors, the last %v, of the model %s", target.Arch, len(cpus), last.Props, model)
		}
		tree, err := monitor(ctx, g, "info qtree")
		if !strings.Contains(tree, "dev: cirrus-vga") {
			t.Errorf("no cirrus-vga in %s", tree)
		}
		return err
	})
}

// TestNoEffect builds with all that has no effect, or is better than it was asked
// for, and looks that it is so.
func TestNoEffect(t *testing.T) {
	t.Parallel()
	dir, b, _ := inside(t, map[string]any{
		"iso_target_path": filepath.Join(t.TempDir(), "nowhere"), "iso_target_extension": "img", "iso_skip_cache": true, "run_once": "true",
		"disk_cache": "none", "disk_discard": "ignore", "disk_detect_zeroes": "on", "boot_keygroup_interval": "1s",
		"disable_vnc": true, "vnc_use_password": true, "vnc_password": "secret", "vnc_port_min": 5900, "vnc_port_max": 6000,
		"ssh_keypair_name": "x", "temporary_key_pair_name": "x", "temporary_key_pair_bits": 4096, "ssh_public_key": "x",
		"ssh_disable_agent_forwarding": true, "ssh_file_transfer_method": "scp", "ssh_bastion_interactive": true,
	}, func(ctx context.Context, g *imagebuild.Guest) error {
		var nodes []struct {
			Name   string          `json:"node-name"`
			Zeroes string          `json:"detect_zeroes"`
			Cache  map[string]bool `json:"cache"`
		}
		if err := g.VM.QMP().Execute(ctx, "query-named-block-nodes", nil, &nodes); err != nil {
			return err
		}
		var found bool
		for _, n := range nodes {
			if n.Name != "disk0" {
				continue
			}
			found = true
			if n.Zeroes != "unmap" || n.Cache["direct"] || !n.Cache["no-flush"] {
				t.Errorf("the disk is %+v", n)
			}
		}
		if !found || g.VM.Viewer() != "" {
			t.Errorf("no disk in %+v, or viewers at %q", nodes, g.VM.Viewer())
		}
		screens, err := monitor(ctx, g, "info vnc")
		if strings.Contains(screens, "Server:") {
			t.Errorf("somebody may look: %s", screens)
		}
		return err
	})
	if diff := cmp.Diff([]string{"disk"}, entries(t, dir)); diff != "" {
		t.Error(diff)
	}
	if len(b.Warnings) < 2 {
		t.Errorf("warnings: %v", b.Warnings)
	}
}

// TestVNCPorts finds the screen at the first port of the template's that is free,
// on this host alone, whatever address the template has.
func TestVNCPorts(t *testing.T) {
	t.Parallel()
	var busy net.Listener
	first := 5900
	for ; busy == nil && first < 65000; first += 7 {
		busy, _ = net.Listen("tcp", fmt.Sprint("127.0.0.1:", first))
		if busy != nil {
			break
		}
	}
	defer busy.Close()
	_, b, _ := inside(t, map[string]any{"vnc_bind_address": "0.0.0.0", "vnc_port_min": first, "vnc_port_max": first + 300}, func(ctx context.Context, g *imagebuild.Guest) error {
		host, port, err := net.SplitHostPort(g.VM.Viewer())
		if err != nil || host != "127.0.0.1" || port == fmt.Sprint(first) {
			t.Errorf("the screen is at %q, and %d is taken: %v", g.VM.Viewer(), first, err)
		}
		conn, err := net.Dial("tcp", g.VM.Viewer())
		if err != nil {
			return err
		}
		defer conn.Close()
		greeting := make([]byte, 4)
		if _, err := io.ReadFull(conn, greeting); err != nil || string(greeting) != "RFB " {
			t.Errorf("%q, %v", greeting, err)
		}
		return nil
	})
	if len(b.Warnings) != 2 || !strings.Contains(b.Warnings[1].Problem+b.Warnings[0].Problem, "other machines cannot reach the screen") {
		t.Errorf("%v", b.Warnings)
	}
}

// TestHostPorts finds the guest's port at the first of the template's that is free.
func TestHostPorts(t *testing.T) {
	t.Parallel()
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	first := busy.Addr().(*net.TCPAddr).Port
	last := min(first+300, 65535)
	inside(t, map[string]any{"host_port_min": first, "host_port_max": last, "ssh_port": 2200}, func(ctx context.Context, g *imagebuild.Guest) error {
		addr, err := g.VM.Forwarded(ctx, 2200)
		if p := int(addr.Port()); err == nil && (!addr.Addr().IsLoopback() || p <= first || p > last) {
			t.Errorf("it is at %v, and not above %d", addr, first)
		}
		return err
	})
}

// TestFirmware starts what the template gives as firmware, and not QEMU's own.
func TestFirmware(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(need.File(t, "/usr/share/seabios/bios-256k.bin", "install seabios"))
	if err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(t.TempDir(), "own.bin")
	if err := os.WriteFile(own, text, 0o600); err != nil {
		t.Fatal(err)
	}
	inside(t, map[string]any{"firmware": own}, func(ctx context.Context, g *imagebuild.Guest) error {
		roms, err := monitor(ctx, g, "info roms")
		if !strings.Contains(roms, own) {
			t.Errorf("%s is not among\n%s", own, roms)
		}
		return err
	})
}

// TestPflash boots a disk by UEFI firmware that the template gives: as a chip
// without variables, and with variables, both in qcow2.
func TestPflash(t *testing.T) {
	t.Parallel()
	efi, err := typeguest.EFIPrograms()
	if err != nil {
		t.Skip(err) // TestEFI tells a missing package from a fault
	}
	dir := t.TempDir()
	for _, name := range []string{"CODE", "VARS"} {
		from := need.File(t, "/usr/share/OVMF/OVMF_"+name+"_4M.fd", "install ovmf")
		if out, err := exec.Command("qemu-img", "convert", "-f", "raw", "-O", "qcow2", from, filepath.Join(dir, name+".qcow2")).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	for name, tt := range map[string]struct {
		options map[string]any
		files   []string
	}{
		"use_pflash":        {map[string]any{"firmware": "/usr/share/OVMF/OVMF_CODE_4M.fd", "use_pflash": true, "machine_type": "q35"}, []string{"disk"}},
		"efi_firmware_code": {map[string]any{"efi_firmware_code": filepath.Join(dir, "CODE.qcow2"), "efi_firmware_vars": filepath.Join(dir, "VARS.qcow2")}, []string{"disk", "efivars.fd"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disk := filepath.Join(t.TempDir(), "disk.img")
			if err := typeguest.EFIDisk(t.Context(), disk, efi.GRUB, efi.Signed); err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(t.TempDir(), "out")
			tt.options["iso_url"], tt.options["disk_image"], tt.options["skip_resize_disk"] = disk, true, true
			tt.options["communicator"], tt.options["memory"], tt.options["output_directory"], tt.options["vm_name"] = "none", 256, out, "disk"
			b, _, err := run(t, tt.options, nil, &template.Config{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.files, entries(t, out)); diff != "" {
				t.Error(diff)
			}
			if b.Image.VM.Firmware.Vars == "" {
				return
			}
			info, err := (&qemuimg.Tool{}).Info(context.Background(), filepath.Join(out, "efivars.fd"), "")
			if err != nil || info.Format != qemuimg.Qcow2 {
				t.Errorf("the variables: %+v, %v", info, err)
			}
		})
	}
}

// TestMedia takes the second of the addresses, the first being no good, and has a
// further disc in a drive of its own.
func TestMedia(t *testing.T) {
	t.Parallel()
	medium := guest.CD(t, guest.Button)
	server := httptestDir(t, filepath.Dir(medium))
	disc := filepath.Join(t.TempDir(), "drivers.iso")
	if err := os.WriteFile(disc, make([]byte, 4<<10), 0o644); err != nil {
		t.Fatal(err)
	}
	_, _, artifacts := inside(t, map[string]any{
		"iso_urls": []string{server + "/none.iso", server + "/" + filepath.Base(medium)}, "iso_checksum": digestOf(t, medium),
		"additional_isos": [][]string{{disc, digestOf(t, disc)}}, "cd_content": map[string]string{"a": "b"},
	}, func(ctx context.Context, g *imagebuild.Guest) error {
		if file := fileOf(ctx, t, g, "cd2"); file != disc {
			t.Errorf("in the third drive is %q", file)
		}
		return nil
	})
	if a := artifacts[0].Image; a.Medium != digestOf(t, medium) || len(a.Discs) != 1 || a.Discs[0] != digestOf(t, disc) {
		t.Errorf("made of the medium %s and the discs %v", a.Medium, a.Discs)
	}
}

// TestDiscChecksum wants each disc to be the right one.
func TestDiscChecksum(t *testing.T) {
	t.Parallel()
	disc := guest.Disk(t, guest.Echo)
	_, _, err := run(t, map[string]any{
		"iso_url": guest.CD(t, guest.Button), "communicator": "none", "output_directory": filepath.Join(t.TempDir(), "out"),
		"additional_isos": [][]string{{disc, "sha256:" + strings.Repeat("0", 64)}},
	}, nil, &template.Config{})
	if err == nil || !strings.Contains(err.Error(), "builders[0].additional_isos[0]") && !strings.Contains(err.Error(), "Discs[0]") || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("%v", err)
	}
}

// digestOf returns the checksum of a file.
func digestOf(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256(data))
}

// httptestDir serves a directory and returns where.
func httptestDir(t *testing.T, dir string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.FileServer(http.Dir(dir))}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return "http://" + l.Addr().String()
}

// TestServed fetches a file of the template's directory: by the address of an
// interface, and by IPv6.
func TestServed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "preseed.cfg"), []byte("d-i"), 0o644); err != nil {
		t.Fatal(err)
	}
	fetch := func(host string) func(context.Context, *imagebuild.Guest) error {
		return func(ctx context.Context, g *imagebuild.Guest) error {
			res, err := http.Get("http://" + net.JoinHostPort(host, fmt.Sprint(g.HTTPPort)) + "/preseed.cfg")
			if err != nil {
				return err
			}
			defer res.Body.Close()
			if text, err := io.ReadAll(res.Body); err != nil || string(text) != "d-i" {
				t.Errorf("%q, %v", text, err)
			}
			return nil
		}
	}
	t.Run("http_interface", func(t *testing.T) {
		t.Parallel()
		name, own := ownInterface(t)
		inside(t, map[string]any{"http_directory": dir, "http_interface": name}, func(ctx context.Context, g *imagebuild.Guest) error {
			if g.HTTPIP != own {
				t.Errorf("the guest finds it at %q, want %q", g.HTTPIP, own)
			}
			return fetch(own)(ctx, g)
		})
	})
	t.Run("http_network_protocol", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp6", "[::1]:0")
		if err != nil {
			t.Skip(err) // a host without IPv6
		}
		l.Close()
		inside(t, map[string]any{"http_directory": dir, "http_network_protocol": "tcp6"}, fetch("::1"))
	})
}

// ownInterface returns an interface that has an address which a guest reaches.
func ownInterface(t *testing.T) (name, address string) {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		addrs, _ := i.Addrs()
		for _, a := range addrs {
			if p, ok := a.(*net.IPNet); ok && p.IP.To4() != nil && !p.IP.IsLoopback() && i.Flags&net.FlagUp != 0 {
				return i.Name, p.IP.String()
			}
		}
	}
	t.Skip("there is no interface but loopback's")
	return "", ""
}

// TestFloppy reads the floppy that the machine has with the programs of mtools.
func TestFloppy(t *testing.T) {
	t.Parallel()
	mtype, mdir := need.Tool(t, "mtype"), need.Tool(t, "mdir")
	dir := t.TempDir()
	for name, text := range map[string]string{"flat/ks.cfg": "one", "tree/sub/deep": "two"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	inside(t, map[string]any{
		"floppy_files": []string{filepath.Join(dir, "flat", "*.cfg")}, "floppy_dirs": []string{filepath.Join(dir, "tree")}, "floppy_content": map[string]string{"own": "three"}, "floppy_label": "oemdrv",
	}, func(ctx context.Context, g *imagebuild.Guest) error {
		image := fileOf(ctx, t, g, "floppy")
		for file, want := range map[string]string{"ks.cfg": "one", "tree/sub/deep": "two", "own": "three"} {
			out, err := exec.CommandContext(ctx, mtype, "-i", image, "::/"+file).CombinedOutput()
			if err != nil || string(out) != want {
				t.Errorf("%s: %q, %v", file, out, err)
			}
		}
		out, err := exec.CommandContext(ctx, mdir, "-i", image).CombinedOutput()
		if err != nil || !strings.Contains(strings.ToUpper(string(out)), "OEMDRV") {
			t.Errorf("no label in %s, %v", out, err)
		}
		return nil
	})
}

// fileOf returns the file of a drive, by a part of its name in QEMU.
func fileOf(ctx context.Context, t *testing.T, g *imagebuild.Guest, part string) string {
	t.Helper()
	var nodes []struct {
		Name string `json:"node-name"`
		File string `json:"file"`
	}
	if err := g.VM.QMP().Execute(ctx, "query-named-block-nodes", nil, &nodes); err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		if strings.Contains(n.Name, part) {
			return n.File
		}
	}
	t.Fatalf("no drive is called %s: %+v", part, nodes)
	return ""
}

// TestKeyInterval types with the template's pause after each event of a key.
func TestKeyInterval(t *testing.T) {
	t.Parallel()
	const interval = 100 * time.Millisecond
	var took time.Duration
	c := template.Config{Observe: func(_ string, e imagebuild.Event) {
		if d, ok := e.(imagebuild.StepDone); ok && d.Step == "type the boot command" {
			took = d.Took
		}
	}}
	look(t, &c, func(ctx context.Context, g *imagebuild.Guest) error { return g.VM.Powerdown(ctx) })
	_, _, err := run(t, map[string]any{
		"iso_url": guest.CD(t, guest.Install), "communicator": "none", "output_directory": filepath.Join(t.TempDir(), "out"),
		"boot_key_interval": interval.String(), "boot_command": []string{"typed<enter>"},
	}, map[string]any{"provisioners": []any{map[string]any{"type": "look"}}}, &c)
	if err != nil {
		t.Fatal(err)
	}
	if least := 11 * interval; took < least { // six keys go down and up
		t.Errorf("it took %v, and the pauses alone %v", took, least)
	}
}

// TestTPM12 has a chip of the old kind, whose memory has another name.
func TestTPM12(t *testing.T) {
	t.Parallel()
	need.Tool(t, "swtpm")
	dir, _, _ := inside(t, map[string]any{"vtpm": true, "use_tpm1": true, "tpm_state": true}, func(ctx context.Context, g *imagebuild.Guest) error {
		var chips []struct{ Model string }
		err := g.VM.QMP().Execute(ctx, "query-tpm", nil, &chips)
		if len(chips) != 1 || chips[0].Model != "tpm-tis" {
			t.Errorf("%+v", chips)
		}
		return err
	})
	if diff := cmp.Diff([]string{"disk", "tpm-00.permall"}, entries(t, dir)); diff != "" {
		t.Error(diff)
	}
}

// TestQMPSocketPath controls the machine by a socket that the template places.
func TestQMPSocketPath(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "own")
	inside(t, map[string]any{"qmp_enable": true, "qmp_socket_path": path}, func(ctx context.Context, g *imagebuild.Guest) error {
		nc, err := net.Dial("unix", path)
		if err != nil {
			return err
		}
		conn, err := qmp.NewConn(ctx, nc)
		if err != nil {
			return err
		}
		defer conn.Close()
		var name struct{ Name string }
		if err := conn.Execute(ctx, "query-name", nil, &name); err != nil || name.Name != "disk" {
			t.Errorf("%+v, %v", name, err)
		}
		return nil
	})
}

// TestShutdownTimeout gives up a guest that does not heed its power button.
func TestShutdownTimeout(t *testing.T) {
	t.Parallel()
	var c template.Config
	look(t, &c, func(context.Context, *imagebuild.Guest) error { return nil })
	_, port := login(t)
	begin := time.Now()
	_, _, err := run(t, map[string]any{
		"iso_url": guest.CD(t, guest.Echo), "output_directory": filepath.Join(t.TempDir(), "out"), "shutdown_timeout": "1s",
		"ssh_username": "root", "ssh_password": "secret", "ssh_port": port, "skip_nat_mapping": true,
	}, map[string]any{"provisioners": []any{map[string]any{"type": "look"}}}, &c)
	if err == nil || !strings.Contains(err.Error(), `"shutdown" failed`) || time.Since(begin) < time.Second {
		t.Errorf("%v after %v", err, time.Since(begin))
	}
}

// TestArguments tells the machine where its files are, as cloud-init reads it.
func TestArguments(t *testing.T) {
	t.Parallel()
	inside(t, map[string]any{
		"http_content": map[string]string{"/user-data": "#cloud-config"},
		"qemuargs":     [][]string{{"-smbios", "type=1,serial=ds=nocloud-net;s=http://{{ .HTTPIP }}:{{ .HTTPPort }}/"}},
	}, func(_ context.Context, g *imagebuild.Guest) error {
		want := fmt.Sprintf("type=1,serial=ds=nocloud-net;s=http://10.0.2.2:%d/", g.HTTPPort)
		if args := g.VM.Args(); !slices.Contains(args, want) {
			t.Errorf("no %s in %q", want, args)
		}
		return nil
	})
}
