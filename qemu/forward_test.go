package qemu

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/bootscribe/bootscribe/internal/guest"
)

// takenPort returns a port that something listens on, until the test ends.
func takenPort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().(*net.TCPAddr).Port
}

// Of a range of ports the first is taken that is free, by each machine another
// one, and from then on the port is QEMU's.
func TestForwardRange(t *testing.T) {
	t.Parallel()
	first := takenPort(t)
	last := min(first+500, 65535)
	if last == first {
		t.Skip("the last port of all")
	}
	var ports []int
	for range 2 {
		vm, _ := boot(t, guest.Disk(t, guest.Echo), func(c *Config) {
			c.NICs = []NIC{{Mode: NetNone}, {Forwards: []Forward{{HostPort: first, HostPortMax: last, GuestPort: 22}, {GuestPort: 80}}}}
		})
		addr, err := vm.Forwarded(soon(t), 22)
		if err != nil {
			t.Fatal(err)
		}
		if addr.Addr() != netip.MustParseAddr("127.0.0.1") || int(addr.Port()) <= first || int(addr.Port()) > last {
			t.Errorf("forwarded at %v, want a port above %d", addr, first)
		}
		if l, err := net.Listen("tcp", addr.String()); err == nil {
			l.Close()
			t.Errorf("%v is nobody's", addr)
		}
		if other, err := vm.Forwarded(soon(t), 80); err != nil || other == addr {
			t.Errorf("the other one: %v, %v", other, err)
		}
		ports = append(ports, int(addr.Port()))
	}
	if ports[0] == ports[1] {
		t.Errorf("both machines have the port %d", ports[0])
	}
}

// Where no port of the range is free the machine does not start.
func TestForwardRangeTaken(t *testing.T) {
	t.Parallel()
	port := takenPort(t)
	_, err := Start(soon(t), &Config{
		Accel: TCG, Memory: 32, Disks: []Disk{{Path: guest.Disk(t, guest.Echo), Format: "raw"}},
		NICs: []NIC{{Forwards: []Forward{{HostPort: port, HostPortMax: port, GuestPort: 22}}}},
	})
	if err == nil || !strings.Contains(err.Error(), "is free") || !strings.Contains(err.Error(), "give other ports") {
		t.Errorf("%v", err)
	}
}
