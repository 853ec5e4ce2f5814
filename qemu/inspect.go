package qemu

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// port reads the status of the keyboard controller.
func (vm *VM) port(ctx context.Context) (byte, error) {
	out, err := vm.qmp.HMP(ctx, portStatus)
	if err != nil {
		return 0, err
	}
	_, hex, ok := strings.Cut(strings.TrimSpace(out), "= 0x")
	n, err := strconv.ParseUint(hex, 16, 8)
	if !ok || err != nil {
		return 0, fmt.Errorf("status of the keyboard controller: unexpected answer %q", out)
	}
	return byte(n), nil
}

// paging reports whether the processor translates addresses.
func (vm *VM) paging(ctx context.Context) (bool, error) {
	out, err := vm.qmp.HMP(ctx, "info registers")
	if err != nil {
		return false, err
	}
	_, after, ok := strings.Cut(out, "CR0=")
	if !ok || len(after) < 8 {
		return false, fmt.Errorf("registers: unexpected answer %.100q", out)
	}
	cr0, err := strconv.ParseUint(after[:8], 16, 32)
	if err != nil {
		return false, fmt.Errorf("registers: CR0: %w", err)
	}
	return cr0&pagingActive != 0, nil
}

// biosKeys is the BIOS's ring: valid if SeaBIOS has set it up.
type biosKeys struct {
	valid      bool
	head, tail uint16
}

// ring reads the BIOS's ring. Its place and the handlers are checked, since
// that memory may be anybody's.
func (vm *VM) ring(ctx context.Context) (biosKeys, error) {
	m, err := vm.memory(ctx, ringHead, 4)
	if err != nil {
		return biosKeys{}, err
	}
	r := biosKeys{head: binary.LittleEndian.Uint16(m), tail: binary.LittleEndian.Uint16(m[2:])}
	inRing := func(p uint16) bool { return p >= biosRing && p < biosRingEnd && p%2 == 0 }
	if !inRing(r.head) || !inRing(r.tail) || r.head == r.tail {
		r.valid = inRing(r.head) && r.head == r.tail
		return r, nil
	}
	r.valid, err = vm.biosServes(ctx)
	return r, err
}
