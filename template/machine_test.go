package template_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/qemu/qemuimg"
	"github.com/bootscribe/bootscribe/qemu/qmp"
	"github.com/bootscribe/bootscribe/ssh/sshtest"
	"github.com/bootscribe/bootscribe/template"
)

// look registers a provisioner that calls a function with the machine.
func look(t *testing.T, c *template.Config, f func(context.Context, *imagebuild.Guest) error) {
	t.Helper()
	step := func(template.Block) ([]imagebuild.Step, error) {
		return []imagebuild.Step{{Name: "look", Timeout: 2 * time.Minute, Do: f}}, nil
	}
	if err := c.Components.Register("look", template.Provisioner(step)); err != nil {
		t.Fatal(err)
	}
}

// run builds the one builder of a template in a directory of its own.
func run(t *testing.T, options map[string]any, rest map[string]any, c *template.Config) (*template.Build, []*template.Artifact, error) {
	t.Helper()
	need.Tool(t, "qemu-system-x86_64")
	need.Tool(t, "qemu-img")
	if testing.Short() {
		t.Skip("a real machine")
	}
	builder := map[string]any{"type": "qemu", "iso_checksum": "none", "headless": true, "accelerator": "tcg", "memory": 64, "disk_size": "8M", "boot_wait": "-1s"}
	for k, v := range options {
		builder[k] = v
	}
	root := map[string]any{"builders": []any{builder}}
	for k, v := range rest {
		root[k] = v
	}
	text, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	if c.Env == nil {
		c.Env = noEnv
	}
	b := parse(t, string(text), c)[0]
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if err := b.Validate(ctx); err != nil {
		t.Fatal(err)
	}
	// These guests say R when they are there, which no template can wait for.
	b.Image.Steps = append([]imagebuild.Step{imagebuild.WaitSerial("R")}, b.Image.Steps...)
	a, err := b.Run(ctx)
	return b, a, err
}

// TestMachine looks at the machine of a template as QEMU has it, at what the
// guest was typed and served, and at what qemu-img says of what was made.
func TestMachine(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "out")
	var c template.Config
	var saw struct {
		CPUs, MiB int
		Served    string
		Devices   string
		Viewer    bool
	}
	port := freePort(t)
	look(t, &c, func(ctx context.Context, g *imagebuild.Guest) error {
		if _, err := g.WaitSerial(ctx, regexp.MustCompile("W")); err != nil {
			return err
		}
		var cpus []any
		var memory struct {
			Base int64 `json:"base-memory"`
		}
		if err := g.VM.QMP().Execute(ctx, "query-cpus-fast", nil, &cpus); err != nil {
			return err
		}
		if err := g.VM.QMP().Execute(ctx, "query-memory-size-summary", nil, &memory); err != nil {
			return err
		}
		if err := g.VM.QMP().Execute(ctx, "human-monitor-command", map[string]any{"command-line": "info qtree"}, &saw.Devices); err != nil {
			return err
		}
		saw.CPUs, saw.MiB = len(cpus), int(memory.Base>>20)
		res, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/answers/preseed.cfg", g.HTTPPort))
		if err != nil {
			return err
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		saw.Served = strings.ReplaceAll(string(text), strconv.Itoa(g.HTTPPort), "PORT")
		if conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			saw.Viewer = true
			conn.Close()
		}
		return g.VM.Powerdown(ctx)
	})
	b, artifacts, err := run(t, map[string]any{
		"iso_url": guest.CD(t, guest.Install), "communicator": "none", "output_directory": out, "vm_name": "disk.raw",
		"format": "raw", "disk_additional_size": []string{"2M", "3"}, "disk_interface": "sata", "machine_type": "q35", "cpus": 4, "cores": 2, "sockets": 1,
		"net_device": "e1000", "vnc_port_min": port, "vnc_port_max": port,
		"http_content": map[string]string{"/answers/preseed.cfg": "{{user `word`}} {{.Name}} {{.HTTPIP}}:{{.HTTPPort}} {{`{{`}}"},
		"boot_command": []string{"{{user `word`}} ", "{{ .Name }}<enter>"},
		"qemuargs":     [][]string{{"-m", "96M"}, {"-machine", "type=q35,mem-merge=off"}, {"-device", "intel-hda"}, {"-device", "rtl8139,netdev=user.0,mac=52:54:00:01:02:03"}, {"-netdev", "user,id=user.0,hostfwd=tcp::{{ .SSHHostPort }}-:22"}},
	}, map[string]any{
		"variables":       map[string]string{"word": "hello"},
		"provisioners":    []any{map[string]any{"type": "look"}},
		"post-processors": []any{[]any{map[string]any{"type": "checksum", "checksum_types": []string{"sha256"}, "output": filepath.Join(out, "SUMS")}, map[string]any{"type": "manifest", "output": filepath.Join(out, "m.json"), "strip_path": true}}},
	}, &c)
	if err != nil {
		t.Fatal(err)
	}
	if saw.CPUs != 2 || saw.MiB != 96 || saw.Served != "hello disk.raw 10.0.2.2:PORT {{" || !saw.Viewer {
		t.Errorf("the machine: %d CPUs, %d MiB, served %q, viewer %v", saw.CPUs, saw.MiB, saw.Served, saw.Viewer)
	}
	for _, want := range []string{"dev: ich9-ahci", "dev: ide-hd", "dev: intel-hda", "dev: rtl8139", "mac = \"52:54:00:01:02:03\""} {
		if !strings.Contains(saw.Devices, want) {
			t.Errorf("the machine has no %s", want)
		}
	}
	disk, err := os.ReadFile(filepath.Join(out, "disk.raw"))
	if err != nil {
		t.Fatal(err)
	}
	if len(disk) != 8<<20 || !bytes.HasPrefix(disk, []byte("hello disk.raw")) {
		t.Errorf("the disk has %d bytes and begins with %q", len(disk), disk[:16])
	}
	for name, size := range map[string]int64{"disk.raw-1": 2 << 20, "disk.raw-2": 3 << 20} {
		info, err := (&qemuimg.Tool{}).Info(context.Background(), filepath.Join(out, name), qemuimg.Raw)
		if err != nil || info.VirtualSize != size {
			t.Errorf("%s: %+v, %v", name, info, err)
		}
	}
	if diff := cmp.Diff([]string{"SUMS", "disk.raw", "disk.raw-1", "disk.raw-2", "m.json"}, entries(t, out)); diff != "" {
		t.Error(diff)
	}
	cmd := exec.Command("sha256sum", "-c", "SUMS")
	cmd.Dir = out
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("sha256sum: %v: %s", err, text)
	}
	if len(artifacts) != 2 || len(b.Warnings) != 1 {
		t.Errorf("%d artifacts, warnings %v", len(artifacts), b.Warnings)
	}
}

// freePort returns a port at which a viewer may find the machine.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func entries(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// login starts an SSH server whose commands run in a directory of this host.
func login(t *testing.T) (home, port string) {
	t.Helper()
	home = t.TempDir()
	server, err := sshtest.Start(&sshtest.Config{Password: "secret", Dir: home, Exec: sshtest.Shell(home)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	_, port, err = net.SplitHostPort(server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	return home, port
}

// TestProvisioners runs the provisioners on a machine whose sshd is a server of
// the test.
func TestProvisioners(t *testing.T) {
	t.Parallel()
	home, port := login(t)
	dir := t.TempDir()
	for name, text := range map[string]string{"file": "from the host\n", "tree/a": "A", "script.sh": "#!/bin/sh\r\necho \"$WORD from $PACKER_BUILD_NAME\"\r\nexit 3\r\n"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(home, "a"), 0o777); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var said []string
	c := template.Config{Observe: func(_ string, e imagebuild.Event) {
		mu.Lock()
		defer mu.Unlock()
		if o, ok := e.(imagebuild.Output); ok {
			said = append(said, o.Step+": "+o.Line)
		}
	}}
	_, _, err := run(t, map[string]any{
		"name": "web", "iso_url": guest.CD(t, guest.Button), "output_directory": filepath.Join(dir, "out"), "vm_name": "disk",
		"ssh_username": "root", "ssh_password": "secret", "ssh_port": port, "skip_nat_mapping": true, "disk_compression": true,
	}, map[string]any{
		"provisioners": []any{
			map[string]any{"type": "file", "source": filepath.Join(dir, "file"), "destination": "a/"},
			map[string]any{"type": "file", "source": filepath.Join(dir, "tree"), "destination": "t"},
			map[string]any{"type": "file", "content": "for {{build `User`}}\n", "destination": "content"},
			map[string]any{"type": "shell", "remote_path": "./s.sh", "script": filepath.Join(dir, "script.sh"), "env": map[string]string{"WORD": "it's"}, "valid_exit_codes": []int{3}},
			map[string]any{"type": "shell", "name": "fail", "remote_path": "./f.sh", "inline": []string{"echo once >> tries", "test $(wc -l < tries) = 3"}, "max_retries": 3},
			map[string]any{"type": "shell", "name": "again", "remote_folder": ".", "execute_command": "chmod +x {{.Path}}; {{.Vars}} ./{{.Path}}", "inline": []string{"echo once >> again", "test $(wc -l < again) = 2"}, "max_retries": 1},
			map[string]any{"type": "shell", "name": "other", "only": []string{"web"}, "override": map[string]any{"web": map[string]any{"inline": []string{"echo overridden"}}}, "inline": []string{"false"}, "remote_path": "./o.sh"},
			map[string]any{"type": "sleep", "duration": "1ms"},
			map[string]any{"type": "file", "direction": "download", "source": "content", "destination": filepath.Join(dir, "got")},
			map[string]any{"type": "shell-local", "inline": []string{"echo {{build_name}} at port {{build `Port`}}", "test $PACKER_BUILDER_TYPE = qemu"}},
		},
	}, &c)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a/file": "from the host\n", "t/tree/a": "A", "content": "for root\n", "tries": "once\nonce\nonce\n"} {
		if got, err := os.ReadFile(filepath.Join(home, name)); string(got) != want {
			t.Errorf("%s in the guest: %q, %v", name, got, err)
		}
	}
	if got, err := os.ReadFile(filepath.Join(dir, "got")); string(got) != "for root\n" {
		t.Errorf("downloaded: %q, %v", got, err)
	}
	for _, name := range []string{"s.sh", "f.sh", "o.sh"} {
		if _, err := os.Stat(filepath.Join(home, name)); err == nil {
			t.Errorf("%s was not removed", name)
		}
	}
	if left, err := filepath.Glob(filepath.Join(home, "script_*")); len(left) > 0 || err != nil {
		t.Errorf("of a script that was tried twice there is %v, %v", left, err)
	}
	text := strings.Join(said, "\n")
	for _, want := range []string{"shell: it's from web", "other: overridden", "shell-local: web at port " + port} {
		if !strings.Contains(text, want) {
			t.Errorf("nobody said %q:\n%s", want, text)
		}
	}
}

// TestCleanupProvisioner fails, and looks that the cleanup provisioner ran and
// that nothing was left.
func TestCleanupProvisioner(t *testing.T) {
	t.Parallel()
	home, port := login(t)
	dir := t.TempDir()
	out := filepath.Join(dir, "some", "out")
	_, _, err := run(t, map[string]any{
		"iso_url": guest.CD(t, guest.Button), "output_directory": out, "disk_additional_size": "1M",
		"ssh_username": "root", "ssh_password": "secret", "ssh_port": port, "skip_nat_mapping": true,
	}, map[string]any{
		"provisioners":              []any{map[string]any{"type": "shell", "remote_path": "./s.sh", "inline": []string{"exit 7"}}},
		"error-cleanup-provisioner": map[string]any{"type": "shell", "remote_path": "./c.sh", "inline": []string{"echo cleaned > cleaned"}},
	}, &template.Config{})
	if err == nil || !strings.Contains(err.Error(), "7") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(filepath.Join(home, "cleaned")); err != nil {
		t.Error(err)
	}
	if left := entries(t, dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// TestDrives looks at the drives that templates ask for, as QEMU has them, at
// what is on the seed media, and at the formats of what is made.
func TestDrives(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		options map[string]any
		device  string // in QEMU's tree
		format  qemuimg.Format
		comp    bool
	}{
		{map[string]any{"disk_interface": "virtio", "format": "qcow2"}, "dev: virtio-blk-pci", qemuimg.Qcow2, false},
		{map[string]any{"disk_interface": "virtio-scsi", "format": "vmdk"}, "dev: virtio-scsi-pci", qemuimg.VMDK, false},
		{map[string]any{"disk_interface": "scsi", "format": "vdi"}, "dev: scsi-hd", qemuimg.VDI, false},
		{map[string]any{"disk_interface": "ide", "format": "vpc", "disk_size": "17M"}, "dev: ide-hd", qemuimg.VPC, false},
		{map[string]any{"disk_interface": "sd", "format": "raw"}, "dev: sd-card", qemuimg.Raw, false},
		{map[string]any{"disk_interface": "nvme", "machine_type": "q35", "cdrom_interface": "sata", "disk_compression": true}, "dev: nvme", qemuimg.Qcow2, true},
	} {
		t.Run(fmt.Sprint(tt.options["disk_interface"]), func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(t.TempDir(), "out")
			var c template.Config
			var tree string
			look(t, &c, func(ctx context.Context, g *imagebuild.Guest) error {
				if err := g.VM.QMP().Execute(ctx, "human-monitor-command", map[string]any{"command-line": "info qtree"}, &tree); err != nil {
					return err
				}
				return g.VM.Powerdown(ctx)
			})
			tt.options["iso_url"], tt.options["communicator"] = guest.CD(t, guest.Button), "none"
			tt.options["output_directory"], tt.options["vm_name"] = out, "disk"
			tt.options["cd_content"], tt.options["floppy_content"] = map[string]string{"user-data": "x"}, map[string]string{"ks.cfg": "y"}
			if _, _, err := run(t, tt.options, map[string]any{"provisioners": []any{map[string]any{"type": "look"}}}, &c); err != nil {
				t.Fatal(err)
			}
			cds := strings.Count(tree, "dev: ide-cd") + strings.Count(tree, "dev: scsi-cd")
			if !strings.Contains(tree, tt.device) || cds != 2 || !strings.Contains(tree, "dev: floppy") {
				t.Errorf("no %s, or %d CD-ROMs and not 2, or no floppy:\n%s", tt.device, cds, tree)
			}
			info, err := (&qemuimg.Tool{}).Info(context.Background(), filepath.Join(out, "disk"), "")
			if err != nil || info.Format != tt.format || tt.comp != (info.Compression == qemuimg.Zlib && tt.comp) {
				t.Errorf("the image: %+v, %v", info, err)
			}
		})
	}
}

// TestEager does not wait for an hour before it types, as the caller allows.
func TestEager(t *testing.T) {
	t.Parallel()
	var c template.Config
	c.Eager = true
	look(t, &c, func(ctx context.Context, g *imagebuild.Guest) error {
		if _, err := g.WaitSerial(ctx, regexp.MustCompile("W")); err != nil {
			return err
		}
		return g.VM.Powerdown(ctx)
	})
	_, _, err := run(t, map[string]any{
		"iso_url": guest.CD(t, guest.Install), "communicator": "none", "output_directory": filepath.Join(t.TempDir(), "out"),
		"boot_wait": "1h", "boot_steps": [][]string{{"ab", "the beginning"}, {"<enter>", "the end"}},
	}, map[string]any{"provisioners": []any{map[string]any{"type": "look"}}}, &c)
	if err != nil {
		t.Fatal(err)
	}
}

// TestTPM looks at the chip as QEMU has it, and at what is kept of it.
func TestTPM(t *testing.T) {
	t.Parallel()
	need.Tool(t, "swtpm")
	out := filepath.Join(t.TempDir(), "out")
	var c template.Config
	var chips []struct{ Model string }
	look(t, &c, func(ctx context.Context, g *imagebuild.Guest) error {
		if err := g.VM.QMP().Execute(ctx, "query-tpm", nil, &chips); err != nil {
			return err
		}
		return g.VM.Powerdown(ctx)
	})
	_, artifacts, err := run(t, map[string]any{
		"iso_url": guest.CD(t, guest.Button), "communicator": "none", "output_directory": out, "vm_name": "disk",
		"vtpm": true, "tpm_device_type": "tpm-crb", "tpm_state": true,
	}, map[string]any{"provisioners": []any{map[string]any{"type": "look"}}}, &c)
	if err != nil {
		t.Fatal(err)
	}
	if len(chips) != 1 || chips[0].Model != "tpm-crb" {
		t.Errorf("the machine's TPM: %+v", chips)
	}
	if diff := cmp.Diff([]string{"disk", "tpm2-00.permall"}, entries(t, out)); diff != "" {
		t.Error(diff)
	}
	if want := []string{filepath.Join(out, "disk"), filepath.Join(out, "tpm2-00.permall")}; len(artifacts) != 1 || !cmp.Equal(artifacts[0].Files, want) {
		t.Errorf("%+v", artifacts)
	}
}

// TestQMPSocket controls the machine by another connection than its own.
func TestQMPSocket(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "out")
	var c template.Config
	look(t, &c, func(ctx context.Context, g *imagebuild.Guest) error {
		nc, err := net.Dial("unix", filepath.Join(out, "disk.monitor"))
		if err != nil {
			return err
		}
		conn, err := qmp.NewConn(ctx, nc)
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := conn.Execute(ctx, "system_powerdown", nil, nil); err != nil {
			return err
		}
		return g.WaitShutdown(ctx)
	})
	_, _, err := run(t, map[string]any{
		"iso_url": guest.CD(t, guest.Button), "communicator": "none", "output_directory": out, "vm_name": "disk", "qmp_enable": true,
	}, map[string]any{"provisioners": []any{map[string]any{"type": "look"}}}, &c)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"disk"}, entries(t, out)); diff != "" {
		t.Error(diff)
	}
}
