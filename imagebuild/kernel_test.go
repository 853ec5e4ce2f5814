package imagebuild

import (
	"context"
	"errors"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/httpserve"
	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/internal/typeguest"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/qemu"
)

// linux makes of a build one that boots Linux without a medium, with a shell on
// the serial port, and takes some ten seconds.
func linux(t *testing.T, steps ...Step) (*Build, *events) {
	t.Helper()
	if testing.Short() {
		t.Skip("boots Linux; leave out -short")
	}
	b, r := newBuild(t, guest.Button, steps...)
	kernel, initrd, err := typeguest.Linux(t.Context(), t.TempDir())
	if missing := new(typeguest.MissingError); errors.As(err, &missing) {
		need.Skip(t, missing.Error())
	} else if err != nil {
		t.Fatal(err)
	}
	b.Media = iso.Source{}
	b.VM.Memory = 256
	b.VM.Kernel = &qemu.Kernel{Path: kernel, Initrd: initrd, Append: typeguest.LinuxShell}
	return b, r
}

// later is a context for a Linux guest on a busy machine.
func later(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// A kernel is booted without a medium, and told what is known only when the
// machine starts.
func TestKernel(t *testing.T) {
	t.Parallel()
	say := func(ctx context.Context, g *Guest, command string) error {
		return g.VM.Console().Send(ctx, []byte(command+"\r"))
	}
	b, _ := linux(t, WaitSerial(typeguest.LinuxPrompt), do("ask", func(ctx context.Context, g *Guest) error {
		if err := say(ctx, g, "cat /proc/cmdline; poweroff -f"); err != nil {
			return err
		}
		_, err := g.WaitSerial(ctx, regexp.MustCompile(`shell=serial url=`+g.URL+`/preseed\.cfg name=out\r`))
		return err
	}), WaitShutdown())
	b.Files = httpserve.Text{"preseed.cfg": "x"}
	b.KernelArgs = func(v Vars) string { return "url=" + v.URL + "/preseed.cfg name=" + v.Name }
	a, err := b.Run(later(t))
	if err != nil {
		t.Fatal(err)
	}
	if a.Medium != "" || a.VirtualSize != 1<<20 {
		t.Errorf("%+v", a)
	}
}

func TestKernelValidate(t *testing.T) {
	t.Parallel()
	b, _ := newBuild(t, guest.Button)
	b.KernelArgs = func(Vars) string { return "x" }
	if err := b.Validate(soon(t)); err == nil || !strings.Contains(err.Error(), "KernelArgs: there is no kernel") {
		t.Errorf("arguments without a kernel: %v", err)
	}
	b.Media = iso.Source{}
	if err := b.Validate(soon(t)); err == nil || !strings.Contains(err.Error(), "Source.URLs is empty") {
		t.Errorf("neither a kernel nor a medium: %v", err)
	}
	b.VM.Kernel = &qemu.Kernel{Path: filepath.Join(t.TempDir(), "none")}
	b.KernelArgs = func(Vars) string { return "a\nb" }
	err := b.Validate(soon(t))
	for _, want := range []string{"VM.Kernel.Path: ", "does not exist", "VM.Kernel.Append: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}
