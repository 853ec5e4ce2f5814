package qemu_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/bootscribe/bootscribe/qemu"
)

// A Config prints as the command line that it will run as.
func ExampleConfig_CommandLine() {
	c := qemu.Config{
		CPUs:   2,
		Memory: 2048,
		NICs:   []qemu.NIC{{MAC: "52:54:00:12:34:56", Forwards: []qemu.Forward{{GuestPort: 22}}}},
		Args:   []qemu.ArgEdit{{Op: qemu.ArgReplace, Option: "-cpu", Value: "Nehalem"}},
	}
	args, err := c.CommandLine(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	line := strings.Join(args, " ")
	for _, part := range []string{"-cpu Nehalem", "-smp 2", "-m 2048M", `"hostfwd":[{"str":"tcp:127.0.0.1:0-:22"}]`} {
		fmt.Println(strings.Contains(line, part), part)
	}
	// Output:
	// true -cpu Nehalem
	// true -smp 2
	// true -m 2048M
	// true "hostfwd":[{"str":"tcp:127.0.0.1:0-:22"}]
}

// Everything that is wrong is found at once.
func ExampleConfig_Validate() {
	c := qemu.Config{
		Memory: 8,
		Disks:  []qemu.Disk{{Path: "disk.qcow2", Bus: "scsi"}},
		NICs:   []qemu.NIC{{Mode: qemu.NetBridge}},
	}
	fmt.Println(c.Validate())
	// Output:
	// qemu: Memory: 8 MiB is out of range; write MiB, 16 at least, or 0 for 1024
	// qemu: Disks[0].Bus: unknown value "scsi"; write one of virtio, virtio-scsi, ide, sata, nvme, usb, sd
	// qemu: NICs[0].Bridge: "" is not an interface; name a bridge of the host, such as br0
}

// A machine is started, watched and switched off.
func ExampleStart() {
	ctx := context.Background()
	vm, err := qemu.Start(ctx, &qemu.Config{
		Disks: []qemu.Disk{{Path: "debian.qcow2"}},
		NICs:  []qemu.NIC{{Forwards: []qemu.Forward{{GuestPort: 22}}}},
		Observe: func(e qemu.Event) {
			if full, ok := e.(qemu.IOError); ok && full.NoSpace {
				fmt.Println("no space left for", full.Device)
			}
		},
	})
	var refused *qemu.StartError
	if errors.As(err, &refused) {
		fmt.Println(refused.Stderr)
	}
	if err != nil {
		return
	}
	defer vm.Close()
	if addr, err := vm.Forwarded(ctx, 22); err == nil {
		fmt.Println("SSH will be at", addr)
	}
	if err := vm.Powerdown(ctx); err != nil {
		fmt.Println(err)
	}
}
