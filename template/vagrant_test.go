package template_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/qemu/qemuimg"
	"github.com/bootscribe/bootscribe/template"
)

// TestVagrant makes boxes of images of one disk and of two, and looks at what is
// in them.
func TestVagrant(t *testing.T) {
	t.Parallel()
	need.Tool(t, "tar")
	for name, tt := range map[string]struct {
		further []string
		want    map[string]any
		disks   map[string]int64
	}{
		"one disk":  {nil, map[string]any{"provider": "libvirt", "architecture": "amd64", "format": "qcow2", "virtual_size": 1.0}, map[string]int64{"box.img": 8 << 20}},
		"two disks": {[]string{"2M"}, map[string]any{"provider": "libvirt", "architecture": "amd64", "disks": []any{map[string]any{"path": "disk1.img"}, map[string]any{"path": "disk2.img"}}}, map[string]int64{"disk1.img": 8 << 20, "disk2.img": 2 << 20}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for file, text := range map[string]string{"own.rb": "# of the user\n", "README": "read me"} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var c template.Config
			look(t, &c, func(ctx context.Context, g *imagebuild.Guest) error { return g.VM.Powerdown(ctx) })
			_, artifacts, err := run(t, map[string]any{"iso_url": guest.CD(t, guest.Button), "communicator": "none", "name": "x", "output_directory": filepath.Join(dir, "out"), "disk_additional_size": tt.further},
				map[string]any{"provisioners": []any{map[string]any{"type": "look"}}, "post-processors": []any{map[string]any{
					"type": "vagrant", "output": filepath.Join(dir, "{{.BuildName}}-{{.Provider}}-{{.Architecture}}.box"),
					"vagrantfile_template": filepath.Join(dir, "own.rb"), "include": []string{"none"},
					"override": map[string]any{"libvirt": map[string]any{"include": []string{filepath.Join(dir, "README")}}, "virtualbox": map[string]any{"output": "none"}},
				}}}, &c)
			if err != nil {
				t.Fatal(err)
			}
			if len(artifacts) != 1 || artifacts[0].Files[0] != filepath.Join(dir, "x-libvirt-amd64.box") {
				t.Errorf("%+v", artifacts)
			}
			if _, err := os.Stat(filepath.Join(dir, "out")); err == nil {
				t.Error("the image is still there, which is in the box now")
			}
			in := filepath.Join(dir, "in")
			if err := os.Mkdir(in, 0o700); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("tar", "-C", in, "-xzf", artifacts[0].Files[0]).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			var got map[string]any
			text, err := os.ReadFile(filepath.Join(in, "metadata.json"))
			if err == nil {
				err = json.Unmarshal(text, &got)
			}
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Error(err, diff)
			}
			text, err = os.ReadFile(filepath.Join(in, "Vagrantfile"))
			if err != nil || !strings.Contains(string(text), `libvirt.driver = "qemu"`) || !strings.HasSuffix(string(text), "# of the user\n") {
				t.Errorf("Vagrantfile: %q, %v", text, err)
			}
			if text, err := os.ReadFile(filepath.Join(in, "README")); string(text) != "read me" {
				t.Errorf("README: %q, %v", text, err)
			}
			for disk, size := range tt.disks {
				if info, err := (&qemuimg.Tool{}).Info(context.Background(), filepath.Join(in, disk), qemuimg.Qcow2); err != nil || info.VirtualSize != size {
					t.Errorf("%s: %+v, %v", disk, info, err)
				}
			}
		})
	}
}

// TestVagrantRefused names what is wrong before anything is built.
func TestVagrantRefused(t *testing.T) {
	for in, want := range map[string]string{
		`"type": "vagrant", "provider_override": "virtualbox"`:   `provider_override: "virtualbox" is none of libvirt`,
		`"type": "vagrant", "compression_level": 10`:             "10 is no level",
		`"type": "vagrant", "output": "{{.Nobody}}.box"`:         "there is no variable {{ .Nobody }} here",
		`"type": "vagrant", "override": {"libvirt": {"a": "b"}}`: "post-processors[0].a: there is no such option",
		`"type": "vagrant", "override": ["libvirt"]`:             "override: a list where an object should be",
	} {
		text := `{"builders":[{"type":"qemu","iso_url":"a.iso","iso_checksum":"none","headless":true,"ssh_username":"root"}],"post-processors":[{` + in + `}]}`
		tmpl, err := template.Parse(context.Background(), "t.json", []byte(text), &template.Config{Env: noEnv})
		if err == nil {
			_, err = tmpl.Builds()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", in, err)
		}
	}
}
