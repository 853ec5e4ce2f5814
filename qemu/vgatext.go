package qemu

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ErrNoVGAText is in the chain of the error of [VM.VGAText] when the screen
// does not, or might not, show the text that is in the VGA's memory.
var ErrNoVGAText = errors.New("no text screen of the BIOS's")

// Where a PC's BIOS keeps what it knows of its display (IBM PC AT Technical
// Reference, BIOS data area), and where text is for colour and for monochrome.
const (
	displayMode    = 0x449
	displayColumns = 0x44a
	displayOffset  = 0x44e // of the page that shows
	displayRows    = 0x484 // less one
	biosData       = 0x500 // behind the last

	colourText = 0xb8000
	monoText   = 0xb0000
	textWindow = 32 << 10 // of each
)

// VGAText returns the text screen of a PC whose BIOS is in charge, from its
// memory: two bytes a cell, the character's code and its attribute, in rows of
// the given number of columns, as VGAMemory of package screen takes them. It
// takes two to four milliseconds.
//
// The error is [ErrNoVGAText] when there is no such screen: in graphics, and as
// soon as the processor translates addresses, which is how a system's kernel is
// told from what runs on the BIOS. The kernel's own console is in that memory
// too, but not always at its start, and where it is cannot be asked without
// disturbing it. A program that changes the display without its BIOS before
// that is not noticed.
func (vm *VM) VGAText(ctx context.Context) (cells []byte, columns int, err error) {
	cells, columns, err = vm.vgaText(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("qemu: VGA text: %w", err)
	}
	return cells, columns, nil
}

func (vm *VM) vgaText(ctx context.Context) ([]byte, int, error) {
	d, err := vm.textDisplay(ctx)
	if err != nil {
		return nil, 0, err
	}
	if paging, err := vm.paging(ctx); err != nil {
		return nil, 0, err
	} else if paging {
		return nil, 0, fmt.Errorf("%w: an operating system runs", ErrNoVGAText)
	}
	for range 3 { // it may change meanwhile
		cells, err := vm.save(ctx, d.at, 2*d.columns*d.rows)
		if err != nil {
			return nil, 0, err
		}
		before := d
		if d, err = vm.textDisplay(ctx); err != nil || d == before {
			return cells, d.columns, err
		}
	}
	return nil, 0, fmt.Errorf("%w: its size changes all the time", ErrNoVGAText)
}

// textDisplay is what the BIOS says of a display with text.
type textDisplay struct{ at, columns, rows int }

func (vm *VM) textDisplay(ctx context.Context) (d textDisplay, err error) {
	if b := vm.c.board(); vm.c.uefi() || !isX86(vm.c.arch()) || b != boardPC && b != boardQ35 {
		return d, fmt.Errorf("%w: the machine has no BIOS", ErrNoVGAText)
	}
	m := vm.guestRAM.read(ctx, vm, 0, biosData)
	if m == nil {
		m, err = vm.save(ctx, 0, biosData)
	}
	if err != nil {
		return d, err
	}
	return parseDisplay(m)
}

// parseDisplay reads the first biosData bytes of a PC's memory.
func parseDisplay(m []byte) (d textDisplay, err error) {
	word := func(at int) int { return int(binary.LittleEndian.Uint16(m[at:])) }
	for _, w := range biosWords() {
		if word(w.at) != int(w.want) {
			return d, fmt.Errorf("%w: the BIOS is not in charge", ErrNoVGAText)
		}
	}
	d.columns, d.rows = word(displayColumns), int(m[displayRows])+1
	page := word(displayOffset)
	switch mode := m[displayMode]; mode {
	case 0, 1, 2, 3:
		d.at = colourText + page
	case 7:
		d.at = monoText + page
	default:
		return d, fmt.Errorf("%w: the display is in mode %#x", ErrNoVGAText, mode)
	}
	if d.columns < 40 || d.rows < 12 || page+2*d.columns*d.rows > textWindow {
		return d, fmt.Errorf("%w: %d columns and %d rows at %#x make no screen", ErrNoVGAText, d.columns, d.rows, d.at)
	}
	return d, nil
}

// save reads n bytes of the guest's physical memory by way of a file, which is
// the fastest that QMP has for more than a few, and reads devices too.
func (vm *VM) save(ctx context.Context, at, n int) ([]byte, error) {
	path, err := filepath.Abs(filepath.Join(vm.dir, fmt.Sprintf("memory%d", serial.Add(1))))
	if err != nil {
		return nil, err
	}
	defer os.Remove(path)
	if err := vm.qmp.Execute(ctx, "pmemsave", map[string]any{"val": at, "size": n, "filename": path}, nil); err != nil {
		return nil, err
	}
	m, err := os.ReadFile(path)
	if err == nil && len(m) != n {
		err = fmt.Errorf("%d of %d bytes of guest memory", len(m), n)
	}
	return m, err
}
