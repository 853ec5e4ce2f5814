package qemu

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/bootscribe/bootscribe/internal/guest"
)

// watched is a writer that can be looked at, and waited for.
type watched struct {
	mu   sync.Mutex
	text strings.Builder
	want string
	seen chan struct{} // closed when want has come
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(p)
	if !isClosed(w.seen) && strings.Contains(w.text.String(), w.want) {
		close(w.seen)
	}
	return len(p), nil
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// The firmware's log is there from its first line on, also on a machine
// without a serial port, and says what the screen may not.
func TestDebugConsole(t *testing.T) {
	t.Parallel()
	for _, machine := range []string{"pc", "q35"} {
		t.Run(machine, func(t *testing.T) {
			t.Parallel()
			log := &watched{want: "No bootable device.", seen: make(chan struct{})}
			vm, _ := boot(t, guest.Disk(t, make([]byte, 512)), func(c *Config) {
				c.Machine, c.NoSerial, c.DebugConsole = machine, machine == "pc", log
			})
			select {
			case <-log.seen:
			case <-soon(t).Done():
			}
			vm.Close()
			if got := log.String(); !strings.HasPrefix(got, "SeaBIOS (version") || !strings.Contains(got, log.want) {
				t.Errorf("%q", got)
			}
		})
	}
}

// Nobody waits for a reader that does not take it, but the machine's end does.
func TestDebugConsoleHeld(t *testing.T) {
	t.Parallel()
	hold, got := make(chan struct{}), strings.Builder{}
	vm, _ := boot(t, guest.Disk(t, guest.PowerOff), func(c *Config) {
		c.DebugConsole = writerFunc(func(p []byte) (int, error) {
			<-hold
			return got.Write(p)
		})
	})
	<-vm.Done() // the guest has come to its end
	select {
	case <-vm.finished:
		t.Error("the machine's end is told before its firmware's last words")
	default:
	}
	close(hold)
	if err := vm.Wait(soon(t)); err != nil {
		t.Fatal(err)
	}
	if text := got.String(); !strings.HasPrefix(text, "SeaBIOS (version") || !strings.Contains(text, "Booting from") {
		t.Errorf("%q", text)
	}
}

// A writer that has failed is not asked again.
func TestDebugConsoleFails(t *testing.T) {
	t.Parallel()
	calls := 0
	vm, _ := boot(t, guest.Disk(t, guest.PowerOff), func(c *Config) {
		c.DebugConsole = writerFunc(func([]byte) (int, error) {
			calls++
			return 0, errors.New("full")
		})
	})
	if err := vm.Wait(soon(t)); err != nil || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
}
