package qmp

import (
	"context"
	"fmt"
)

// Error is the server's refusal of a command.
type Error struct {
	Class   string // "GenericError", "CommandNotFound", "DeviceNotFound" and few others
	Desc    string // the reason, in QEMU's words
	Command string // the command that was refused
}

// Error returns the command and QEMU's words, with the class where it says
// more than that something went wrong.
func (e *Error) Error() string {
	if e.Class == "" || e.Class == "GenericError" {
		return fmt.Sprintf("qmp: %s: %s", e.Command, e.Desc)
	}
	return fmt.Sprintf("qmp: %s: %s: %s", e.Command, e.Class, e.Desc)
}

// ctxError returns why ctx ended: always what ctx.Err says, and the cause
// where one was given.
func ctxError(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if cause == nil || cause == err {
		return err
	}
	return fmt.Errorf("%w: %w", err, cause)
}
