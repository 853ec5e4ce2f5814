package qemu

import (
	"context"
	"errors"
	"slices"
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
	// The other key comes first, so that it is seen however fast the guest is.
	if err := ty.p.c.Send(slices.Concat(usStroke('x'), shifted[:3])); err != nil {
		t.Fatal(err)
	}
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
	if got := keyText(t, vm, before); got != "axBc" {
		t.Errorf("%q has arrived", got)
	}
}

// slowRawReader is a rawReader that takes its time for each byte.
var slowRawReader = slices.Concat(rawReader[:len(rawReader)-2], []byte{
	0xba, 0x0c, 0x00, // mov dx, 12
	0xb9, 0x00, 0x00, // mov cx, 0
	0xe2, 0xfe, //       loop itself
	0x4a,       //       dec dx
	0x75, 0xf8, //       jnz to mov cx
	0xeb, 0xe6, //       jmp next
})

// A key that is held is released when the keyboard has room for that, also when
// the connection that the keys came by has ended.
func TestPacerLetsUp(t *testing.T) {
	t.Parallel()
	vm, bytes := bootSector(t, slowRawReader)
	ended := false
	ty := newTypist(t, vm, PacerConfig{Fence: func(context.Context) error {
		if ended {
			return errors.New("the connection has ended")
		}
		return nil
	}})
	if err := ty.play(soon(t), append(usStrokes("xyz"), Stroke{{codeLeftCtrl, true}})); err != nil {
		t.Fatal(err)
	}
	strokes := usStrokes("abcdefgh") // as much as a keyboard holds
	n, err := ty.p.Pace(soon(t), strokes)
	if err != nil || n != len(strokes) {
		t.Fatal(n, err)
	}
	if err := ty.p.c.Send(slices.Concat(strokes...)); err != nil {
		t.Fatal(err)
	}
	ended = true
	over, cancel := context.WithCancel(soon(t))
	cancel()
	if _, err := ty.p.Pace(over, nil); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := ty.p.Close(soon(t)); err != nil {
		t.Fatal(err)
	}
	const up = codeLeftCtrl | 0x80
	got := bytes()
	for try := 0; try < 500 && !slices.Contains(got, up); try++ {
		vm.pause(soon(t), 10*time.Millisecond)
		got = bytes()
	}
	if !slices.Contains(got, up) {
		t.Errorf("Ctrl stays down: the guest has read % x, with %v", got, ty.modes)
	}
}
