package qemu

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// keyboards are those that a machine has. QEMU gives a key to one of them: to
// the virtio keyboard while the guest has a driver for it, else to the USB
// keyboard, else to the PS/2 one.
type keyboards struct{ ps2, usb, virtio bool }

// keyboards asks which keyboards there are.
func (vm *VM) keyboards(ctx context.Context) (keyboards, error) {
	tree, err := vm.qmp.HMP(ctx, "info qtree")
	if err != nil {
		return keyboards{}, err
	}
	return keyboards{
		ps2:    strings.Contains(tree, "dev: i8042,"),
		usb:    strings.Contains(tree, "dev: usb-kbd,"),
		virtio: strings.Contains(tree, "dev: virtio-keyboard-"),
	}, nil
}

// only reports whether there is one keyboard and no more.
func (k keyboards) only() bool {
	n := 0
	for _, there := range []bool{k.ps2, k.usb, k.virtio} {
		if there {
			n++
		}
	}
	return n == 1
}

// cpu is what an x86 processor says about the program that it runs.
type cpu struct {
	paging bool
	long   bool   // 64-bit mode
	gdt    uint64 // where its table of segments is
}

// Where kernels have their half of the address space, and firmware nothing.
const (
	kernelHalf32 = 0x8000_0000
	kernelHalf64 = 0x8000_0000_0000
)

// kernel reports whether an operating system runs: those map themselves into
// the upper half of the address space, while firmware and boot loaders stay
// where the memory is.
func (c cpu) kernel() bool {
	half := uint64(kernelHalf32)
	if c.long {
		half = kernelHalf64
	}
	return c.paging && c.gdt >= half
}

func (vm *VM) cpu(ctx context.Context) (cpu, error) {
	out, err := vm.qmp.HMP(ctx, "info registers")
	if err != nil {
		return cpu{}, err
	}
	gdt, err := register(out, "GDT=")
	if err != nil {
		return cpu{}, err
	}
	cr0, err := register(out, "CR0=")
	if err != nil {
		return cpu{}, err
	}
	efer, err := register(out, "EFER=")
	if err != nil {
		return cpu{}, err
	}
	const longModeActive = 1 << 10
	return cpu{paging: cr0&pagingActive != 0, long: efer&longModeActive != 0, gdt: gdt}, nil
}

// register finds a register in what the monitor prints of a processor.
func register(out, name string) (uint64, error) {
	_, after, ok := strings.Cut(out, name)
	fields := strings.Fields(after)
	if !ok || len(fields) == 0 {
		return 0, fmt.Errorf("registers: no %s in the answer %.100q", name, out)
	}
	n, err := strconv.ParseUint(fields[0], 16, 64)
	if err != nil {
		return 0, fmt.Errorf("registers: %s %w", name, err)
	}
	return n, nil
}

// gets returns the keyboard that gets the keys now.
func (p *Pacer) gets(ctx context.Context) (input, error) {
	switch b := p.boards; {
	case b.virtio && !b.only():
		return p.probe(ctx)
	case b.virtio:
		return inputVirtIO, nil
	case b.usb:
		return inputUSB, nil
	case b.ps2:
		return inputPS2, nil
	}
	return inputNone, nil
}
