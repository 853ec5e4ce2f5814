package qemu

import (
	"context"
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
