//go:build unix

package qemu

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/internal/typeguest"
)

// shell is a Linux guest with a shell on its serial port.
type shell struct {
	t  *testing.T
	vm *VM
	r  *ConsoleReader
}

// bootLinux boots a kernel directly, which takes some ten seconds.
func bootLinux(t *testing.T, change func(*Config)) *shell {
	t.Helper()
	need.Tool(t, defaultBinary)
	kernel, initrd, err := typeguest.Linux9P(t.TempDir(), "..")
	if missing := new(typeguest.MissingError); errors.As(err, &missing) {
		need.Skip(t, missing.Error())
	} else if err != nil {
		t.Fatal(err)
	}
	vm, _ := boot(t, guest.Disk(t, guest.Echo), func(c *Config) {
		c.Memory = 256
		c.Kernel = &Kernel{Path: kernel, Initrd: initrd, Append: typeguest.LinuxShell + " quiet"}
		change(c)
	})
	s := &shell{t, vm, vm.Console().Reader()}
	s.expect(typeguest.LinuxPrompt)
	return s
}

func (s *shell) expect(pattern string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	got, err := s.r.Expect(ctx, regexp.MustCompile(pattern))
	if err != nil {
		s.t.Fatalf("%v\n%s", err, s.vm.Console().Tail(2000))
	}
	return got[len(got)-1]
}

// run returns what a command says.
func (s *shell) run(command string) string {
	s.t.Helper()
	if err := s.vm.Console().Send(soon(s.t), []byte(command+"; echo 'en'd\r")); err != nil {
		s.t.Fatal(err)
	}
	return strings.ReplaceAll(s.expect(`(?s)echo 'en'd\r\n(.*)end\r\n`), "\r", "")
}

// What is beside disks and networks, as a Linux guest has it that was started
// directly: the kernel's command line, a TPM, and directories of the host, one
// of which it cannot change.
func TestLinux(t *testing.T) {
	t.Parallel()
	need.Tool(t, "swtpm")
	dir := t.TempDir()
	src, out := filepath.Join(dir, "a,b"), filepath.Join(dir, "out")
	for _, d := range []string{src, out} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(src, "file"), []byte("of the host\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := bootLinux(t, func(c *Config) {
		c.TPM = &TPM{}
		c.Shares = []Share{{Tag: "src", Path: src}, {Tag: "out", Path: out, Writable: true}}
		c.FwCfg = []FwCfg{{Name: "opt/file", Path: filepath.Join(src, "file")}, {Name: "opt/text", Text: `{"a":1,"b":"=,,"}`}}
	})
	if got := s.run("cat /proc/cmdline"); got != typeguest.LinuxShell+" quiet\n" {
		t.Errorf("the kernel's command line is %q", got)
	}
	if got := s.run("cat /sys/class/tpm/tpm0/tpm_version_major"); got != "2\n" {
		t.Errorf("the version of the TPM is %q", got)
	}
	if got := s.run("cat /sys/firmware/qemu_fw_cfg/by_name/opt/file/raw /sys/firmware/qemu_fw_cfg/by_name/opt/text/raw"); got != "of the host\n"+`{"a":1,"b":"=,,"}` {
		t.Errorf("the files on fw_cfg: %q", got)
	}
	const mount = "mkdir -p /TAG && mount -t 9p -o trans=virtio,version=9p2000.L TAG /TAG && "
	if got := s.run(strings.ReplaceAll(mount, "TAG", "src") + "cat /src/file"); got != "of the host\n" {
		t.Errorf("the file of the host: %q", got)
	}
	if got := s.run("echo changed >/src/file"); !strings.Contains(got, "Read-only") {
		t.Errorf("a share that is not writable: %q", got)
	}
	if got := s.run(strings.ReplaceAll(mount, "TAG", "out") + "echo of the guest >/out/file"); got != "" {
		t.Errorf("a writable share: %q", got)
	}
	if text, err := os.ReadFile(filepath.Join(out, "file")); string(text) != "of the guest\n" {
		t.Errorf("the file of the guest: %q, %v", text, err)
	}
}

// What is shared must be a directory that can be read.
func TestSharePreflight(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, file + "-none"} {
		var f findings
		(&Config{Shares: []Share{{Tag: "a", Path: path}}}).checkShared(&f)
		if len(f) != 1 || !strings.Contains(f[0].Error(), "qemu: Shares[0].Path: ") {
			t.Errorf("%s: %v", path, f)
		}
	}
}
