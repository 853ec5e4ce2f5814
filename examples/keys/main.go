// Keys shows what a boot command does: which keys go down and up, in which
// order, and how long it takes.
//
//	go run ./examples/keys '<esc><wait>Ab'
//	go run ./examples/keys '<esc><wait "boot:" 30s>auto<enter>'
//	go run ./examples/keys -lint -layout de 'root<enter><space>'
//	echo '"<esc><wait>Ab"' | go run ./examples/keys -json
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/bootscribe/bootscribe/keyseq"
)

const usage = `keys shows what a boot command does.

usage: keys [-lint] [-layout NAME] [-interval D] BOOT_COMMAND...
       keys -json [-lint] [-layout NAME] < LINES

Several arguments are joined, as Packer joins the list boot_command.

With -json, standard input has one boot command a line, as a JSON string, and
each gives one line: {"in":…,"events":"+FF1B -FF1B w1s"} with + for a key that
goes down, - for one that goes up (X11 keysyms in hexadecimal; +@73 is a scan
code, for keys without a keysym) and w for a wait, or {"in":…,"error":…}. Waits
for facts are w"boot:", wstill500ms, wchange and wfetch"/preseed.cfg". A line
that is no JSON string gives {"in":THE LINE,"error":…}, and the exit status is 1
when all lines are done. Empty lines are skipped.

With -lint, only findings are printed, one a line; with -json, each boot command
gives one line {"in":…,"findings":[…]}, and a finding is {"offset":…,"line":…,
"column":…,"code":…,"severity":…,"msg":…,"suggestion":…}. The exit status is 1
if there are any.

Exit status: 0, or 1 as said above or for a boot command (without -json) that
cannot be parsed, or 2 for wrong options.

`

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// options are the command line, read.
type options struct {
	json, lint bool
	layout     *keyseq.Layout
	interval   time.Duration
	command    string
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parseArgs(args, stderr)
	if err == flag.ErrHelp {
		return 0
	}
	if err != nil {
		fmt.Fprintln(stderr, "keys:", err)
		return 2
	}
	ok := false
	switch {
	case o.json:
		ok, err = jsonLines(o, stdin, stdout)
	case o.lint:
		ok = lint(o, stdout)
	default:
		ok = true
		err = table(o, stdout)
	}
	if err != nil {
		fmt.Fprintln(stderr, "keys:", err)
	}
	if err != nil || !ok {
		return 1
	}
	return 0
}

func parseArgs(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("keys", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		fmt.Fprint(stderr, usage)
		f.PrintDefaults()
	}
	f.BoolVar(&o.json, "json", false, "read JSON strings, write JSON lines")
	f.BoolVar(&o.lint, "lint", false, "print findings")
	name := f.String("layout", "us", "the guest's keyboard `layout`")
	f.DurationVar(&o.interval, "interval", 100*time.Millisecond, "the `pause` after each key event that the times count with (Packer's is 100ms)")
	if err := f.Parse(args); err != nil {
		return o, flagError(err)
	}
	var err error
	if o.layout, err = keyseq.LayoutByName(*name); err != nil {
		return o, err
	}
	if o.json == (f.NArg() > 0) {
		return o, fmt.Errorf("give a boot command, or -json and boot commands on standard input; -h says more")
	}
	o.command = strings.Join(f.Args(), "")
	return o, nil
}

func flagError(err error) error {
	if err == flag.ErrHelp {
		return err
	}
	return fmt.Errorf("%w; -h says more", err)
}

func lint(o options, stdout io.Writer) (ok bool) {
	found := keyseq.Lint(o.command, o.layout)
	for _, f := range found {
		fmt.Fprintln(stdout, f)
	}
	return len(found) == 0
}
