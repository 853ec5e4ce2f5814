// Driver boots a medium, types a boot command, and shows what comes of it:
// the serial output until a pattern appears, and a picture of the screen.
//
//	driver -iso demo.iso -ready '\[Tab\]' -type '<esc><wait>hd<enter>' -until 'boot:'
//	driver -iso debian-netinst.iso -ready 640x480 -type '<esc>' -until 720x400
//
// It is a driver of its own, made of single packages: there is no build in it,
// no image to keep, and none of the order of package imagebuild. Write one when
// what you do with a machine is not a build: to try a boot command, to test that
// an installer's medium boots, to take pictures for a manual. For everything
// that ends in an image imagebuild does more, and shorter.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"image/png"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"time"

	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/keyseq"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/qemu/qemuimg"
	"github.com/bootscribe/bootscribe/ssh"
	"github.com/bootscribe/bootscribe/vnc"
)

// options are what the command line says.
type options struct {
	iso, checksum               string
	ready, command, until, user string
	picture                     string
	timeout                     time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.iso, "iso", "", "what to boot, a path or a URL")
	flag.StringVar(&o.checksum, "checksum", "", "its checksum, as for package iso; none for none")
	flag.StringVar(&o.ready, "ready", "", "what to wait for before typing: a pattern in the serial output, or the size of the screen, such as 640x480")
	flag.StringVar(&o.command, "type", "", "the boot command")
	flag.StringVar(&o.until, "until", "", "what to wait for after typing, likewise")
	flag.StringVar(&o.user, "ssh", "", "then log in as this user, with $SSH_PASSWORD, and run uname -a")
	flag.StringVar(&o.picture, "png", "screen.png", "where to save the screen at the end, also after a failure")
	flag.DurationVar(&o.timeout, "timeout", 2*time.Minute, "how long it may take")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "driver: unknown argument %q; all is said by flags, see -h\n", flag.Arg(0))
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	err := o.drive(ctx)
	cancel()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "driver:", err)
		os.Exit(1)
	}
}

// drive starts a machine, does everything, and stops it again.
func (o options) drive(ctx context.Context) (err error) {
	seq, err := keyseq.Parse(o.command)
	if err == nil {
		err = seq.Check(nil)
	}
	if err != nil {
		return fmt.Errorf("-type: %w", err)
	}
	dir, err := os.MkdirTemp("", "driver-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	vm, err := o.start(ctx, filepath.Join(dir, "disk.qcow2"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, vm.Close()) }()
	nc, err := vm.VNC(ctx)
	if err != nil {
		return err
	}
	conn, err := vnc.NewConn(ctx, nc, nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer func() { err = errors.Join(err, save(o.picture, conn)) }()

	serial := vm.Console().Reader()
	if err := wait(ctx, serial, conn, o.ready); err != nil {
		return fmt.Errorf("before typing: %w", err)
	}
	taken := func(ctx context.Context) error { // by QEMU, then by the guest
		return errors.Join(conn.Fence(ctx), vm.KeysTaken(ctx))
	}
	player := keyseq.Player{Keyboard: conn, Gate: taken}
	if err := player.Play(ctx, seq); err != nil {
		return err
	}
	if err := wait(ctx, serial, conn, o.until); err != nil {
		return fmt.Errorf("after typing: %w", err)
	}
	return o.login(ctx, vm)
}

// start boots the medium on a machine with an empty disk. What the guest writes
// to its serial port goes to standard output.
func (o options) start(ctx context.Context, disk string) (*qemu.VM, error) {
	var fetcher iso.Fetcher
	m, err := fetcher.Fetch(ctx, iso.Source{URLs: []string{o.iso}, Checksum: o.checksum})
	if err != nil {
		return nil, err
	}
	var images qemuimg.Tool
	if err := images.Create(ctx, disk, qemuimg.CreateOptions{Size: 20 << 30}); err != nil {
		return nil, err
	}
	return qemu.Start(ctx, &qemu.Config{
		Disks:   []qemu.Disk{{Path: disk}},
		CDROMs:  []qemu.CDROM{{Path: m.Path}},
		NICs:    []qemu.NIC{{Forwards: []qemu.Forward{{GuestPort: 22}}}},
		Console: os.Stdout,
	})
}

// wait waits for a pattern in the serial output or for a size of the screen, and
// then until the screen is still. Stillness alone says little: the firmware's
// screen is still as well.
func wait(ctx context.Context, serial *qemu.ConsoleReader, conn *vnc.Conn, what string) error {
	var width, height int
	if n, _ := fmt.Sscanf(what, "%dx%d", &width, &height); n < 2 {
		re, err := regexp.Compile(what)
		if err != nil {
			return err
		}
		if _, err := serial.Expect(ctx, re); err != nil {
			return err
		}
	}
	for seq := uint64(0); ; {
		quiet, cancel := context.WithTimeout(ctx, 200*time.Millisecond) // a cursor blinks more slowly
		next, err := conn.WaitUpdate(quiet, seq)
		cancel()
		w, h := conn.Size()
		switch {
		case err == nil:
			seq = next
		case ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded):
			return err
		case seq > 0 && (width == 0 || width == w && height == h):
			return nil
		}
	}
}

// login runs a command in the guest, if that was asked for.
func (o options) login(ctx context.Context, vm *qemu.VM) error {
	if o.user == "" {
		return nil
	}
	addr, err := vm.Forwarded(ctx, 22)
	if err != nil {
		return err
	}
	client, err := ssh.Wait(ctx, &ssh.Config{Addr: addr.String(), User: o.user, Password: ssh.Secret(os.Getenv("SSH_PASSWORD"))})
	if err != nil {
		return err
	}
	defer client.Close()
	return client.Run(ctx, &ssh.Command{Line: "uname -a", Stdout: os.Stdout, Stderr: os.Stderr})
}

// save writes the newest picture of the screen.
func save(path string, conn *vnc.Conn) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(png.Encode(f, conn.Screen()), f.Close())
}
