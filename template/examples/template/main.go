// Template builds Packer templates, and shows what is in them:
//
//	go run ./examples/template build -var disk_size=20G debian.json
//	go run ./examples/template validate debian.pkr.hcl
//	go run ./examples/template inspect debian.json
//	go run ./examples/template keys debian.json
//
// It is in the module of package template, so run it in that module's
// directory, or in the repository's by the small program of the same name.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/bootscribe/bootscribe/template"
)

const usage = `template builds Packer templates.

usage: template build [flags] TEMPLATE     build the images
       template validate [flags] TEMPLATE  look for what is wrong
       template inspect [flags] TEMPLATE   show what is in it
       template keys [flags] TEMPLATE      show what would be typed, and how long it takes

TEMPLATE is a JSON template, an HCL2 template or a directory with those, or -
for a JSON template on standard input. -h after a command shows its flags.

Exit status: 0, or 1 if anything is wrong or a build has failed, or 127 if there
is no such command.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	p := &program{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, interactive: isTerminal(os.Stdin)}
	os.Exit(p.run(ctx, os.Args[1:]))
}

// program is what a command works with.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	interactive    bool // stdin is a person's
	person         person
	mu             sync.Mutex // one line at a time
	o              options
	redact         func(string) string // hides the values of sensitive variables; nil hides nothing
}

// options are the command line, read.
type options struct {
	config               template.Config
	path                 string
	json, host, syntax   bool
	onError              string
	parallel             int
	debug, show, watch   bool
	timestamps, machines bool
}

func (p *program) run(ctx context.Context, args []string) int {
	commands := map[string]func(context.Context) int{"build": p.build, "validate": p.validate, "inspect": p.inspect, "keys": p.keys}
	if len(args) == 0 || args[0] == "-h" || args[0] == "-help" || args[0] == "--help" || args[0] == "help" {
		fmt.Fprint(p.stderr, usage)
		if len(args) == 0 {
			return 127
		}
		return 0
	}
	command, ok := commands[args[0]]
	if !ok {
		fmt.Fprintf(p.stderr, "template: there is no command %q; build, validate, inspect and keys are\n", args[0])
		return 127
	}
	switch err := p.flags(args[0], args[1:]); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return p.fail(err)
	}
	return command(ctx)
}

func (p *program) fail(err error) int {
	fmt.Fprintln(p.stderr, "Error:", err)
	return 1
}

func (p *program) flags(command string, args []string) error {
	o := &p.o
	f := flag.NewFlagSet(command, flag.ContinueOnError)
	f.SetOutput(p.stderr)
	f.Func("var", "give a variable a value, `NAME=VALUE`; may be repeated", func(s string) error {
		name, v, err := template.ParseVar(s)
		if err != nil {
			return err
		}
		if o.config.Vars == nil {
			o.config.Vars = map[string]string{}
		}
		o.config.Vars[name] = v
		return nil
	})
	f.Func("var-file", "read values of variables from a `FILE`; may be repeated", func(s string) error {
		o.config.VarFiles = append(o.config.VarFiles, s)
		return nil
	})
	f.Func("only", "build only these, `NAME,NAME`", list(&o.config.Only))
	f.Func("except", "build all but these, `NAME,NAME`; post-processors can be named too", list(&o.config.Except))
	f.BoolVar(&o.config.Force, "force", false, "replace what an earlier build has made")
	f.BoolVar(&o.config.Eager, "eager", false, "type as soon as the screen is still, before boot_wait is over")
	f.BoolVar(&o.machines, "machine-readable", false, "print lines for programs")
	for _, name := range []string{"color", "warn-on-undeclared-var", "ignore-prerelease-plugins", "use-sequential-evaluation", "skip-enforcement"} {
		f.Bool(name, false, "accepted, and without effect")
	}
	switch command {
	case "build":
		f.StringVar(&o.onError, "on-error", "cleanup", "after a failure: `cleanup`; abort, which keeps the disk; ask; or run-cleanup-provisioner, which keeps it too")
		f.IntVar(&o.parallel, "parallel-builds", 0, "how many builds run at a time; 0 is all")
		f.BoolVar(&o.debug, "debug", false, "one build at a time, and wait for Enter after each step")
		f.BoolVar(&o.watch, "watch", false, "serve a live page of each build on this host, as is done without it where there should be a window and there is no display")
		f.BoolVar(&o.show, "n", false, "only print QEMU's command lines")
		f.BoolVar(&o.timestamps, "timestamp-ui", false, "print the time in front of each line")
	case "validate":
		f.BoolVar(&o.host, "host", false, "look at this host as well: programs, files, accelerator")
		f.Bool("evaluate-datasources", false, "accepted, and without effect: they always are")
		f.Bool("no-warn-undeclared-var", false, "accepted, and without effect")
		f.BoolVar(&o.syntax, "syntax-only", false, "look at the template alone, and not at its builds")
	case "keys":
		f.BoolVar(&o.json, "json", false, `print one line a builder: {"builder":…,"events":…}`)
	}
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() != 1 {
		return fmt.Errorf("%d templates given, and one is needed; flags stand before it", f.NArg())
	}
	o.path = f.Arg(0)
	return p.check()
}

func (p *program) check() error {
	switch p.o.onError {
	case "", "cleanup", "abort", "ask", "run-cleanup-provisioner":
		return nil
	}
	return fmt.Errorf("-on-error=%s: write cleanup, abort, ask or run-cleanup-provisioner", p.o.onError)
}

func list(into *[]string) func(string) error {
	return func(s string) error {
		for _, e := range strings.Split(s, ",") {
			if e = strings.TrimSpace(e); e != "" {
				*into = append(*into, e)
			}
		}
		return nil
	}
}

// load reads the template, and prints what is odd about it.
func (p *program) load(ctx context.Context) (*template.Template, error) {
	if p.o.path != "-" {
		return template.Load(ctx, p.o.path, &p.o.config)
	}
	text, err := io.ReadAll(p.stdin)
	if err != nil {
		return nil, err
	}
	p.stdin, p.interactive = strings.NewReader(""), false
	return template.Parse(ctx, "-", text, &p.o.config)
}

// builds reads the template and makes its builds.
func (p *program) builds(ctx context.Context) (*template.Template, []*template.Build, error) {
	t, err := p.load(ctx)
	if err != nil {
		return nil, nil, err
	}
	p.redact = t.Redact
	for _, w := range t.Warnings {
		fmt.Fprintln(p.stderr, "Warning:", t.Redact(w.Error()))
	}
	builds, err := t.Builds()
	if err != nil {
		return t, nil, err
	}
	for _, b := range builds {
		for _, w := range b.Warnings {
			fmt.Fprintln(p.stderr, "Warning:", t.Redact(w.Error()))
		}
	}
	return t, builds, nil
}

func (p *program) validate(ctx context.Context) int {
	if p.o.syntax {
		if _, err := p.load(ctx); err != nil {
			return p.fail(err)
		}
		fmt.Fprintln(p.stdout, "Syntax-only check passed. Everything looks okay.")
		return 0
	}
	t, builds, err := p.builds(ctx)
	if err != nil {
		return p.fail(err)
	}
	if p.o.host {
		var errs []error
		for _, b := range builds {
			errs = append(errs, b.Validate(ctx))
		}
		if err := errors.Join(errs...); err != nil {
			return p.fail(errors.New(t.Redact(err.Error())))
		}
	}
	fmt.Fprintln(p.stdout, "The configuration is valid.")
	return 0
}

func (p *program) inspect(ctx context.Context) int {
	t, err := p.load(ctx)
	if err != nil {
		return p.fail(err)
	}
	w := bufio.NewWriter(p.stdout)
	defer w.Flush()
	if p.o.machines {
		for _, v := range t.Variables {
			fmt.Fprintf(w, "template-variable,%s,%s,%t\n", v.Name, escape(t.Redact(v.Value)), v.Required)
		}
		for _, n := range t.Names() {
			fmt.Fprintf(w, "template-builder,%s\n", n)
		}
		return 0
	}
	if t.Description != "" {
		fmt.Fprintf(w, "Description:\n\n%s\n\n", t.Description)
	}
	fmt.Fprint(w, "Variables:\n\n")
	if len(t.Variables) == 0 {
		fmt.Fprintln(w, "  <No variables>")
	}
	for _, v := range t.Variables {
		value := t.Redact(v.Value)
		if v.Sensitive {
			value = "<sensitive>"
		}
		fmt.Fprintf(w, "  %s = %s\n", v.Name, value)
	}
	fmt.Fprint(w, "\nBuilds:\n\n")
	builds, err := t.Builds()
	if err != nil {
		w.Flush()
		return p.fail(err)
	}
	for _, b := range builds {
		fmt.Fprintf(w, "  %s (%s) → %s\n", b.Name, b.Type, b.Image.Output)
		for i, s := range b.Image.Steps {
			fmt.Fprintf(w, "    %2d. %s\n", i+1, s.Name)
		}
	}
	return 0
}
