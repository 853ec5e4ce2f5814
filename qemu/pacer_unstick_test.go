package qemu

import (
	"errors"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/internal/guest"
)

// When others' keys have come between, the keyboard may have been full and have
// dropped a release: no key stays down for whoever types next.
func TestPacerUnsticks(t *testing.T) {
	t.Parallel()
	vm, _ := boot(t, guest.Disk(t, guest.KeyRead(0, false)), nil)
	readsKeys(t, vm)
	before := taken(t, vm)
	ty := newTypist(t, vm, PacerConfig{})
	if err := ty.play(soon(t), usStrokes("a")); err != nil {
		t.Fatal(err)
	}
	shifted := usStroke('B')
	if _, err := ty.p.Pace(soon(t), []Stroke{shifted}); err != nil {
		t.Fatal(err)
	}
	if err := ty.p.c.Send(shifted[:3]); err != nil {
		t.Fatal(err)
	}
	press(t, vm, "x")
	if _, err := ty.p.Pace(soon(t), nil); !errors.Is(err, ErrForeignKeys) {
		t.Fatalf("with %v: %v", ty.modes, err)
	}
	if err := ty.p.Close(soon(t)); err != nil {
		t.Fatal(err)
	}
	if err := newTypist(t, vm, PacerConfig{}).play(soon(t), usStrokes("c")); err != nil {
		t.Fatal(err)
	}
	vm.pause(soon(t), 50*time.Millisecond)
	if got := keyText(t, vm, before); got != "aBXc" {
		t.Errorf("%q has arrived", got)
	}
}
