package imagebuild

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/internal/typeguest"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/winrm"
	"github.com/bootscribe/bootscribe/winrm/winrmtest"
)

// outputs is what commands have printed.
func outputs(r *events) string {
	var said strings.Builder
	for _, o := range only[Output](r) {
		said.WriteString(o.Line + "\n")
	}
	return said.String()
}

// windowsOf makes a build whose guest's WinRM is a server on this host with a
// directory of its own. The command shutdown presses the button of the machine,
// which runs a boot sector.
func windowsOf(t *testing.T, steps ...Step) (b *Build, r *events, dir string) {
	t.Helper()
	dir = t.TempDir()
	var mu sync.Mutex
	var running *Guest
	press := func(line string) {
		mu.Lock()
		defer mu.Unlock()
		if strings.Contains(line, "/s") {
			_ = running.VM.QMP().Execute(context.Background(), "system_powerdown", nil, nil)
		}
	}
	server, err := winrmtest.Start(&winrmtest.Config{Password: "secret", NTLM: true, Exec: (&winrmtest.Guest{Dir: dir, Shutdown: press}).Exec})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	note := do("note the machine", func(_ context.Context, g *Guest) error {
		mu.Lock()
		defer mu.Unlock()
		running = g
		return nil
	})
	b, r = newBuild(t, guest.Button, append([]Step{note, ready()}, steps...)...)
	b.WinRM = winrm.Config{Addr: server.Addr, User: "root", Password: "secret", NTLM: true}
	b.Shutdown.Command = "shutdown /s /t 0"
	return b, r, dir
}

// All that a build does by SSH, it does by WinRM where there is no SSH.
func TestWinRMSteps(t *testing.T) {
	t.Parallel()
	host := t.TempDir()
	local, back := filepath.Join(host, "local"), filepath.Join(host, "back")
	if err := os.WriteFile(local, []byte("of the host"), 0o644); err != nil {
		t.Fatal(err)
	}
	b, r, dir := windowsOf(t,
		WaitWinRM(),
		Upload(local, `C:\up\file`), UploadFS(fstest.MapFS{"a": {Data: []byte("of a value")}}, `C:\up`), Upload(host, "all"),
		PowerShell("cat C:/up/file; echo"), CommandLine("cat C:/up/a all/local >&2"),
		Reboot(winrm.RestartLine),
		Download(`C:\up\file`, back),
	)
	if _, err := b.Run(soon(t)); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(back); string(text) != "of the host" {
		t.Errorf("%q came back: %v", text, err)
	}
	if said := outputs(r); said != "of the host\nof a valueof the host\n" {
		t.Errorf("the commands said %q", said)
	}
	logins := 0
	for _, e := range only[WinRM](r) {
		if _, ok := e.Event.(winrm.Connected); ok {
			logins++
		}
	}
	if logins != 2 {
		t.Errorf("%d logins, want one before the restart and one after it", logins)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("the guest has %v: %v", entries, err)
	}
}

// A guest that is reached by a forwarded port is waited for while it boots, does
// what it is told, begins anew and switches itself off.
func TestWinRM(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("boots Linux twice; leave out -short")
	}
	local := filepath.Join(t.TempDir(), "local")
	if err := os.WriteFile(local, make([]byte, 300<<10), 0o644); err != nil {
		t.Fatal(err)
	}
	b, r := newBuild(t, guest.Button,
		WaitWinRM(), Upload(local, `C:\file`),
		CommandLine("uname -s; cat /proc/cmdline; stat -c %s C:/file"),
		do("look", func(ctx context.Context, g *Guest) error {
			at, err := g.WinRMAddr(ctx)
			if host, _, err := net.SplitHostPort(at); host != "127.0.0.1" || err != nil {
				t.Errorf("the guest is at %s: %v", at, err)
			}
			return err
		}),
		Reboot(winrm.RestartLine),
		CommandLine("test ! -e C:/file && echo anew"),
	)
	kernel, initrd, err := typeguest.WinRM(t.Context(), t.TempDir())
	if missing := new(typeguest.MissingError); errors.As(err, &missing) {
		need.Skip(t, missing.Error())
	} else if err != nil {
		t.Fatal(err)
	}
	b.Media = iso.Source{}
	b.VM.Memory = 256
	b.VM.Kernel = &qemu.Kernel{Path: kernel, Initrd: initrd, Append: "console=ttyS0 word=kernel"}
	b.WinRM = winrm.Config{User: "root", Password: "secret", NTLM: true}
	b.Shutdown = Shutdown{Command: "shutdown /s /t 0", Timeout: 2 * time.Minute}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute) // two boots on a busy machine
	defer cancel()
	if _, err := b.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if said := outputs(r); !strings.HasPrefix(said, "Linux\n") || !strings.Contains(said, "word=kernel") || !strings.HasSuffix(said, "\n307200\nanew\n") {
		t.Errorf("the commands said %q", said)
	}
	resets := 0
	for _, m := range only[Machine](r) {
		if e, ok := m.Event.(qemu.Reset); ok && e.Guest {
			resets++
		}
	}
	if resets == 0 { // and the firmware may add some
		t.Error("the guest did not reset the machine")
	}
}

// A step that needs a login says which, before anything starts.
func TestWinRMNeeds(t *testing.T) {
	b, _, _ := windowsOf(t, PowerShell("exit 0"), WaitSSH())
	b.WinRM.User = ""
	err := b.Validate(t.Context())
	for _, want := range []string{"needs WinRM, and WinRM.User is empty", "needs SSH, and SSH.User is empty", "Shutdown.Command"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("nothing of %q in: %v", want, err)
		}
	}
	b, _, _ = windowsOf(t)
	b.WinRM.Password, b.WinRM.Addr, b.WinRMPort = "", "", 70000
	b.VM.NICs = []qemu.NIC{}
	err = b.Validate(t.Context())
	for _, want := range []string{"winrm: Config.Password: is empty", "WinRMPort: 70000 is no port", "WinRM.Addr: is empty, and no network card"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("nothing of %q in: %v", want, err)
		}
	}
}

// A script that fails fails the build, with what it said.
func TestWinRMFails(t *testing.T) {
	t.Parallel()
	b, _, _ := windowsOf(t, PowerShell("echo why >&2; exit 7"))
	_, err := b.Run(soon(t))
	var step *StepError
	var exit *winrm.ExitError
	if !errors.As(err, &step) || !errors.As(err, &exit) || exit.Status != 7 || !strings.Contains(err.Error(), "why") {
		t.Error(err)
	}
}
