package ssh

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// Command is what [Client.Run] runs. Only Line is required.
type Command struct {
	// Line is given to the login shell of the user. Make it from words with
	// [Quote]. A script goes well as Line "sh -s" with the script as Stdin,
	// as long as nothing in it reads its standard input.
	Line string

	// Name is what errors call the command, for one whose Line is long or
	// holds a secret. Empty means Line.
	Name string

	// Env are variables set for the command, by an export before Line: a
	// POSIX shell is needed, and the guest's users can see the values in
	// its list of processes. Nil means none.
	Env map[string]string

	// Stdin is copied to the command. Nil means that it reads nothing. A
	// Read that blocks outlives Run, in one goroutine, until it returns.
	Stdin io.Reader

	// Stdout and Stderr take what the command prints, as it comes, from
	// goroutines of Run; the two are never written to at the same time, so
	// they may be the same. A writer that is slow slows the command down;
	// one that fails ends it. Nil discards.
	Stdout, Stderr io.Writer

	// PTY runs the command on a terminal of 80 columns and 24 lines, as some
	// configurations of sudo want it. Stderr then comes on Stdout, with
	// "\r\n" at the ends of lines.
	PTY bool

	// IdleTimeout ends the command when it has printed nothing for so long.
	// Zero means no such limit.
	IdleTimeout time.Duration
}

// maxName is how much of a command's line its errors repeat.
const maxName = 120

// name is what errors call the command.
func (c *Command) name() string {
	name := c.Name
	if name == "" {
		name = c.Line
	}
	if name = printable(name); len(name) > maxName {
		name = strings.ToValidUTF8(name[:maxName], "") + "…"
	}
	return fmt.Sprintf("run %q", name)
}

// check finds what is wrong with the command before it is sent.
func (c *Command) check() error {
	var errs []error
	if strings.TrimSpace(c.Line) == "" {
		errs = append(errs, errors.New("ssh: Command.Line: is empty; give a command line"))
	}
	if strings.Contains(c.Line, "\x00") {
		errs = append(errs, errors.New("ssh: Command.Line: contains a NUL, at which the guest would cut it; pass binary data by Stdin"))
	}
	for _, key := range slices.Sorted(maps.Keys(c.Env)) {
		if !isVariable(key) {
			errs = append(errs, fmt.Errorf("ssh: Command.Env: %q is no name of a variable; use letters, digits and _", key))
		}
		if strings.Contains(c.Env[key], "\x00") {
			errs = append(errs, fmt.Errorf("ssh: Command.Env: the value of %s contains a NUL, which no variable can", key))
		}
	}
	return errors.Join(errs...)
}

func isVariable(name string) bool {
	for i, r := range name {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

// line is what goes to the guest. Setting variables by the protocol would be
// ignored by nearly every server.
func (c *Command) line() string {
	if len(c.Env) == 0 {
		return c.Line
	}
	var b strings.Builder
	b.WriteString("export")
	for _, key := range slices.Sorted(maps.Keys(c.Env)) {
		fmt.Fprintf(&b, " %s=%s", key, Quote(c.Env[key]))
	}
	return b.String() + "; " + c.Line
}

// ExitError says that a command ended by itself, and not with status 0.
type ExitError struct {
	// Op names the command, for instance `run "false"`.
	Op string
	// Status is the exit status; 128 and the signal's number where a signal
	// ended the command.
	Status int
	// Signal is the name of the signal that ended the command, without
	// "SIG"; empty where none did.
	Signal string
	// Stderr is the end of what the command printed there, at most 64 KiB.
	Stderr []byte
}

// Error names the command, its status and the end of what it said.
func (e *ExitError) Error() string {
	text := fmt.Sprintf("ssh: %s: exit status %d", e.Op, e.Status)
	if e.Signal != "" {
		text = fmt.Sprintf("ssh: %s: ended by signal %s", e.Op, printable(e.Signal))
	}
	said := strings.TrimSpace(string(e.Stderr[max(0, len(e.Stderr)-maxQuoted):]))
	if said = printable(said); said != "" {
		text += ": " + said
	}
	return text
}
