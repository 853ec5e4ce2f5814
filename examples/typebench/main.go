// Typebench types random characters on real guests, asks the guests what has
// arrived, and prints a line of JSON for each run:
//
//	go run ./examples/typebench -guest isolinux -chars 10000 -load 16
//
// With -plain it watches the guest by VNC alone. With -open-loop it sends as fast
// as QEMU takes keys, to see them get lost, with -rate at a fixed rate, and with
// -interval it pauses after each key event, as Packer does. Its exit status is 1
// if anything else than that has lost, doubled or changed a character.
//
// With -plot it draws the results that it reads on standard input, with -table it
// writes them as a table; scripts/typing-table makes those of docs/typing.md.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/bootscribe/bootscribe/qemu"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx, os.Args[1:], os.Stdin, os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "typebench:", err)
		os.Exit(1)
	}
}

// about is the head of the help.
const about = `Types random characters on real guests, asks the guests what has arrived, and
prints a line of JSON for each run. docs/typing.md says what the guests and the
modes are; make deps installs what the guests need.

  typebench -guest isolinux -chars 10000 -load 16
  typebench -guest list

`

// options are what the command line says.
type options struct {
	bench
	names string
	runs  int
	soak  time.Duration
	plot  bool
	table bool
}

func parse(args []string) (*options, error) {
	var o options
	flags := flag.NewFlagSet("typebench", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), about)
		flags.PrintDefaults()
	}
	flags.StringVar(&o.names, "guest", "keyread", "what to type on, several names with commas, or all; list lists them")
	flags.IntVar(&o.chars, "chars", 1000, "how many characters")
	flags.IntVar(&o.load, "load", 0, "how many busy loops run beside it")
	flags.Uint64Var(&o.seed, "seed", 1, "seed of the random characters; each further run has the next")
	flags.IntVar(&o.runs, "runs", 1, "how often each guest is started and typed on")
	flags.DurationVar(&o.soak, "soak", 0, "start guests until this long has passed")
	flags.BoolVar(&o.pace.openLoop, "open-loop", false, "do not wait for the guest")
	flags.IntVar(&o.pace.rate, "rate", 0, "send so many characters a second, and do not wait for the guest")
	flags.BoolVar(&o.show, "show", false, "show lines that did not arrive as they were typed")
	flags.StringVar((*string)(&o.pace.mode), "mode", "", "how to watch the guest: "+list(qemu.Modes())+"; with -plain "+list(plainModes)+"; empty chooses")
	flags.BoolVar(&o.pace.plain, "plain", false, "type by VNC alone, as on a machine that nothing else is known of")
	flags.BoolVar(&o.pace.secret, "secret", false, "type as a secret: not looked for on the screen")
	flags.DurationVar(&o.pace.interval, "interval", 0, "pause this long after each key event, and do not wait for the guest")
	flags.StringVar(&o.cache, "cache", ".cache/typing", "where media are kept")
	flags.StringVar((*string)(&o.accel), "accel", string(qemu.TCG), "accelerator: tcg, kvm, hvf; auto chooses")
	flags.BoolVar(&o.plot, "plot", false, "draw results as SVG, rate against load")
	flags.BoolVar(&o.table, "table", false, "write results as a table in Markdown")
	err := flags.Parse(args)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("%q: there are no arguments but flags", flags.Arg(0))
	}
	if o.accel == "auto" {
		o.accel = qemu.AccelAuto
	}
	return &o, err
}

func command(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	o, err := parse(args)
	switch {
	case err != nil:
		return err
	case o.plot:
		return plot(in, out)
	case o.table:
		return table(in, out)
	case o.names == "list":
		for _, g := range guests {
			fmt.Fprintf(out, "%-14s %s\n", g.name, g.about)
		}
		return nil
	}
	chosen, err := find(o.names)
	if err != nil {
		return err
	}
	if err := o.check(chosen); err != nil {
		return err
	}
	return o.repeat(ctx, chosen, json.NewEncoder(out))
}

// repeat runs the guests in turn, often enough.
func (o *options) repeat(ctx context.Context, chosen []*guest, out *json.Encoder) error {
	begin, bad := time.Now(), 0
	for n := 0; n < o.runs || time.Since(begin) < o.soak; n++ {
		for _, o.guest = range chosen {
			r, err := o.run(ctx)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				r.Guest, r.Load, r.Error = o.guest.name, o.load, err.Error()
			}
			if err != nil || !o.pace.blind() && r.Lost+r.Doubled+r.Wrong > 0 {
				bad++
			}
			if err := out.Encode(r); err != nil {
				return err
			}
		}
		o.seed++
	}
	if bad > 0 {
		return fmt.Errorf("%d runs failed or did not arrive as they were typed", bad)
	}
	return nil
}

// find returns the guests of a list of names.
func find(names string) ([]*guest, error) {
	if names == "all" {
		return guests, nil
	}
	var found []*guest
	var all []string
	for _, g := range guests {
		all = append(all, g.name)
	}
	for name := range strings.SplitSeq(names, ",") {
		before := len(found)
		for _, g := range guests {
			if g.name == name {
				found = append(found, g)
			}
		}
		if len(found) == before {
			return nil, fmt.Errorf("-guest %q: there is no such guest; there are %s", name, strings.Join(all, ", "))
		}
	}
	return found, nil
}
