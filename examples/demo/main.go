// Demo builds a disk image from an installation medium with everything that
// Bootscribe has: it fetches and verifies the medium over HTTP, makes a disk,
// serves the answer file, boots QEMU, types the boot command, follows the
// installation, logs in, provisions, shuts down and publishes the image. It says
// where the build can be watched in a browser, and leaves a report of it.
//
//	demo -iso demo.iso -sums demo.iso.sha256 -out demo.qcow2
//	demo -check demo.qcow2
//
// The medium is made by media/build; `make demo` does it all. With -check the
// image is booted, without changing it, and must let its user log in.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/bootscribe/bootscribe/qemu"
)

type options struct {
	iso, sums, out, cache, check string
	firmware, accel              string
	force, verbose, show         bool
	cpus, memory                 int
}

func main() {
	var o options
	flag.StringVar(&o.iso, "iso", "", "the installation medium, made by media/build")
	flag.StringVar(&o.sums, "sums", "", "a checksum file for it (default: the medium's path with .sha256 appended)")
	flag.StringVar(&o.out, "out", "demo.qcow2", "the image to make; OUT.json describes it, and OUT without its extension and with -report.html shows how it was made")
	flag.StringVar(&o.cache, "cache", "", "the directory for fetched media (default: in the user's cache directory)")
	flag.StringVar(&o.check, "check", "", "boot this image and log in, instead of building one")
	flag.StringVar(&o.firmware, "firmware", "bios", "bios or uefi")
	flag.StringVar(&o.accel, "accel", "", "tcg, kvm, hvf or whpx (default: what works here)")
	flag.IntVar(&o.cpus, "cpus", 2, "the guest's processors")
	flag.IntVar(&o.memory, "memory", 1024, "the guest's memory in MiB")
	flag.BoolVar(&o.force, "force", false, "replace OUT")
	flag.BoolVar(&o.show, "n", false, "only print QEMU's command line")
	flag.BoolVar(&o.verbose, "v", false, "show the guest's serial output")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "demo: unknown argument %q; all is said by flags, see -h\n", flag.Arg(0))
		os.Exit(2)
	}
	if o.sums == "" {
		o.sums = o.iso + ".sha256"
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	run := build
	if o.check != "" {
		run = check
	}
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		stop()
		os.Exit(1)
	}
}

// machine is what the build and the check have in common. The medium's kernel
// knows the drives of the machine "pc". Where the processor is emulated, a copy
// of memory by the instruction that is fast on real ones (ERMS) goes byte by
// byte; without it guests take words, and a third less of the host's time.
func (o options) machine() qemu.Config {
	return qemu.Config{
		Machine: "pc", CPU: "max,erms=off,fsrm=off", CPUs: o.cpus, Memory: o.memory, Accel: qemu.Accel(o.accel),
		Firmware: qemu.Firmware{Type: qemu.FirmwareType(o.firmware)},
	}
}
