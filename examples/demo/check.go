package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/qemu/qemuimg"
	"github.com/bootscribe/bootscribe/ssh"
)

// check boots an image by itself, logs in with the password of its user, asks
// the system how it is, and switches it off. The image is not changed: what the
// machine writes goes to a file laid over it.
func check(ctx context.Context, o options) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 10*time.Minute, errors.New("not up after 10 minutes"))
	defer cancel()
	dir, err := os.MkdirTemp("", "demo-check-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	image, err := filepath.Abs(o.check)
	if err != nil {
		return err
	}
	var tool qemuimg.Tool
	disk := filepath.Join(dir, "disk.qcow2")
	if err := tool.Create(ctx, disk, qemuimg.CreateOptions{Backing: image, BackingFormat: qemuimg.Qcow2}); err != nil {
		return err
	}
	config := o.machine()
	config.Boot = qemu.BootDisk
	config.Disks = []qemu.Disk{{Path: disk}}
	config.NICs = []qemu.NIC{{Forwards: []qemu.Forward{{GuestPort: 22}}}}
	vm, err := qemu.Start(ctx, &config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, vm.Close()) }()
	began := time.Now()
	if err := ask(ctx, vm, began); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return errors.Join(err, console(vm.Console().Tail(4096)))
	}
	if err := vm.Powerdown(ctx); err != nil {
		return err
	}
	fmt.Printf("%6.1fs  switched off; %s works\n", time.Since(began).Seconds(), o.check)
	return nil
}

// ask logs in and prints what the system says of itself.
func ask(ctx context.Context, vm *qemu.VM, began time.Time) error {
	addr, err := vm.Forwarded(ctx, 22)
	if err != nil {
		return err
	}
	client, err := ssh.Wait(ctx, &ssh.Config{Addr: addr.String(), User: "demo", Password: "demo"})
	if err != nil {
		return err
	}
	defer client.Close()
	fmt.Printf("%6.1fs  logged in to %s\n", time.Since(began).Seconds(), client.ServerVersion())
	const questions = `cat /etc/bootscribe-demo && systemctl is-system-running --wait && sudo sh -c 'test ! -s /root/.ssh/authorized_keys'`
	out, err := client.Output(ctx, questions)
	if err != nil {
		return fmt.Errorf("%w; it said %q", err, out)
	}
	fmt.Printf("%6.1fs  %q\n", time.Since(began).Seconds(), out)
	return nil
}
