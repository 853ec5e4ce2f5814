//go:build unix

package imagebuild_test

import (
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/internal/guest"
)

// A QEMU that its host has stopped is waited for, and then named.
func TestTypistQEMUStopped(t *testing.T) {
	t.Parallel()
	k := readKeys(t, guest.KeyRead(500, true), nil)
	process, err := os.FindProcess(k.VM.PID())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { process.Signal(syscall.SIGCONT) })
	var stopping sync.WaitGroup
	stopping.Go(func() {
		for range 3 {
			time.Sleep(50 * time.Millisecond)
			process.Signal(syscall.SIGSTOP)
			time.Sleep(200 * time.Millisecond)
			process.Signal(syscall.SIGCONT)
		}
	})
	text := printable(300)
	err = k.Play(t.Context(), typing(text), nil)
	stopping.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if got := k.text(len(text)); got != text {
		t.Errorf("%d characters arrived of %d", len(got), len(text))
	}
	process.Signal(syscall.SIGSTOP)
	start := time.Now()
	err = k.Play(t.Context(), typing("more"), &imagebuild.TypeOptions{Patience: 500 * time.Millisecond})
	if took := time.Since(start); err == nil || took > 10*time.Second {
		t.Errorf("with a stopped QEMU: %v after %v", err, took)
	}
	process.Signal(syscall.SIGCONT)
}
