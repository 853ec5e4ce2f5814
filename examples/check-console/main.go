// Check-console says what has failed in old console logs.
//
//	go run ./examples/check-console serial.log
//	journalctl -b -o short-monotonic | go run ./examples/check-console -json
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/bootscribe/bootscribe/detect"
)

const usage = `check-console says what has failed in console logs.

usage: check-console [-json] [-fails] [-off NAMES] [-rules FILE] [FILE...]

Each finding is a line of four columns with tabs between them: the rule's name,
its class (fatal, transitional, stall or info), the number of the line, and the
text. A column with the file's name comes first if there are several files.
No file, or -, is standard input. What is transitional or a stall is shown even
if something has followed it: a log does not say how long that took.

With -json, each finding is an object {"name":…,"class":…,"channel":"serial",
"fails":…,"line":…,"text":…,"more":[…],"hint":…}, with "file" if there are
several.

Exit status: 1 if a finding is fatal, else 0; 2 if an option is wrong or a file
cannot be read.

`

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// options are the command line, read.
type options struct {
	json, fails bool
	rules       *detect.Set
	files       []string
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parseArgs(args, stderr)
	if err == flag.ErrHelp {
		return 0
	}
	if err != nil {
		fmt.Fprintln(stderr, "check-console:", err)
		return 2
	}
	status := 0
	out := bufio.NewWriter(stdout)
	for _, name := range o.files {
		fatal, err := o.check(name, stdin, out)
		if fatal {
			status = max(status, 1)
		}
		if err != nil {
			fmt.Fprintln(stderr, "check-console:", err)
			status = 2
		}
	}
	if err := out.Flush(); err != nil {
		fmt.Fprintln(stderr, "check-console:", err)
		status = 2
	}
	return status
}

func parseArgs(args []string, stderr io.Writer) (options, error) {
	o := options{rules: detect.Default()}
	f := flag.NewFlagSet("check-console", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		fmt.Fprint(stderr, usage)
		f.PrintDefaults()
	}
	f.BoolVar(&o.json, "json", false, "write JSON lines")
	f.BoolVar(&o.fails, "fails", false, "leave out what is not fatal")
	f.Func("off", "the `names` of rules to switch off, with commas between them", func(names string) error {
		return o.rules.Remove(strings.Split(names, ",")...)
	})
	f.Func("rules", "a `file` of rules that speak before the others, in the format that detect.Parse describes", o.addRules)
	if err := f.Parse(args); err == flag.ErrHelp {
		return o, err
	} else if err != nil {
		return o, fmt.Errorf("%w; -h says more", err)
	}
	if o.files = f.Args(); len(o.files) == 0 {
		o.files = []string{"-"}
	}
	return o, nil
}

func (o *options) addRules(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	set, err := detect.Parse(string(text))
	if err != nil {
		return err
	}
	o.rules.Add(set.Rules...)
	return nil
}

// check prints the findings of one log, and reports whether one is fatal.
func (o *options) check(name string, stdin io.Reader, out *bufio.Writer) (fatal bool, err error) {
	in := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return false, err
		}
		defer f.Close()
		in = f
	}
	d, err := detect.New(anyChannel(o.rules))
	if err != nil {
		return false, err
	}
	tell := func(found []detect.Finding) {
		for _, f := range found {
			fatal = fatal || f.Class == detect.Fatal
			if err == nil && (f.Class == detect.Fatal || !o.fails) {
				err = o.print(out, name, f)
			}
		}
	}
	var then time.Time // a log does not say what time it was
	buf := make([]byte, 64<<10)
	for err == nil {
		n, readErr := in.Read(buf)
		tell(d.Feed(then, detect.Serial, buf[:n]))
		if errors.Is(readErr, io.EOF) {
			tell(d.Flush(then))
			return fatal, err
		}
		if readErr != nil {
			return fatal, readErr
		}
	}
	return fatal, err
}

// anyChannel returns the rules for text, whatever it is of: a log may be that of
// a screen too.
func anyChannel(rules *detect.Set) *detect.Set {
	var any detect.Set
	for _, r := range rules.For("").Rules {
		if len(r.Channels) == 1 && r.Channels[0] == detect.QMP {
			continue
		}
		r.Channels = nil
		any.Rules = append(any.Rules, r)
	}
	return &any
}

func (o *options) print(out *bufio.Writer, name string, f detect.Finding) error {
	file := ""
	if len(o.files) > 1 {
		file = name
	}
	if !o.json {
		if file != "" {
			file += "\t"
		}
		_, err := fmt.Fprintf(out, "%s%s\t%s\t%d\t%s\n", file, f.Name, f.Class, f.Line, f.Text)
		return err
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	return enc.Encode(struct {
		File string `json:"file,omitempty"`
		detect.Finding
	}{file, f})
}
