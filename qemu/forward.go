package qemu

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// forwardRanges binds a port of each range. QEMU binds it itself, so that
// nobody can take it in between.
func (vm *VM) forwardRanges(ctx context.Context) error {
	for i, n := range vm.c.NICs {
		for _, w := range n.Forwards {
			if w.HostPortMax == 0 {
				continue
			}
			if err := vm.forwardOne(ctx, netdev(i), w); err != nil {
				return err
			}
		}
	}
	return nil
}

// forwardOne binds the first port of a range that is free.
func (vm *VM) forwardOne(ctx context.Context, netdev string, w Forward) error {
	said := ""
	for port := w.HostPort; port <= w.HostPortMax; port++ {
		out, err := vm.qmp.HMP(ctx, fmt.Sprintf("hostfwd_add %s %s", netdev, w.rule(port)))
		if err != nil {
			return err
		}
		if said = strings.TrimSpace(out); said == "" {
			return nil
		}
	}
	return fmt.Errorf("no port of %s from %d to %d is free (QEMU: %s); end what listens there, or give other ports", w.hostAddr(), w.HostPort, w.HostPortMax, said)
}

// Forwarded returns the address on the host at which a TCP port of the guest
// is reachable: the first [Forward] with that GuestPort. That something
// accepts there says nothing of the guest, since QEMU accepts at once.
func (vm *VM) Forwarded(ctx context.Context, guestPort int) (netip.AddrPort, error) {
	out, err := vm.qmp.HMP(ctx, "info usernet")
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("qemu: forwarded port %d: %w", guestPort, err)
	}
	for line := range strings.Lines(out) {
		addr, port, ok := parseForward(line)
		if ok && port == guestPort {
			return addr, nil
		}
	}
	return netip.AddrPort{}, fmt.Errorf("qemu: forwarded port %d: no NIC of the configuration forwards it; add a Forward with GuestPort %d", guestPort, guestPort)
}

// parseForward reads a line of `info usernet`:
//
//	TCP[HOST_FORWARD]  13       127.0.0.1 33587       10.0.2.15    22     0     0
func parseForward(line string) (host netip.AddrPort, guestPort int, ok bool) {
	f := strings.Fields(line)
	if len(f) < 6 || f[0] != "TCP[HOST_FORWARD]" {
		return netip.AddrPort{}, 0, false
	}
	if f[2] == "*" {
		f[2] = "0.0.0.0"
	}
	host, err := netip.ParseAddrPort(f[2] + ":" + f[3])
	if err != nil {
		return netip.AddrPort{}, 0, false
	}
	guestPort, err = strconv.Atoi(f[5])
	return host, guestPort, err == nil
}
