// Report writes what there is to see of a build that has left a trace: one HTML
// file that refers to nothing outside, or with -gif an animation of the screen.
//
//	report TRACE_DIR >report.html
//	report -gif TRACE_DIR >installation.gif
//
// A view.Recorder makes a trace.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/bootscribe/bootscribe/view"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "report:", err)
		}
		os.Exit(1)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("report", flag.ContinueOnError)
	flags.SetOutput(stderr)
	moving := flags.Bool("gif", false, "write an animated GIF instead of a page")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New("name one trace directory, as in: report trace >report.html")
	}
	write := view.Report
	if *moving {
		write = view.GIF
	}
	out := bufio.NewWriter(stdout)
	if err := write(out, flags.Arg(0)); err != nil {
		return err
	}
	return out.Flush()
}
