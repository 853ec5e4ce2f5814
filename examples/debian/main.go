// Debian builds an image of Debian 12 from the official netinst ISO, unattended:
// it types at the boot menu where the preseed file is (answers/preseed.cfg,
// which you will want to change), and waits for the installed system.
//
//	debian -iso debian-12.11.0-amd64-netinst.iso -checksum file:SHA512SUMS -out debian.qcow2
//
// With -arch arm64 it does so with the ISO of that name, on any host that has
// qemu-system-aarch64 and its UEFI firmware.
//
// The ISO and its SHA512SUMS are on Debian's download pages; both may be given
// as URLs. The guest needs a Debian mirror: the one that the installer takes by
// itself, or -mirror. With -until-fetch the program stops as soon as the
// installer has fetched the preseed file, which shows on a machine without a
// mirror that the boot menu, the typing and the network work; `make demo-debian`
// does that with a medium made by media/build.
//
// After a failure there is a directory with all that was to be seen, and a page
// made of it: with the Debian installer, the screen is nearly always the
// explanation.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/bootscribe/bootscribe/examples/internal/progress"
	"github.com/bootscribe/bootscribe/imagebuild"
)

type options struct {
	iso, checksum, arch, mirror, out, trace string
	untilFetch, show                        bool
	disk                                    int64
	cpus, memory                            int
}

const defaultDisk = 20 // GiB

func main() {
	var o options
	flag.StringVar(&o.iso, "iso", "", "the netinst ISO, a path or a URL")
	flag.StringVar(&o.checksum, "checksum", "", "its checksum: hex digits, file:SHA512SUMS (path or URL), or none")
	flag.StringVar(&o.arch, "arch", "amd64", "the ISO's architecture, amd64 or arm64")
	flag.StringVar(&o.mirror, "mirror", "", "the host of a Debian mirror (default: the installer's)")
	flag.StringVar(&o.out, "out", "debian.qcow2", "the image to make; OUT.json describes it")
	flag.StringVar(&o.trace, "trace", "", "a directory for all that there is to see, which stays (default: one beside OUT, which stays after a failure)")
	flag.BoolVar(&o.untilFetch, "until-fetch", false, "stop when the installer has fetched the preseed file; no image is made")
	flag.BoolVar(&o.show, "n", false, "only print QEMU's command line")
	flag.Int64Var(&o.disk, "disk", defaultDisk, "the size of the disk in GiB")
	flag.IntVar(&o.cpus, "cpus", 2, "the guest's processors")
	flag.IntVar(&o.memory, "memory", 1024, "the guest's memory in MiB")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "debian: unknown argument %q; all is said by flags, see -h\n", flag.Arg(0))
		os.Exit(2)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "debian:", err)
		stop()
		os.Exit(1)
	}
}

// preview prints what would be run.
func preview(ctx context.Context, b *imagebuild.Build) error {
	p, err := b.Preview(ctx)
	if err == nil {
		fmt.Println(p)
	}
	return err
}

// errFetched ends a build on purpose.
var errFetched = errors.New("the installer has fetched the preseed file")

func run(ctx context.Context, o options) error {
	b, err := o.build()
	if err != nil {
		return err
	}
	if o.show {
		return preview(ctx, b)
	}
	seen, err := watch(o)
	if err != nil {
		return err
	}
	show := progress.New(os.Stdout)
	b.Observe = func(e imagebuild.Event) {
		show.Observe(e)
		seen.rec.Observe(e)
	}
	artifact, failed := b.Run(ctx)
	show.Close()
	if errors.Is(failed, errFetched) {
		fmt.Println("stopped:", errFetched)
		return seen.finish(nil)
	}
	if err := seen.finish(failed); failed != nil || err != nil {
		return errors.Join(failed, err)
	}
	fmt.Printf("%s: %.1f MiB, %s\n", artifact.Path, float64(artifact.Size)/(1<<20), artifact.Digest)
	return nil
}
