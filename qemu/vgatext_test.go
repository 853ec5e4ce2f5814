package qemu

import (
	"encoding/binary"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/screen"
)

// What the BIOS shows is in memory, and reading it leaves nothing behind.
func TestVGAText(t *testing.T) {
	t.Parallel()
	for _, machine := range []string{"pc", "q35"} {
		t.Run(machine, func(t *testing.T) {
			t.Parallel()
			vm, _ := boot(t, guest.Disk(t, guest.Show("hello\n  world\n")), func(c *Config) { c.Machine = machine })
			if _, err := vm.Console().Wait(soon(t), regexp.MustCompile("world")); err != nil {
				t.Fatal(err)
			}
			cells, columns, err := vm.VGAText(soon(t))
			if err != nil || columns != 80 || len(cells) != 80*25*2 {
				t.Fatalf("%d bytes, %d columns, %v", len(cells), columns, err)
			}
			text, err := screen.VGAMemory(cells, columns)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(text.String(), "\n")
			if diff := cmp.Diff([]string{"hello", "  world"}, lines[:2]); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if left, err := os.ReadDir(vm.dir); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// sayX is how the guests below end: they say "x" on COM1 and halt.
var sayX = []byte{
	0xb0, 'x', //        mov al, 'x'
	0xba, 0xf8, 0x03, // mov dx, 0x3f8
	0xee,             // out dx, al
	0xf4, 0xeb, 0xfd, // halt: hlt; jmp halt
}

// video is a guest that asks the BIOS for a video mode.
func video(mode byte) []byte {
	return sector(append([]byte{
		0xb8, mode, 0x00, // mov ax, mode
		0xcd, 0x10, //       int 0x10
	}, sayX...))
}

// vesa is a guest that asks for 640 by 480 pixels in a linear framebuffer.
var vesa = sector(append([]byte{
	0xb8, 0x02, 0x4f, // mov ax, 0x4f02
	0xbb, 0x01, 0x41, // mov bx, 0x4101
	0xcd, 0x10, //       int 0x10
}, sayX...))

// kernel is a guest whose processor translates addresses, each to itself.
var kernel = sector(append([]byte{
	0xfa,       //       cli
	0x31, 0xc0, //       xor ax, ax
	0x8e, 0xd8, //       mov ds, ax
	0x66, 0xc7, 0x06, 0x00, 0x90, 0x83, 0x00, 0x00, 0x00, // mov dword [0x9000], 0x83
	0x66, 0xb8, 0x10, 0x00, 0x00, 0x00, // mov eax, PSE
	0x0f, 0x22, 0xe0, //                   mov cr4, eax
	0x66, 0xb8, 0x00, 0x90, 0x00, 0x00, // mov eax, 0x9000
	0x0f, 0x22, 0xd8, //                   mov cr3, eax
	0x0f, 0x20, 0xc0, //                   mov eax, cr0
	0x66, 0x0d, 0x01, 0x00, 0x00, 0x80, // or eax, PG | PE
	0x0f, 0x22, 0xc0, //                   mov cr0, eax
}, sayX...))

func TestVGATextModes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name          string
		sector        []byte
		columns, size int // 0 for none
	}{
		{"40 columns", video(0x01), 40, 40 * 25 * 2},
		{"monochrome", video(0x07), 80, 80 * 25 * 2},
		{"16 colours", video(0x12), 0, 0},
		{"256 colours", video(0x13), 0, 0},
		{"VESA", vesa, 0, 0},
		{"a kernel", kernel, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			vm, _ := boot(t, guest.Disk(t, tt.sector), nil)
			if _, err := vm.Console().Wait(soon(t), regexp.MustCompile("x")); err != nil {
				t.Fatal(err)
			}
			cells, columns, err := vm.VGAText(soon(t))
			if len(cells) != tt.size || columns != tt.columns || (tt.size == 0) != errors.Is(err, ErrNoVGAText) {
				t.Errorf("%d bytes, %d columns, %v", len(cells), columns, err)
			}
		})
	}
}

// What cannot be a screen is not read, whatever is in memory.
func TestParseDisplay(t *testing.T) {
	good := make([]byte, biosData)
	for _, w := range biosWords() {
		binary.LittleEndian.PutUint16(good[w.at:], w.want)
	}
	good[displayMode], good[displayColumns], good[displayRows] = 3, 80, 24
	for _, tt := range []struct {
		name   string
		at     int // what is changed
		value  byte
		refuse bool
	}{
		{"as it should be", displayMode, 3, false},
		{"the second page", displayOffset + 1, 0x10, false},
		{"a page across the end", displayOffset + 1, 0x78, true},
		{"a page behind the end", displayOffset + 1, 0x80, true},
		{"no columns", displayColumns, 0, true},
		{"columns without end", displayColumns + 1, 0xff, true},
		{"one row", displayRows, 0, true},
		{"graphics", displayMode, 6, true},
		{"another's keyboard", vectorIRQ1 + 3, 0x12, true},
	} {
		m := slices.Clone(good)
		m[tt.at] = tt.value
		if d, err := parseDisplay(m); errors.Is(err, ErrNoVGAText) != tt.refuse {
			t.Errorf("%s: %+v, %v", tt.name, d, err)
		}
	}
}

func BenchmarkVGAText(b *testing.B) {
	vm, _ := boot(b, guest.Disk(b, guest.Show("x")), nil)
	if _, err := vm.Console().Wait(soon(b), regexp.MustCompile("x")); err != nil {
		b.Fatal(err)
	}
	read := func(b *testing.B) {
		for b.Loop() {
			if _, _, err := vm.VGAText(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("process", read)
	vm.guestRAM.close()
	b.Run("QMP", read)
}
