package qemu

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// cpu is what a processor says about the program that it runs.
type cpu struct {
	paging bool
	long   bool   // 64-bit mode
	gdt    uint64 // where its table of segments is; elsewhere than on x86 ofFirmware or ofKernel
}

// What stands for the table of segments on processors that have none.
const (
	ofFirmware uint64 = 1
	ofKernel   uint64 = 2
)

// Where kernels have their half of the address space, and firmware nothing.
const (
	kernelHalf32 = 0x8000_0000
	kernelHalf64 = 0x8000_0000_0000
)

// kernel reports whether an operating system runs: those map themselves into
// the upper half of the address space, while firmware and boot loaders stay
// where the memory is.
func (c cpu) kernel() bool {
	if c.gdt == ofKernel {
		return true
	}
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
	switch vm.c.arch() {
	case "x86_64", "i386":
		return x86CPU(out)
	case "aarch64":
		return arm64CPU(out)
	case "riscv64":
		return riscv64CPU(out)
	}
	return cpu{}, fmt.Errorf("registers: those of %s are not known", vm.c.arch())
}

// arm64CPU looks where the program runs: kernels in the upper half of the
// address space, and their processes at exception level 0, which firmware does
// not use.
func arm64CPU(out string) (cpu, error) {
	pc, err := register(out, "PC=")
	return owned(pc >= 1<<63 || strings.Contains(out, "EL0")), err
}

// riscv64CPU looks where traps go: with a kernel, to the upper half of the
// address space.
func riscv64CPU(out string) (cpu, error) {
	stvec, err := register(out, " stvec ")
	return owned(stvec >= 1<<63), err
}

func owned(byKernel bool) cpu {
	if byKernel {
		return cpu{gdt: ofKernel}
	}
	return cpu{gdt: ofFirmware}
}

func x86CPU(out string) (cpu, error) {
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
