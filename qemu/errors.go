package qemu

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// ErrNotRunning is in the chain of the error of a call that needs the guest to
// run while it is stopped or has ended.
var ErrNotRunning = errors.New("the guest is not running")

// StartError says that QEMU ended, or did not answer, before the machine ran.
type StartError struct {
	Args   []string // the whole command line with the program
	Status int      // the exit status; -1 after a signal, or if it did not exit by itself
	Signal string   // the signal that ended it, if one did
	Stderr string   // the end of what QEMU wrote on standard error
	TPM    string   // the end of what the program of the TPM wrote, if there is one
	Share  string   // the end of what the programs of shares by virtiofs wrote, if there are any
	Err    error    // what went wrong as seen from here
}

// Error returns QEMU's own words, or if it said nothing how it ended.
func (e *StartError) Error() string {
	s := "qemu: start: " + e.Err.Error()
	return s + words("QEMU", e.Stderr) + words("swtpm", e.TPM) + words("virtiofsd", e.Share)
}

// Unwrap returns Err.
func (e *StartError) Unwrap() error { return e.Err }

// ExitError says that a machine ended in another way than by the guest
// switching itself off: what its disks hold is not a system at rest.
type ExitError struct {
	Status int    // QEMU's exit status; -1 after a signal or if it is not known
	Signal string // the signal that ended QEMU, such as "killed"; empty for none
	Reason string // QEMU's word for the shutdown, such as host-qmp-quit or guest-reset; empty if it said none
	Stderr string // the end of what QEMU wrote on standard error
}

// Error says how the machine ended.
func (e *ExitError) Error() string {
	var s string
	switch {
	case e.Signal == "killed":
		s = "qemu: QEMU was killed, by the host for want of memory if by nobody else"
	case e.Signal != "":
		s = "qemu: QEMU ended by signal: " + e.Signal
	case e.Reason != "":
		s = "qemu: the machine was switched off: " + e.Reason
	default:
		s = fmt.Sprintf("qemu: QEMU exited with status %d, the guest not being shut down", e.Status)
	}
	return s + words("QEMU", e.Stderr)
}

// ctxError returns why ctx ended: always what ctx.Err says, and the cause
// where one was given.
func ctxError(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}

// words returns the last lines of what a program said, for an error's text.
func words(program, output string) string {
	said := strings.TrimSpace(output)
	if said == "" {
		return ""
	}
	const limit = 600
	if cut := len(said) - limit; cut > 0 {
		said = said[cut:]
		if _, whole, ok := strings.Cut(said, "\n"); ok {
			said = whole
		}
		said = "… " + said
	}
	return ": " + program + " says: " + said
}
