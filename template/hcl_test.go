package template_test

import (
	"context"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/template"
	"github.com/google/go-cmp/cmp"
)

// TestHCL reads a directory with variables, locals and two builds.
func TestHCL(t *testing.T) {
	env := func(name string) (string, bool) { return "s3cret", name == "PKR_VAR_password" }
	tmpl, err := template.Load(context.Background(), "testdata/debian", &template.Config{Env: env, Vars: map[string]string{"disk_size": "30G"}})
	if err != nil {
		t.Fatal(err)
	}
	builds, err := tmpl.Builds()
	if err != nil {
		t.Fatal(err)
	}
	type short struct {
		Name, Output string
		Disk         int64
		Memory       int
		Steps        []string
		Command      string
	}
	var got []short
	for _, b := range builds {
		s := short{Name: b.Name, Output: b.Image.Output, Disk: b.Image.Disk.Size, Memory: b.Image.VM.Memory, Command: b.Commands[0].Text}
		for _, step := range b.Image.Steps {
			s.Steps = append(s.Steps, step.Name)
		}
		got = append(got, s)
	}
	command := "<esc><wait>auto url=http://10.0.2.2:8000/preseed.cfg hostname=debian<enter>"
	steps := []string{"pause for 3s", "type the boot command", "wait for SSH", "shell", "shell-local"}
	want := []short{
		{"web.qemu.debian", "output-debian/packer-debian", 30 << 30, 512, steps, command},
		{"web.qemu.big", "big/packer-big", 30 << 30, 2048, steps, command},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	text, err := fs.ReadFile(builds[0].Image.Templates, "preseed.cfg")
	if err != nil || string(text) != "d-i passwd/root-password password s3cret\n" {
		t.Errorf("preseed.cfg: %q, %v", text, err)
	}
	if got := tmpl.Redact("password s3cret"); got != "password <sensitive>" {
		t.Errorf("Redact: %q", got)
	}
}

// hclTemplate is a template around a source's options and what follows.
func hclTemplate(options, rest string) string {
	return "source \"qemu\" \"a\" {\n  iso_url = \"a.iso\"\n  iso_checksum = \"none\"\n  headless = true\n  ssh_username = \"root\"\n" + options +
		"}\nbuild {\n  sources = [source.qemu.a]\n}\n" + rest
}

func parseHCL(t *testing.T, text string, c *template.Config) (*template.Template, []*template.Build, error) {
	t.Helper()
	tmpl, err := template.Parse(context.Background(), "t.pkr.hcl", []byte(text), c)
	if err != nil {
		return nil, nil, err
	}
	builds, err := tmpl.Builds()
	return tmpl, builds, err
}

// TestHCLData asks a server for data.
func TestHCLData(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte(`{"name":"` + r.Header.Get("X-Name") + `"}`))
	}))
	defer s.Close()
	text := hclTemplate("  vm_name = local.n\n", `
locals { n = jsondecode(data.http.x.body).name }
data "http" "x" {
  url = "`+s.URL+`"
  request_headers = { X-Name = data.null.n.output }
}
data "null" "n" { input = "disk" }
`)
	_, builds, err := parseHCL(t, text, &template.Config{Env: noEnv})
	if err != nil {
		t.Fatal(err)
	}
	if got := builds[0].Image.Output; got != "output-a/disk" {
		t.Error(got)
	}
}

// TestHCLImgArgs reads the option that is a block.
func TestHCLImgArgs(t *testing.T) {
	_, builds, err := parseHCL(t, hclTemplate("  qemu_img_args {\n    convert = [\"-o\", \"cluster_size=2M\"]\n    create = [\"-o\", \"x\"]\n  }\n", ""), &template.Config{Env: noEnv})
	if err != nil {
		t.Fatal(err)
	}
	want := imagebuild.ImgArgs{Create: []string{"-o", "x"}, Convert: []string{"-o", "cluster_size=2M"}}
	if diff := cmp.Diff(want, builds[0].Image.ImgArgs); diff != "" {
		t.Error(diff)
	}
}

// TestHCLChoice chooses builds by patterns.
func TestHCLChoice(t *testing.T) {
	text := hclTemplate("", `
source "qemu" "b" {
  iso_url = "b.iso"
  iso_checksum = "none"
  ssh_username = "root"
}
build {
  name = "x"
  sources = ["source.qemu.b", "qemu.a"]
}
`)
	for _, tt := range []struct {
		only, except, want []string
	}{
		{nil, nil, []string{"qemu.a", "x.qemu.b", "x.qemu.a"}},
		{[]string{"*.a"}, nil, []string{"qemu.a", "x.qemu.a"}},
		{[]string{"x.*"}, nil, []string{"x.qemu.b", "x.qemu.a"}},
		{nil, []string{"qemu.a"}, []string{"x.qemu.b"}},
	} {
		tmpl, err := template.Parse(context.Background(), "t.pkr.hcl", []byte(text), &template.Config{Env: noEnv, Only: tt.only, Except: tt.except})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, tmpl.Names()); diff != "" {
			t.Error(tt, diff)
		}
	}
}

// TestHCLRegistered calls what the program has registered.
func TestHCLRegistered(t *testing.T) {
	var c template.Config
	c.Env = noEnv
	if err := c.Components.Register("ansible", template.Provisioner(func(b template.Block) ([]imagebuild.Step, error) {
		var o struct {
			Playbook string `json:"playbook_file"`
		}
		if err := b.Decode(&o); err != nil {
			return nil, err
		}
		return []imagebuild.Step{{Name: "ansible " + o.Playbook}}, nil
	})); err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(hclTemplate("", ""), "[source.qemu.a]\n", "[source.qemu.a]\n  provisioner \"ansible\" { playbook_file = \"site.yml\" }\n", 1)
	_, builds, err := parseHCL(t, text, &c)
	if err != nil {
		t.Fatal(err)
	}
	steps := builds[0].Image.Steps
	if got := steps[len(steps)-1].Name; got != "ansible site.yml" {
		t.Error(got)
	}
}

// TestHCLFunctions evaluates functions that are written here.
func TestHCLFunctions(t *testing.T) {
	for in, want := range map[string]string{
		`cidrhost("10.12.112.0/20", 16)`:                                       "10.12.112.16",
		`cidrhost("10.12.112.0/20", -1)`:                                       "10.12.127.255",
		`cidrnetmask("172.16.0.0/12")`:                                         "255.240.0.0",
		`cidrsubnet("10.1.2.0/24", 4, 15)`:                                     "10.1.2.240/28",
		`cidrsubnet("fd00:fd12::/56", 16, 162)`:                                "fd00:fd12:0:0:a200::/72",
		`"${sum([1, 2])}${alltrue([])}${anytrue([])}${startswith("ab", "a")}"`: "3truefalsetrue",
		`sha256("")`:               "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		`base64encode(upper("a"))`: "QQ==",
		`timestamp()`:              "1970-01-01T00:00:00Z",
		`join(",", [for s in fileset("testdata", "*.json") : s])`: "tutorial.json",
		`legacy_isotime("2006")`:                                  "1970",
	} {
		text := hclTemplate("  cd_content = { a = "+in+" }\n", "")
		_, builds, err := parseHCL(t, text, &template.Config{Env: noEnv, Now: time.Unix(0, 0)})
		if err != nil {
			t.Error(in, err)
			continue
		}
		if got := builds[0].Image.Seed.Content["a"]; got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}
