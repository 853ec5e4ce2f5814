//go:build unix

package qemu

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/internal/need"
)

// said collects what is written to it and tells when some text is there.
type said struct {
	mu   sync.Mutex
	text strings.Builder
	more chan struct{}
}

func newSaid() *said { return &said{more: make(chan struct{}, 1)} }

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
	return s.text.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *said) wait(t *testing.T, want string) {
	t.Helper()
	ctx := soon(t)
	for !strings.Contains(s.String(), want) {
		select {
		case <-s.more:
		case <-ctx.Done():
			t.Fatalf("nobody said %q in\n%s", want, s)
		}
	}
}

// What SeaBIOS says of the ACPI tables TPM2 and TCPA, which it looks for.
const (
	tableTPM2  = "table(324d5054)="
	tableTPM12 = "table(41504354)="
)

// The machine has the chip that was asked for, the firmware finds it, and it
// ends with the machine and remembers what it was.
func TestTPM(t *testing.T) {
	t.Parallel()
	need.Tool(t, "swtpm")
	for _, tt := range []struct {
		name  string
		tpm   TPM
		model string // as QEMU has it
		log   string // of SeaBIOS
	}{
		{"zero", TPM{}, "tpm-tis", tableTPM2},
		{"crb", TPM{Model: "tpm-crb"}, "tpm-crb", tableTPM2},
		{"1.2", TPM{Version: TPM12}, "tpm-tis", tableTPM12},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "a,b=c")
			tt.tpm.StateDir = dir
			log := newSaid()
			vm, _ := boot(t, guest.Disk(t, guest.Echo), func(c *Config) { c.TPM, c.DebugConsole = &tt.tpm, log })
			var chips []struct {
				Model   string
				Options struct{ Type string }
			}
			if err := vm.QMP().Execute(soon(t), "query-tpm", nil, &chips); err != nil {
				t.Fatal(err)
			}
			if len(chips) != 1 || chips[0].Model != tt.model || chips[0].Options.Type != "emulator" {
				t.Errorf("query-tpm: %+v", chips)
			}
			log.wait(t, tt.log)
			pid := vm.chip.proc.pid
			if err := vm.Close(); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
				t.Errorf("swtpm is still there: %v", err)
			}
			if fi, err := os.Stat(filepath.Join(dir, tt.tpm.StateFile())); err != nil || fi.Size() == 0 {
				t.Errorf("what the chip remembers: %v, %v", fi, err)
			}
		})
	}
}

// A chip that dies is named, with what it said, and the machine goes on.
func TestTPMKilled(t *testing.T) {
	t.Parallel()
	need.Tool(t, "swtpm")
	vm, e := boot(t, guest.Disk(t, guest.Echo), func(c *Config) { c.TPM = &TPM{} })
	syscall.Kill(vm.chip.proc.pid, syscall.SIGKILL)
	if got := next[TPMEnded](t, e); got.Signal != "killed" || got.Status != -1 {
		t.Errorf("%+v", got)
	}
	if isClosed(vm.Done()) {
		t.Errorf("the machine is gone: %v", vm.Err())
	}
	vm.Close()
	if got := next[Exited](t, e); got.Status != 0 {
		t.Errorf("%+v", got)
	}
}

// A machine that dies takes its chip with it, and nobody blames the chip.
func TestTPMMachineKilled(t *testing.T) {
	t.Parallel()
	need.Tool(t, "swtpm")
	vm, e := boot(t, guest.Disk(t, guest.Echo), func(c *Config) { c.TPM = &TPM{} })
	syscall.Kill(vm.PID(), syscall.SIGKILL)
	if err := vm.Wait(soon(t)); err == nil {
		t.Error("a machine that was killed has ended well")
	}
	if err := syscall.Kill(vm.chip.proc.pid, 0); err != syscall.ESRCH {
		t.Errorf("swtpm is still there: %v", err)
	}
	for len(e.c) > 0 {
		if ended, ok := (<-e.c).(TPMEnded); ok {
			t.Errorf("%+v", ended)
		}
	}
}

// A machine whose chip cannot start tells why, in swtpm's words, and leaves
// nothing.
func TestTPMStartFails(t *testing.T) {
	t.Parallel()
	need.Tool(t, "swtpm")
	dir := t.TempDir()
	first := &TPM{StateDir: filepath.Join(dir, "tpm")}
	vm, _ := boot(t, guest.Disk(t, guest.Echo), func(c *Config) { c.TPM = first })
	defer vm.Close()
	_, err := Start(soon(t), &Config{Accel: TCG, TPM: first})
	var failed *StartError
	if !errors.As(err, &failed) || !strings.Contains(failed.TPM, "lock") || !strings.Contains(err.Error(), "swtpm says: ") {
		t.Errorf("a second machine with the same state: %v", err)
	}
	own := filepath.Join(dir, "own")
	if err := os.Mkdir(own, 0o700); err != nil {
		t.Fatal(err)
	}
	bad := &Config{Accel: TCG, TPM: &TPM{StateDir: filepath.Join(own, "tpm")}, Args: []ArgEdit{{Op: ArgAdd, Option: "-bogus"}}}
	if _, err := Start(soon(t), bad); !errors.As(err, &failed) || !strings.Contains(failed.Stderr, "bogus") {
		t.Errorf("a QEMU that does not start: %v", err)
	}
}

// What cannot be had is found before anything starts.
func TestTPMPreflight(t *testing.T) {
	none := &Config{Accel: TCG, TPM: &TPM{Binary: "swtpm-that-is-not-there"}}
	broken := filepath.Join(t.TempDir(), "swtpm")
	old := filepath.Join(t.TempDir(), "swtpm")
	for path, text := range map[string]string{
		broken: "#!/bin/sh\necho 'libtpms.so.0: cannot open' >&2; exit 127\n",
		old:    "#!/bin/sh\necho '{\"type\":\"swtpm\",\"features\":[\"tpm-2.0\"]}'\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		c    *Config
		want []string
	}{
		{none, []string{"qemu: TPM: ", "swtpm-that-is-not-there", "install"}},
		{&Config{TPM: &TPM{Binary: broken}}, []string{"qemu: TPM.Binary: ", "libtpms.so.0: cannot open"}},
		{&Config{TPM: &TPM{Binary: old, Version: TPM12}}, []string{"qemu: TPM.Version: ", "has no TPM 1.2", "leave it empty"}},
		{&Config{TPM: &TPM{Binary: old, StateDir: "/nowhere/tpm"}}, []string{"qemu: TPM.StateDir: ", "/nowhere"}},
	} {
		var f findings
		tt.c.findTPM(&f, &Host{})
		err := errors.Join(f...)
		for _, want := range tt.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%+v: no %q in %v", tt.c.TPM, want, err)
			}
		}
	}
}
