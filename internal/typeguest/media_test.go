package typeguest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/internal/need"
)

// What is written is read again, and only what is wanted.
func TestCPIO(t *testing.T) {
	var b bytes.Buffer
	c := cpioWriter{w: &b}
	files := map[string]string{"init": "#!/bin/sh\n", "bin/a": "", "bin/bc": "12345", "not this": "x"}
	for _, name := range []string{"init", "bin/a", "not this", "bin/bc"} {
		c.add(name, modeExec, []byte(files[name]))
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	err := readCPIO(bytes.NewReader(b.Bytes()),
		func(name string) bool { return name != "not this" },
		func(name string, data []byte) { got[name] = string(data) })
	if err != nil {
		t.Fatal(err)
	}
	delete(files, "not this")
	if diff := cmp.Diff(files, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, bad := range [][]byte{nil, b.Bytes()[:200], bytes.Repeat([]byte("070702"), 40), []byte(cpioMagic + strings.Repeat("z", 104))} {
		if err := readCPIO(bytes.NewReader(bad), func(string) bool { return true }, func(string, []byte) {}); err == nil {
			t.Errorf("an archive that begins with %.12q is read without an error", bad)
		}
	}
}

// cpio reads what is written.
func TestCPIOProgram(t *testing.T) {
	tool := need.Tool(t, "cpio")
	var b bytes.Buffer
	c := cpioWriter{w: &b}
	c.add("bin", modeDir, nil)
	c.add("bin/sh", modeLink, []byte("busybox"))
	c.add("bin/busybox", modeExec, []byte("12345"))
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	list := exec.Command(tool, "-t", "--quiet")
	list.Stdin = &b
	out, err := list.CombinedOutput()
	if want := "bin\nbin/sh\nbin/busybox\n"; err != nil || string(out) != want {
		t.Errorf("cpio lists %q, %v; want %q", out, err, want)
	}
}

// A medium is made once, and what could not be made leaves nothing behind.
func TestCached(t *testing.T) {
	dir, made := t.TempDir(), 0
	fill := func(_, path string) error {
		made++
		return os.WriteFile(path, []byte("medium"), 0o644)
	}
	first, err1 := cached(dir, "x.iso", "recipe", fill)
	second, err2 := cached(dir, "x.iso", "recipe", fill)
	if err := errors.Join(err1, err2); err != nil || first != second || made != 1 {
		t.Errorf("made %d times, as %s and %s, error %v", made, first, second, err)
	}
	if third, err := cached(dir, "x.iso", "another", fill); err != nil || third == first || made != 2 {
		t.Errorf("with another recipe made %d times, as %s, error %v", made, third, err)
	}
	broken := errors.New("no space")
	if _, err := cached(dir, "y.iso", "", func(_, _ string) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 2 {
		t.Errorf("there is %q, error %v; want two files", left, err)
	}
}

func TestMissing(t *testing.T) {
	err := have("/nonexistent/isolinux.bin", "isolinux", "nonexistent-program", "a-package")
	var missing *MissingError
	if !errors.As(err, &missing) || missing.Package != "isolinux" || !strings.Contains(err.Error(), "a-package") {
		t.Errorf("error %v", err)
	}
}

// The Linux guest's file system has its programs and its drivers.
func TestLinux(t *testing.T) {
	_, initrd, err := Linux(context.Background(), t.TempDir())
	var missing *MissingError
	if errors.As(err, &missing) {
		need.Skip(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(initrd)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sizes := map[string]int{}
	err = readCPIO(f, func(string) bool { return true }, func(name string, data []byte) { sizes[name] = len(data) })
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"init", "bin/busybox", "drivers/list", "drivers/virtio_input.ko", "drivers/usbhid.ko", "drivers/xhci-pci.ko"} {
		if sizes[name] == 0 {
			t.Errorf("%s is not there", name)
		}
	}
}
