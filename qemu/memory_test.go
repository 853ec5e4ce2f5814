package qemu

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/bootscribe/bootscribe/internal/guest"
)

// Both ways of reading the guest's memory give the same bytes.
func TestMemory(t *testing.T) {
	vm, _ := boot(t, guest.Disk(t, guest.Echo), nil)
	for _, tt := range []struct {
		name   string
		at, n  int
		window bool
	}{
		{"the interrupt vectors", 0, 8, true},
		{"the BIOS's code, which may be ROM or RAM", 0xffff0, 16, false},
		{"across the end of conventional memory", conventionalEnd - 4, 8, false},
		{"extended memory", 2 << 20, 64, true},
		{"the same again", 2<<20 + 8, 8, true},
		{"no memory at all", 0x70000000, 8, false},
	} {
		want, err := vm.dump(soon(t), tt.at, tt.n)
		if err != nil {
			want = nil
		}
		got := vm.guestRAM.read(soon(t), vm, tt.at, tt.n)
		if runtime.GOOS != "linux" {
			tt.window = false
		}
		if tt.window != (got != nil) || got != nil && !bytes.Equal(got, want) {
			t.Errorf("%s: %x, want %x", tt.name, got, want)
		}
	}
	if n := len(vm.guestRAM.windows); runtime.GOOS == "linux" && n != 3 {
		t.Errorf("%d windows: one is for conventional memory, one for what was asked for, one for what is none", n)
	}
}

// Where the system does not let us, QMP reads.
func TestMemoryRefused(t *testing.T) {
	vm, _ := boot(t, guest.Disk(t, guest.Echo), nil)
	vm.guestRAM.close()
	want, err := vm.dump(soon(t), 0, 8)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := vm.memory(soon(t), 0, 8); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%x, %v; want %x", got, err, want)
	}
}

func BenchmarkMemory(b *testing.B) {
	vm, _ := boot(b, guest.Disk(b, guest.Echo), nil)
	for _, way := range []struct {
		name string
		read func() error
	}{
		{"process", func() error { _, err := vm.memory(b.Context(), ringPage, 54); return err }},
		{"QMP", func() error { _, err := vm.dump(b.Context(), ringPage, 54); return err }},
	} {
		b.Run(way.name, func(b *testing.B) {
			for b.Loop() {
				if err := way.read(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
