package template_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/internal/typeguest"
	"github.com/bootscribe/bootscribe/template"
)

// TestLinux boots a kernel without a medium, types on its serial port, and has it
// read a directory of the host and a CD, and write to two disks, which are both
// compressed.
func TestLinux(t *testing.T) {
	t.Parallel()
	kernel, initrd, err := typeguest.Linux9P(t.TempDir(), "..")
	if missing := new(typeguest.MissingError); errors.As(err, &missing) {
		need.Skip(t, missing.Error())
	} else if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("of the host"), 0o644); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var lines []string
	c := &template.Config{Observe: func(_ string, e imagebuild.Event) {
		mu.Lock()
		defer mu.Unlock()
		if l, ok := e.(imagebuild.ConsoleLine); ok {
			lines = append(lines, l.Line)
		}
	}}
	out := filepath.Join(t.TempDir(), "out")
	_, artifacts, err := run(t, map[string]any{
		"kernel": kernel, "initrd": initrd, "kernel_args": typeguest.LinuxShell + " word={{.Name}}", "memory": 256,
		"communicator": "none", "shares": map[string]string{"src": dir}, "cdrom_interface": "virtio", "disk_additional_size": "2M", "disk_compression": true,
		"cd_label": "cidata", "cd_content": map[string]string{"user-data": "of the template"}, "cd_files": []string{filepath.Join(dir, "f*")}, "output_directory": out, "vm_name": "disk",
		"boot_serial": []string{
			`<wait "typeguest# ">mkdir /m; mount -t 9p -o trans=virtio,version=9p2000.L src /m<enter>`,
			"mkdir /c; mount -t iso9660 /dev/vdc /c; dd if=/dev/vdc bs=1 skip=32808 count=6 2>/tmp | sed 's/$/ of the CD/'<enter>",
			// Each line comes when what the one before prints is there, which an
			// echo would get into.
			`<wait "cidata of the CD"><wait "# ">for d in a b; do dd if=/bin/busybox of=/dev/vd$d bs=64k count=16; done; sync; echo writ'ten'<enter>`,
			`<wait "written"><wait "# ">grep -o 'word=.*' /proc/cmdline; grep . /m/file; ls /c/file; grep . /c/user-data; poweroff -f<enter>`,
		},
	}, nil, c)
	if err != nil {
		t.Fatal(err)
	}
	said := strings.Join(lines, "\n") + "\n"
	for _, want := range []string{"\nword=disk\n", "\nof the host\n", "\ncidata of the CD", "\n/c/file\n", "\nof the template\n"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in what the guest said:\n%s", want, said)
		}
	}
	if len(artifacts) != 1 || artifacts[0].Image.Medium != "" {
		t.Errorf("%+v", artifacts)
	}
	for _, name := range []string{"disk", "disk-1"} {
		var check struct {
			Compressed int `json:"compressed-clusters"`
		}
		text, err := exec.Command("qemu-img", "check", "--output=json", filepath.Join(out, name)).Output()
		if err == nil {
			err = json.Unmarshal(text, &check)
		}
		if err != nil || check.Compressed < 8 {
			t.Errorf("%s: %s, %v", name, text, err)
		}
	}
}
