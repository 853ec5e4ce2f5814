package qemu

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
)

// memory reads n bytes of the guest's physical memory: from that of QEMU's
// process where that can be (1 µs), else by QMP (0.6 ms and more, in which the
// guest's processor may have to wait).
func (vm *VM) memory(ctx context.Context, at, n int) ([]byte, error) {
	if m := vm.guestRAM.read(ctx, vm, at, n); m != nil {
		return m, nil
	}
	return vm.dump(ctx, at, n)
}

// dump reads n bytes of the guest's physical memory by QMP.
func (vm *VM) dump(ctx context.Context, at, n int) ([]byte, error) {
	out, err := vm.qmp.HMP(ctx, fmt.Sprintf("xp /%dbx %#x", n, at))
	if err != nil {
		return nil, err
	}
	var m []byte
	for line := range strings.Lines(out) {
		_, values, _ := strings.Cut(line, ":")
		for _, v := range strings.Fields(values) {
			b, err := strconv.ParseUint(strings.TrimPrefix(v, "0x"), 16, 8)
			if err != nil {
				return nil, fmt.Errorf("guest memory: unexpected answer %q", out)
			}
			m = append(m, byte(b))
		}
	}
	if len(m) != n {
		return nil, fmt.Errorf("guest memory: unexpected answer %q", out)
	}
	return m, nil
}

// guestRAM reads the guest's memory where QEMU's process has it.
type guestRAM struct {
	mu      sync.Mutex
	file    *os.File // the process's memory; nil until it is first read
	refused bool     // the system does not let us
	windows []ramWindow
}

// ramWindow is a part of the guest's memory that lies in one piece in the
// process, at the address host; 0 where it does not.
type ramWindow struct{ from, to, host int }

// On a PC what is between these is not always RAM: chipset and display switch it.
const (
	conventionalEnd = 0xa0000
	extendedStart   = 0x100000
)

// read returns nil where the memory cannot be read in this way.
func (g *guestRAM) read(ctx context.Context, vm *VM, at, n int) []byte {
	if at < extendedStart && at+n > conventionalEnd {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.refused {
		return nil
	}
	if g.file == nil {
		var err error
		if g.file, err = openMemory(vm.PID()); err != nil {
			g.refused = true
			vm.c.Logger.Debug("qemu: the guest's memory is read by QMP", "err", err)
			return nil
		}
	}
	w := g.window(ctx, vm, at, n)
	if w.host == 0 {
		return nil
	}
	m := make([]byte, n)
	if _, err := g.file.ReadAt(m, int64(w.host+at-w.from)); err != nil {
		return nil
	}
	return m
}

// window returns the window with n bytes at an address. Its host is 0 if QEMU
// knows of no RAM there.
func (g *guestRAM) window(ctx context.Context, vm *VM, at, n int) ramWindow {
	for _, w := range g.windows {
		if w.from <= at && at+n <= w.to {
			return w
		}
	}
	w := ramWindow{from: at, to: at + n}
	if w.to <= conventionalEnd {
		w = ramWindow{to: conventionalEnd}
	}
	first, err := vm.hostAddress(ctx, w.from)
	if err == nil {
		// Only RAM that is in one piece ends where it should.
		if last, _ := vm.hostAddress(ctx, w.to-1); last-first == w.to-1-w.from {
			w.host = first
		}
	}
	if ctx.Err() == nil {
		g.windows = append(g.windows, w)
	}
	return w
}

// hostAddress asks QEMU where in its process a byte of the guest's RAM is.
func (vm *VM) hostAddress(ctx context.Context, at int) (int, error) {
	out, err := vm.qmp.HMP(ctx, fmt.Sprintf("gpa2hva %#x", at))
	if err != nil {
		return 0, err
	}
	_, hex, ok := strings.Cut(strings.TrimSpace(out), "ram) is 0x")
	host, err := strconv.ParseUint(hex, 16, 63)
	if !ok || err != nil {
		return 0, fmt.Errorf("guest memory at %#x: unexpected answer %q", at, out)
	}
	return int(host), nil
}

func (g *guestRAM) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refused = true
	if g.file != nil {
		g.file.Close()
	}
}
