package qemu

import (
	"net"
	"regexp"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/internal/need"
)

// activity returns what a machine has done, which must be the same a moment
// later if it does nothing.
func activity(t *testing.T, vm *VM, still bool) Activity {
	t.Helper()
	a, err := vm.Activity(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	if still {
		vm.pause(soon(t), 200*time.Millisecond)
		if b := activity(t, vm, false); a != b {
			t.Errorf("%+v becomes %+v while the guest does nothing", a, b)
		}
	}
	return a
}

// until waits for a fact.
func until(t *testing.T, vm *VM, what string, fact func() bool) {
	t.Helper()
	for ctx := soon(t); !fact(); {
		if err := vm.pause(ctx, 20*time.Millisecond); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
}

func TestActivityDisk(t *testing.T) {
	t.Parallel()
	vm, _ := boot(t, guest.Disk(t, guest.Install), nil)
	says := func(text string) {
		t.Helper()
		if _, err := vm.Console().Wait(soon(t), regexp.MustCompile(text)); err != nil {
			t.Fatal(err)
		}
	}
	says("R")
	before := activity(t, vm, true)
	if before.DiskBytes < 512 || before.Network != 0 {
		t.Errorf("%+v after a boot from disk, without a network", before)
	}
	press(t, vm, "ret")
	says("W")
	if after := activity(t, vm, true); after != (Activity{DiskBytes: before.DiskBytes + 512}) {
		t.Errorf("%+v, and %+v when a sector was written", before, after)
	}
	vm.Close()
	if a, err := vm.Activity(soon(t)); err == nil || a != (Activity{}) {
		t.Errorf("of a machine that is no more: %+v, %v", a, err)
	}
}

// Packets are counted on a virtio card.
func TestActivityPackets(t *testing.T) {
	t.Parallel()
	need.File(t, "/usr/lib/ipxe/qemu/pxe-virtio.rom", "install ipxe-qemu")
	vm, _ := boot(t, guest.Disk(t, guest.Show("up\n")), func(c *Config) {
		c.Memory, c.NICs, c.Boot = 64, []NIC{{}}, BootNetwork
	})
	first := activity(t, vm, false).Network
	until(t, vm, "the packets of DHCP", func() bool { return activity(t, vm, false).Network != first })
	// The boot code finds no server and leaves the card alone.
	if _, err := vm.Console().Wait(soon(t), regexp.MustCompile("up")); err != nil {
		t.Fatal(err)
	}
	activity(t, vm, true)
}

// Of other cards the connections are seen.
func TestActivityConnections(t *testing.T) {
	t.Parallel()
	vm, _ := boot(t, guest.Disk(t, guest.Show("up\n")), func(c *Config) {
		c.NICs = []NIC{{Model: "e1000", Forwards: []Forward{{GuestPort: 22}}}}
	})
	if _, err := vm.Console().Wait(soon(t), regexp.MustCompile("up")); err != nil {
		t.Fatal(err)
	}
	before := activity(t, vm, true)
	addr, err := vm.Forwarded(soon(t), 22)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	until(t, vm, "the connection", func() bool { return activity(t, vm, false).Network != before.Network })
	if after := activity(t, vm, false); after.DiskBytes != before.DiskBytes {
		t.Errorf("%+v, then %+v", before, after)
	}
}

func BenchmarkActivity(b *testing.B) {
	vm, _ := boot(b, guest.Disk(b, guest.Echo), func(c *Config) { c.NICs = []NIC{{}} })
	for b.Loop() {
		if _, err := vm.Activity(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
