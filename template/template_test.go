package template_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/template"
)

// parse reads a JSON template that must be good.
func parse(t *testing.T, text string, c *template.Config) []*template.Build {
	t.Helper()
	tmpl, err := template.Parse(context.Background(), "t.json", []byte(text), c)
	if err != nil {
		t.Fatal(err)
	}
	builds, err := tmpl.Builds()
	if err != nil {
		t.Fatal(err)
	}
	return builds
}

func noEnv(string) (string, bool) { return "", false }

// TestTutorial reads a template as tutorials have it.
func TestTutorial(t *testing.T) {
	tmpl, err := template.Load(context.Background(), "testdata/tutorial.json", &template.Config{Env: noEnv})
	if err != nil {
		t.Fatal(err)
	}
	builds, err := tmpl.Builds()
	if err != nil {
		t.Fatal(err)
	}
	b := builds[0]
	type short struct {
		Name, Output, Shutdown, User string
		Disk                         int64
		Memory                       int
		Accel                        qemu.Accel
		Steps                        []string
		Timeouts                     []time.Duration
		Command                      string
	}
	got := short{Name: b.Name, Output: b.Image.Output, Shutdown: b.Image.Shutdown.Command, User: b.Image.SSH.User, Disk: b.Image.Disk.Size,
		Memory: b.Image.VM.Memory, Accel: b.Image.VM.Accel, Command: b.Commands[0].Text}
	for _, s := range b.Image.Steps {
		got.Steps, got.Timeouts = append(got.Steps, s.Name), append(got.Timeouts, s.Timeout)
	}
	want := short{Name: "qemu", Output: "debian9-kvm/debian9-template", Shutdown: "shutdown -P now", User: "root", Disk: 5000 << 20,
		Memory: 512, Accel: qemu.KVM, Steps: []string{"pause for 5s", "type the boot command", "wait for SSH"},
		Timeouts: []time.Duration{0, 0, 10000 * time.Second},
		Command:  "<esc><wait>install <wait>preseed/url=http://10.0.2.2:10082/preseed.cfg <wait>debian-installer=en_US auto locale=en_US kbd-chooser/method=us <wait><enter><wait>"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var warnings []string
	for _, w := range b.Warnings {
		warnings = append(warnings, w.Option+": "+w.Problem)
	}
	if diff := cmp.Diff([]string{
		"builders[0].ssh_host_port_min: is an old name", "builders[0].ssh_host_port_max: is an old name", "builders[0].ssh_wait_timeout: is an old name",
		"builders[0].iso_checksum: none: nobody looks whether the medium is the right one",
		"builders[0].headless: false, but there is no display to open a window on",
	}, warnings); diff != "" {
		t.Error(diff)
	}
}

// TestTutorialKVM looks at this host as well: where KVM runs no guest the error
// says what was seen, and what to write instead.
func TestTutorialKVM(t *testing.T) {
	need.Tool(t, "qemu-system-x86_64")
	need.Tool(t, "qemu-img")
	text, err := os.ReadFile("testdata/tutorial.json")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := errors.Join(os.Mkdir("http", 0o755), os.WriteFile("debian.iso", []byte("a medium"), 0o644)); err != nil {
		t.Fatal(err)
	}
	iso := regexp.MustCompile(`"iso_url": *"[^"]*"`).ReplaceAllString(string(text), `"iso_url": "debian.iso"`)
	err = parse(t, iso, &template.Config{Env: noEnv})[0].Validate(t.Context())
	if err == nil {
		t.Skip("KVM works here")
	}
	if said := err.Error(); !regexp.MustCompile(`^t\.json:\d+:\d+: builders\[0\]\.accelerator: `).MatchString(said) || !strings.Contains(said, "leave the option out") {
		t.Error(said)
	}
}

// TestBad holds the error texts of bad templates against those that were
// written down. UPDATE=1 writes them.
func TestBad(t *testing.T) {
	files, _ := filepath.Glob("testdata/bad/*")
	n := 0
	for _, f := range files {
		if strings.HasSuffix(f, ".txt") {
			continue
		}
		n++
		t.Run(filepath.Base(f), func(t *testing.T) {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			got := bad(filepath.Base(f), text)
			golden := f + ".txt"
			if os.Getenv("UPDATE") != "" {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, _ := os.ReadFile(golden)
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
			if !strings.Contains(got, filepath.Base(f)+":") {
				t.Errorf("the error does not name the file:\n%s", got)
			}
		})
	}
	if n < 40 {
		t.Errorf("%d bad templates, want 40 at least", n)
	}
}

// bad returns what a template is told.
func bad(name string, text []byte) string {
	tmpl, err := template.Parse(context.Background(), name, text, &template.Config{Env: noEnv})
	if err == nil {
		_, err = tmpl.Builds()
	}
	if err == nil {
		return "no error\n"
	}
	return err.Error() + "\n"
}
