package template_test

import (
	"context"
	"fmt"
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
		`join(",", [for s in fileset("testdata", "*.json") : s])`:      "tutorial.json",
		`legacy_isotime("2006")`:                                       "1970",
		`legacy_isotime()`:                                             "1970-01-01T00:00:00Z",
		`join(",", fileset(".", "testdata/**/debian.pkr.hcl"))`:        "testdata/debian/debian.pkr.hcl",
		`join(",", fileset("testdata", "../hcl_tes*.go"))`:             "../hcl_test.go",
		`join(",", fileset(".", "**/tutorial.json"))`:                  "testdata/tutorial.json",
		`length("h€llo") + length([1])`:                                "6",
		`index(["a", "b"], "b")`:                                       "1",
		`join(",", cidrsubnets("10.1.0.0/16", 4, 4, 8, 4))`:            "10.1.0.0/20,10.1.16.0/20,10.1.32.0/24,10.1.48.0/20",
		`yamlencode({ a = [1, "x"], b = true })`:                       "\"a\":\n- 1\n- \"x\"\n\"b\": true\n",
		`yamldecode("a: [1, {b: deep}]").a[1].b`:                       "deep",
		`uuidv5("dns", "www.example.com")`:                             "2ed6657d-e927-568b-95e1-2665a8aea6a2",
		`uuidv5("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "python.org")`: "886313e1-3b8a-5372-9b90-0c9aee199e5d",
		`textencodebase64("Hé", "UTF-16LE")`:                           "SADpAA==",
		`textdecodebase64("SADpAA==", "UTF-16LE")`:                     "Hé",
		`rfc3339_parse("2024-12-30T01:02:03Z").iso_week`:               "1",
		`unix_timestamp_parse(1700000000).rfc3339`:                     "2023-11-14T22:13:20Z",
		`convert("5", number) + 1`:                                     "6",
		`length(bcrypt("x", 4))`:                                       "60",
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

// TestHCLOptional leaves attributes of an object out, which then have what the
// type says.
func TestHCLOptional(t *testing.T) {
	text := hclTemplate("  memory = var.m.memory\n  vm_name = \"${var.m.name}-${var.m.disk.label}\"\n  cpus = var.m.cpus == null ? 3 : 4\n", `
variable "m" {
  type = object({
    name   = string
    memory = optional(number, 777)
    cpus   = optional(number)
    disk   = optional(object({ label = optional(string, "none") }), {})
  })
}
`)
	for value, want := range map[string]string{`{ name = "a" }`: "output-a/a-none 777 3", `{ name = "b", memory = 99, cpus = 1, disk = { label = "x" } }`: "output-a/b-x 99 4"} {
		_, builds, err := parseHCL(t, text, &template.Config{Env: noEnv, Vars: map[string]string{"m": value}})
		if err != nil {
			t.Fatal(err)
		}
		b := builds[0].Image
		if got := fmt.Sprint(b.Output, " ", b.VM.Memory, " ", b.VM.CPUs); got != want {
			t.Errorf("%s: %s, want %s", value, got, want)
		}
	}
	if _, _, err := parseHCL(t, text, &template.Config{Env: noEnv, Vars: map[string]string{"m": "{ memory = 1 }"}}); err == nil || !strings.Contains(err.Error(), "\"name\" is required") {
		t.Error(err)
	}
}

// TestHCLDynamic reads blocks that dynamic blocks make: sources, options,
// provisioners and post-processors, in loops and in loops in these.
func TestHCLDynamic(t *testing.T) {
	text := `
variable "sizes" { default = [1, 2] }
dynamic "source" {
  for_each = { x = "a.iso", y = "b.iso" }
  labels   = ["qemu", source.key]
  content {
    iso_url      = source.value
    iso_checksum = "none"
    headless     = true
    ssh_username = "root"
    dynamic "qemu_img_args" {
      for_each = source.key == "y" ? [for s in var.sizes : s if s > 1] : []
      iterator = size
      content { convert = ["-o", "cluster_size=${size.value}M", source.value] }
    }
  }
}
build {
  sources = ["qemu.x", "qemu.y"]
  dynamic "provisioner" {
    for_each = ["one", "two"]
    labels   = ["shell"]
    iterator = it
    content {
      name   = "${it.key}-${it.value}-${source.name}"
      inline = ["echo ${it.value}"]
    }
  }
  provisioner "sleep" { duration = "1s" }
  post-processors {
    dynamic "post-processor" {
      for_each = toset(["one", "two"])
      labels   = ["registered"]
      content { word = post-processor.value }
    }
  }
}
`
	read := func(text string) ([]*template.Build, []string, error) {
		var words []string
		c := template.Config{Env: noEnv}
		if err := c.Components.Register("registered", template.PostProcessor(func(b template.Block) (func(context.Context, *template.Artifact) (*template.Artifact, error), error) {
			words = append(words, b.Options["word"].(string))
			return func(context.Context, *template.Artifact) (*template.Artifact, error) { return nil, nil }, nil
		})); err != nil {
			t.Fatal(err)
		}
		_, builds, err := parseHCL(t, text, &c)
		return builds, words, err
	}
	builds, words, err := read(text)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, b := range builds {
		got = append(got, b.Name, b.Image.Media.URLs[0], strings.Join(b.Image.ImgArgs.Convert, " "))
		for _, s := range b.Image.Steps[len(b.Image.Steps)-3:] {
			got = append(got, s.Name)
		}
	}
	want := []string{
		"qemu.x", "a.iso", "", "0-one-x", "1-two-x", "sleep",
		"qemu.y", "b.iso", "-o cluster_size=2M b.iso", "0-one-y", "1-two-y", "sleep",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"one", "two", "one", "two"}, words); diff != "" {
		t.Error(diff)
	}
	for old, tt := range map[string]struct{ new, want string }{
		" if s > 1":                 {"", "qemu_img_args: stands twice"},
		`["one", "two"]` + "\n":     {"5\n", "provisioner.for_each: is no list"},
		"iterator = it\n":           {"iterator = \"it\"\n", "is no name"},
		"iterator = size\n":         {"iterator = 5\n", "is no name"},
		`["qemu", source.key]`:      {`["qemu"]`, "a block source with 1 labels"},
		`dynamic "provisioner" {`:   {"dynamic {", "without a label"},
		"content { word":            {"contents { word", `"contents"`},
		`toset(["one", "two"])`:     {`flatten([for i in range(20): [for j in range(1000): "x"]])`, "more than 10000 blocks"},
		`labels   = ["registered"]`: {`labels = [nosuch.name]`, "nosuch"},
		"for_each = [\"one\"":       {"for_eac = [\"one\"", `"for_each" is required`},
	} {
		_, _, err := read(strings.Replace(text, old, tt.new, 1))
		if tt.want == "" != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("with %q for %q: %v, want %q", tt.new, old, err, tt.want)
		}
	}
}
