//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/imagebuild"
	bootsector "github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/keyseq"
	"github.com/bootscribe/bootscribe/qemu"
)

// Waiting for a guest that takes no keys costs next to nothing, whether it is
// stopped or runs and does not read.
func TestStall(t *testing.T) {
	for _, tt := range []struct {
		name    string
		guest   string
		stopped bool
		pace    pace
	}{
		{"stopped", "isolinux", true, pace{}},
		{"reads nothing", "keyread", false, pace{}},
		{"stopped, by VNC alone", "isolinux", true, pace{plain: true, mode: imagebuild.ModeEcho}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			log := filepath.Join(t.TempDir(), "log")
			_, m := bootedWith(t, tt.guest, func(c *qemu.Config) {
				c.Args = append(c.Args, qemu.ArgEdit{Op: qemu.ArgAdd, Option: "-D", Value: log})
				c.NoSandbox = true // it opens the file late
				if !tt.stopped {
					c.Disks[0].Path = bootsector.Disk(t, bootsector.Show("x"))
				}
			})
			if err := m.vm.QMP().Execute(t.Context(), "trace-event-set-state", map[string]any{"name": "handle_qmp_command", "enable": true}, nil); err != nil {
				t.Fatal(err)
			}
			cpu, commands := stalled(t, m, log, tt.stopped, tt.pace)
			t.Logf("%.2f %% of a processor, %.0f QMP commands a second", 100*cpu, commands)
			if cpu > 0.05 && !raced || commands > 1000 {
				t.Errorf("waiting takes %.1f %% of a processor and %.0f QMP commands a second", 100*cpu, commands)
			}
		})
	}
}

// stalled types on a guest that takes nothing, and returns what part of a
// processor this process needs meanwhile, and how many commands a second.
func stalled(t *testing.T, m *machine, log string, stop bool, p pace) (cpu, commands float64) {
	t.Helper()
	if stop {
		if err := m.vm.QMP().Execute(t.Context(), "stop", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := m.typeText(ctx, keyseq.Quote(printable(100, 1)), p)
		done <- err
	}()
	time.Sleep(2 * time.Second) // it has come to a standstill
	const while = 5 * time.Second
	spent, sent := processor(t), count(t, log)
	begin := time.Now()
	time.Sleep(while)
	took := time.Since(begin).Seconds()
	cpu, commands = (processor(t)-spent)/took, float64(count(t, log)-sent)/took
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("it did not wait: %v", err)
	}
	return cpu, commands
}

// processor returns the seconds of processor time that this process has used.
func processor(t *testing.T) float64 {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// count returns how many QMP commands a log has.
func count(t *testing.T, log string) int {
	t.Helper()
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(b, []byte("handle_qmp_command"))
}
