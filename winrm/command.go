package winrm

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Command is what [Client.Run] runs: a Line or a PowerShell script.
type Command struct {
	// Line is given to cmd.exe: at most 8000 characters.
	Line string

	// PowerShell is a script for Windows PowerShell, of any length. Its exit
	// status is that of its exit; without one it is 1 where it ended by an
	// error, and else 0.
	PowerShell string

	// Name is what errors call the command, for one that is long or holds a
	// secret. Empty means the Line, or the script's first line.
	Name string

	// Env are variables set for the command. Nil means none.
	Env map[string]string

	// Dir is where it runs. Empty means the user's own directory.
	Dir string

	// Stdin is copied to the command. Nil means that it reads nothing; it
	// must be nil where a PowerShell script has more than 2500 characters. A
	// Read that blocks outlives Run, in one goroutine, until it returns.
	Stdin io.Reader

	// Stdout and Stderr take what the command prints, as it comes, from the
	// goroutine that called Run; they may be the same. A writer that is slow
	// slows the command down; one that fails ends it. Nil discards.
	Stdout, Stderr io.Writer
}

const (
	// maxLine is what cmd.exe takes, less what the service adds.
	maxLine = 8000
	// maxScript is how long a script may be for a line of that length.
	maxScript = 2500
	// maxName is how much of a command its errors repeat.
	maxName = 120
)

// name is what errors call the command.
func (c *Command) name() string {
	name := c.Name
	if name == "" {
		name, _, _ = strings.Cut(strings.TrimSpace(c.Line+c.PowerShell), "\n")
	}
	if name = printable(name); len(name) > maxName {
		name = strings.ToValidUTF8(name[:maxName], "") + "…"
	}
	return fmt.Sprintf("run %q", name)
}

// check finds what is wrong with the command before it is sent.
func (c *Command) check() error {
	var errs []error
	add := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("winrm: Command."+format, args...))
		}
	}
	add(strings.TrimSpace(c.Line) == "" && strings.TrimSpace(c.PowerShell) == "", "Line: is empty, and so is PowerShell; give one of them")
	add(c.Line != "" && c.PowerShell != "", "PowerShell: is given, and Line too; leave one of them out")
	add(len(c.Line) > maxLine, "Line: has %d characters, and cmd.exe takes %d; upload a script, or use PowerShell", len(c.Line), maxLine)
	add(c.Stdin != nil && len(c.PowerShell) > maxScript, "Stdin: is taken by the script, which is too long for a command line; upload the script")
	add(strings.ContainsAny(c.Line, "\x00\r\n"), "Line: has more than one line; use PowerShell, or upload a script")
	for _, key := range sorted(c.Env) {
		add(key == "" || strings.ContainsAny(key, "=\x00"), "Env: %q is no name of a variable", key)
	}
	return errors.Join(errs...)
}

func sorted(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// ExitError says that a command ended by itself, and not with status 0.
type ExitError struct {
	// Op names the command, for instance `run "exit 3"`.
	Op string
	// Status is the exit status. Those of Windows that are above 2147483647,
	// such as 0xC0000005 for a crash, are negative.
	Status int
	// Stderr is the end of what the command printed there, at most 64 KiB.
	Stderr []byte
}

// maxQuoted is how much of what a command said an error repeats.
const maxQuoted = 400

// Error names the command, its status and the end of what it said.
func (e *ExitError) Error() string {
	text := fmt.Sprintf("winrm: %s: exit status %d", e.Op, e.Status)
	if said := printable(string(e.Stderr[max(0, len(e.Stderr)-maxQuoted):])); said != "" {
		text += ": " + strings.ToValidUTF8(said, "")
	}
	return text
}

// LostError says that a command ended without a result since the guest did not
// answer any more: whether the command ran to its end is not known. It is no
// success, unless the command was to shut the guest down.
type LostError struct {
	// Op is what was going on, for instance `run "shutdown /s"`.
	Op string
	// Err is the cause.
	Err error
}

// Error says what was lost and why.
func (e *LostError) Error() string {
	return "winrm: " + e.Op + ": connection lost: " + printable(e.Err.Error())
}

// Unwrap returns the cause.
func (e *LostError) Unwrap() error { return e.Err }
