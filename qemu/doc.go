// Package qemu runs one virtual machine: from a [Config] to a command line, a
// process, and a [VM] that can be watched and controlled.
//
//	vm, err := qemu.Start(ctx, &qemu.Config{
//		Memory: 2048,
//		Disks:  []qemu.Disk{{Path: "disk.qcow2"}},
//		CDROMs: []qemu.CDROM{{Path: "install.iso"}},
//		NICs:   []qemu.NIC{{Forwards: []qemu.Forward{{GuestPort: 22}}}},
//		Observe: func(e qemu.Event) { fmt.Printf("%T %+v\n", e, e) },
//	})
//	if err != nil {
//		return err
//	}
//	defer vm.Close()
//
//	screen, err := vm.VNC(ctx)             // a net.Conn that speaks RFB
//	addr, err := vm.Forwarded(ctx, 22)     // where the guest's SSH is
//	_, err = vm.Console().Wait(ctx, login) // a regexp in the serial output
//	err = vm.Powerdown(ctx)                // nil if the guest switched itself off
//
// # What it promises
//
// QEMU, and the swtpm and virtiofsd of a machine with a TPM or such a share, die
// with this program, also when that is killed (on Linux), and never by a Ctrl-C in
// its terminal. Nothing listens on the host but the forwarded ports, which QEMU
// binds on 127.0.0.1 itself, and [Config.Viewer] if it is asked for: QMP and VNC are
// socket pairs without a name, and the serial line is a pair of pipes, which have
// one while QEMU starts. Paths and names reach QEMU as JSON and cannot become
// options. Formats of images are said, never guessed. The end of the machine is seen
// at once, whether the guest switched it off, QEMU crashed or was killed; a full disk
// is an event.
//
// # What it relies on
//
// QEMU 7.2 or newer, which is asked what it can do rather than what version it
// is. A Unix system: on Windows configurations can be made and checked, and
// Start fails. KVM and HVF are believed in only after a test guest has run.
package qemu
