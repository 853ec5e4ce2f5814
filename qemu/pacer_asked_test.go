package qemu

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/internal/guest"
)

// A mode that was asked for loses nothing of what a slow BIOS program reads,
// though it does not watch the ring into which the BIOS puts the keys.
func TestPacerAsked(t *testing.T) {
	t.Parallel()
	for _, mode := range []Mode{ModePS2Trace, ModePS2Status} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			vm, _ := boot(t, guest.Disk(t, guest.KeyRead(2000, false)), nil)
			readsKeys(t, vm)
			before := taken(t, vm)
			text := randomText(80)
			ty := newTypist(t, vm, PacerConfig{Mode: mode})
			if err := ty.play(soon(t), usStrokes(text)); err != nil {
				t.Fatal(err)
			}
			for try := 0; try < 500 && len(keyText(t, vm, before)) < len(text); try++ {
				vm.pause(soon(t), 10*time.Millisecond)
			}
			if got := keyText(t, vm, before); got != text {
				t.Errorf("%d of %d characters arrived:\n%q, want\n%q", len(got), len(text), got, text)
			}
		})
	}
}

// deaf is a guest that leaves all keys in the keyboard.
var deaf = []byte{
	0xfa,       //             cli
	0x31, 0xc0, //             xor ax, ax
	0x8e, 0xd8, //             mov ds, ax
	0xfe, 0x06, 0x00, 0x7e, // inc byte [0x7e00]
	0xeb, 0xfe, //             jmp itself
}

// The status that was asked for is looked at: keys that stay in the keyboard are
// not taken.
func TestPacerAskedLooks(t *testing.T) {
	t.Parallel()
	vm, _ := boot(t, guest.Disk(t, sector(deaf)), nil)
	for try := 0; try < 2000; try++ {
		if m, err := vm.memory(soon(t), 0x7e00, 1); err == nil && m[0] == 1 {
			break
		}
		vm.pause(soon(t), 10*time.Millisecond)
	}
	ty := newTypist(t, vm, PacerConfig{Mode: ModePS2Status, Patience: time.Second})
	if err := ty.play(soon(t), usStrokes("a")); !errors.Is(err, ErrKeysStalled) {
		t.Errorf("error %v", err)
	}
}

// Where a mode that was asked for does not hold, the error says what to do, and
// nothing listens to the machine any more.
func TestPacerAskedInVain(t *testing.T) {
	t.Parallel()
	vm, _ := boot(t, guest.Disk(t, guest.KeyRead(0, false)), nil)
	readsKeys(t, vm)
	vm.c.Firmware.Type = UEFI // whose lights are also watched by a trace
	l := &lamp{}
	ty := newTypist(t, vm, PacerConfig{
		Mode:     ModeLEDs,
		LEDs:     func() (uint8, uint64) { return 0, 1 },
		WaitLEDs: func(ctx context.Context, _ uint64) (uint8, uint64, error) { return l.wait(ctx, l.changes) },
	})
	err := ty.play(soon(t), usStrokes("a"))
	if err == nil || !strings.Contains(err.Error(), "leds was asked for") || !strings.Contains(err.Error(), "no mode") {
		t.Errorf("error %v", err)
	}
	trace := &vm.proc.trace
	trace.mu.Lock()
	defer trace.mu.Unlock()
	if len(trace.ears) > 0 {
		t.Errorf("%d still listen", len(trace.ears))
	}
}

// The bytes that UEFI's firmware reads do not tell what its program gets.
func TestPacerAskedUEFI(t *testing.T) {
	t.Parallel()
	vm, _ := boot(t, guest.Disk(t, guest.KeyRead(0, false)), nil)
	readsKeys(t, vm)
	before := taken(t, vm)
	vm.c.Firmware.Type = UEFI
	for _, mode := range []Mode{ModePS2Trace, ModePS2Status} {
		ty := newTypist(t, vm, PacerConfig{Mode: mode})
		err := ty.play(soon(t), usStrokes("a"))
		if err == nil || !strings.Contains(err.Error(), "UEFI") || taken(t, vm) != before {
			t.Errorf("%s: error %v", mode, err)
		}
		if err := ty.p.Close(soon(t)); err != nil {
			t.Error(err)
		}
	}
}

// What is wrong with the configuration is said before anything is done.
func TestPacerConfig(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]PacerConfig{
		"PacerConfig.Mode":     {Mode: "telepathy"},
		"PacerConfig.Patience": {Patience: -time.Second},
	} {
		if _, err := new(VM).NewPacer(soon(t), &c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

func TestStrokePresses(t *testing.T) {
	t.Parallel()
	for c, want := range map[byte]int{'a': 1, 'A': 2} {
		if n := usStroke(c).presses(); n != want {
			t.Errorf("%q: %d presses, want %d", c, n, want)
		}
	}
}
