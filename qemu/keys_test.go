package qemu

import (
	"context"
	"encoding/binary"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/internal/guest"
)

// press presses and releases keys, one after the other, in one command of QMP.
func press(t *testing.T, vm *VM, qcodes ...string) {
	t.Helper()
	var events []any
	for _, qcode := range qcodes {
		for _, down := range []bool{true, false} {
			events = append(events, map[string]any{"type": "key", "data": map[string]any{
				"down": down, "key": map[string]any{"type": "qcode", "data": qcode}}})
		}
	}
	if err := vm.QMP().Execute(soon(t), "input-send-event", map[string]any{"events": events}, nil); err != nil {
		t.Fatal(err)
	}
}

// taken returns how many keys a KeyRead guest has got.
func taken(t *testing.T, vm *VM) int {
	t.Helper()
	m, err := vm.memory(soon(t), guest.KeyReadCount, 2)
	if err != nil {
		t.Fatal(err)
	}
	return int(binary.LittleEndian.Uint16(m))
}

// readsKeys waits until a KeyRead guest reads its keyboard. Nothing is pressed
// before it runs: a key in the middle of SeaBIOS's set-up of the keyboard can
// leave the guest without one.
func readsKeys(t *testing.T, vm *VM) {
	t.Helper()
	ctx := soon(t)
	for {
		m, err := vm.memory(ctx, 0x7dfe, 2) // the end of the boot sector
		if err != nil {
			t.Fatal(err)
		}
		if binary.LittleEndian.Uint16(m) == 0xaa55 {
			break
		}
		vm.pause(ctx, 10*time.Millisecond)
	}
	for range 100 {
		if taken(t, vm) == 0 {
			break
		}
		vm.pause(ctx, 10*time.Millisecond)
	}
}

// A BIOS program that is slow to read gets every key, where without the gate
// it loses most.
func TestKeysTakenByBIOS(t *testing.T) {
	t.Parallel()
	const n = 120
	vm, _ := boot(t, guest.Disk(t, guest.KeyRead(2000, true)), nil)
	readsKeys(t, vm)
	before := taken(t, vm)
	for range n {
		press(t, vm, "a")
		if err := vm.KeysTaken(soon(t)); err != nil {
			t.Fatal(err)
		}
	}
	limit := soon(t)
	for taken(t, vm)-before < n && vm.pause(limit, 10*time.Millisecond) == nil { // the last key is out of the ring, and on its way
	}
	if got := taken(t, vm) - before; got != n {
		t.Errorf("with the gate %d of %d keys arrived", got, n)
	}
	before = taken(t, vm)
	press(t, vm, slices.Repeat([]string{"a"}, n)...) // in one go, however slow this host is
	if err := vm.KeysTaken(soon(t)); err != nil {
		t.Fatal(err)
	}
	vm.pause(soon(t), 100*time.Millisecond)
	if got := taken(t, vm) - before; got >= n {
		t.Errorf("without the gate all %d keys arrived: the test proves nothing", got)
	}
}

// A guest that does not read its keys is waited for, and then named.
func TestKeysNotTaken(t *testing.T) {
	t.Parallel()
	vm, _ := boot(t, guest.Disk(t, guest.Show("x")), nil)
	if _, err := vm.Console().Wait(soon(t), regexp.MustCompile("x")); err != nil {
		t.Fatal(err)
	}
	press(t, vm, "a")
	short, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if err := vm.KeysTaken(short); err == nil {
		t.Error("KeysTaken returns though nobody has taken the key")
	}
	vm.t.keysPatient = 200 * time.Millisecond
	if err := vm.KeysTaken(soon(t)); err == nil || !strings.Contains(err.Error(), "has taken no key for") {
		t.Errorf("KeysTaken: %v", err)
	}
}
