// Command failures breaks builds in ten ways, each with a real guest, and tells
// how long it took until the build's error named what had happened:
//
//	go run ./examples/failures
//	go run ./examples/failures -only wrong-root,no-medium
//	go run ./examples/failures -demo .cache/demo-….iso -only wrong-password
//
// It prints a line of JSON for each: the name that was expected, the name that
// the error has, the seconds from the failure's appearance (what the guest wrote
// or did, as this program has seen it by itself) to the error, and how much of
// them is the patience that stands in the configuration. The exit status is 1 if
// one was named wrongly.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "failures:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("failures", flag.ExitOnError)
	only := flags.String("only", "", "names with commas; empty means all that can be had")
	list := flags.Bool("list", false, "print the names and leave")
	var e environment
	flags.StringVar(&e.cache, "cache", ".cache/typing", "where media are kept")
	flags.StringVar(&e.demo, "demo", "", "the medium of make demo, for wrong-password")
	flags.StringVar(&e.small, "small", "", "a directory on a full disk, for disk-full; empty makes one")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is too much; choose with -only", flags.Args())
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	wrong := 0
	for _, f := range chosen {
		if *list {
			fmt.Printf("%-16s %s\n", f.name, f.about)
			continue
		}
		r := f.run(ctx, &e)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if r.Skipped == "" && r.Got != r.Want {
			wrong++
		}
		if err := out.Encode(r); err != nil {
			return err
		}
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d were not named as they should", wrong, len(chosen))
	}
	return nil
}

func choose(only string) ([]*failure, error) {
	if only == "" {
		return all, nil
	}
	var chosen []*failure
	var errs []error
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(all, func(f *failure) bool { return f.name == name })
		if i < 0 {
			errs = append(errs, fmt.Errorf("there is no failure %q; -list has them", name))
			continue
		}
		chosen = append(chosen, all[i])
	}
	return chosen, errors.Join(errs...)
}
