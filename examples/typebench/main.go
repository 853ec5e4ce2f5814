// Typebench types random characters on a real guest, asks the guest what has
// arrived, and prints one line of JSON:
//
//	go run ./examples/typebench -guest isolinux -chars 10000 -load 16
//
// With -open-loop it sends as fast as QEMU takes keys, to see them get lost;
// with -interval it pauses after each key event, as Packer does.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/bootscribe/bootscribe/qemu"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "typebench:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string) error {
	var b bench
	flags := flag.NewFlagSet("typebench", flag.ContinueOnError)
	name := flags.String("guest", "keyread", "what to type on; -guest list lists them")
	flags.IntVar(&b.chars, "chars", 1000, "how many characters")
	flags.IntVar(&b.load, "load", 0, "how many busy loops run beside it")
	flags.Uint64Var(&b.seed, "seed", 1, "seed of the random characters")
	flags.BoolVar(&b.pace.openLoop, "open-loop", false, "do not wait for the guest")
	flags.StringVar((*string)(&b.pace.mode), "mode", "", "how to watch the guest: bios, ps2-trace, ps2-status, leds, usb-trace, interval; empty chooses")
	flags.BoolVar(&b.show, "show", false, "show lines that did not arrive as they were typed")
	flags.DurationVar(&b.pace.interval, "interval", 0, "pause this long after each key event, and do not wait for the guest")
	flags.StringVar(&b.cache, "cache", ".cache/typing", "where media are kept")
	flags.StringVar((*string)(&b.accel), "accel", string(qemu.TCG), "accelerator: tcg, kvm, hvf; auto chooses")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if b.accel == "auto" {
		b.accel = qemu.AccelAuto
	}
	if *name == "list" {
		for _, g := range guests {
			fmt.Printf("%-14s %s\n", g.name, g.about)
		}
		return nil
	}
	var err error
	if b.guest, err = find(*name); err != nil {
		return err
	}
	if b.chars < 1 || b.load < 0 {
		return fmt.Errorf("-chars %d -load %d: give at least one character, and no negative load", b.chars, b.load)
	}
	r, err := b.run(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}
