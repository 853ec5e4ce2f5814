package imagebuild

import (
	"errors"
	"fmt"
	"image"
	"time"

	"github.com/bootscribe/bootscribe/detect"
	"github.com/bootscribe/bootscribe/httpserve"
	"github.com/bootscribe/bootscribe/keyseq"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/ssh"
)

// ErrPoweredOff is in the error of a step during which the guest switched
// itself off, though more was to be done with it.
var ErrPoweredOff = errors.New("the guest switched itself off")

// ConfigError is one thing that is wrong with a Build.
type ConfigError struct {
	Field   string // the field as Go writes it, such as Disk.Size
	Problem string // what is wrong
	Remedy  string // what to write instead or to do
}

// Error returns field, problem and remedy in one line.
func (e *ConfigError) Error() string {
	text := "imagebuild: " + e.Field + ": " + e.Problem
	if e.Remedy != "" {
		text += "; " + e.Remedy
	}
	return text
}

// DetectedError is a failure that the guest has told of, by its screen, its
// serial line or an event of QEMU; see [Build.Detect].
type DetectedError struct{ Finding detect.Finding }

// Error returns the rule's name, what the guest said and the rule's hint.
func (e *DetectedError) Error() string { return "the guest has failed: " + e.Finding.String() }

// MachineError is why a machine that still runs is of no use: its disk cannot
// be written, its kernel has panicked, its TPM or a directory that it shares is
// gone, or QEMU does not answer.
type MachineError struct {
	Event qemu.Event // the event that told it
	text  string
}

// Error says what has happened.
func (e *MachineError) Error() string { return e.text }

// StepError is the failure of a step, or of the shutdown, with what there was
// to see when it failed.
type StepError struct {
	Step string        // the step's name, or "shutdown"
	Took time.Duration // since the step began
	Err  error         // the cause

	Frame    image.Image         // the guest's screen; nil if none was seen
	Text     string              // what the screen said, line by line; empty if nothing that can be read
	Console  string              // the end of the guest's serial output, at most 8 KiB
	Stderr   string              // the end of what QEMU said, if it has ended
	Requests []httpserve.Request // what the guest has asked for over HTTP
	Unasked  bool                // files are served, and the guest has asked for none, nor been logged in to
	Typed    keyseq.Progress     // how far the newest boot command was typed; zero if there was none
}

// Error tells the step and the cause, which has QEMU's last words if it has
// ended. The rest of the evidence is in the fields.
func (e *StepError) Error() string {
	text := fmt.Sprintf("imagebuild: step %q failed after %v: %v", e.Step, e.Took.Round(100*time.Millisecond), e.Err)
	if e.Unasked && !errors.Is(e.Err, httpserve.ErrNoRequest) {
		text += "; the guest has not asked for any of the files that are served to it"
	}
	return text
}

// Unwrap returns the cause.
func (e *StepError) Unwrap() error { return e.Err }

// Name is a short name for the cause that stays the same from release to
// release: that of the rule which has found it, such as kernel-panic (see
// package detect), or one of disk-full, disk-error, guest-panicked, qemu-hung,
// tpm-ended, share-ended, qemu-killed, qemu-exited, powered-off, wrong-file-name,
// no-login, login-refused, no-progress and timeout. It is empty for what is none of
// these, such as a command of a step that has failed.
func (e *StepError) Name() string {
	var detected *DetectedError
	var machine *MachineError
	var missed *NotFoundError
	var exit *qemu.ExitError
	switch {
	case errors.As(e.Err, &detected):
		return detected.Finding.Name
	case errors.As(e.Err, &machine):
		return machine.name()
	case errors.Is(e.Err, ErrPoweredOff):
		return "powered-off"
	case errors.As(e.Err, &exit) && exit.Signal != "":
		return "qemu-killed"
	case errors.As(e.Err, &exit):
		return "qemu-exited"
	case errors.As(e.Err, &missed):
		return "wrong-file-name"
	case errors.Is(e.Err, ErrNoLogin):
		return "no-login"
	case errors.Is(e.Err, ssh.ErrLoginRefused):
		return "login-refused"
	case errors.Is(e.Err, ErrNoProgress):
		return "no-progress"
	case errors.Is(e.Err, errTimeOver):
		return "timeout"
	}
	return ""
}

func (e *MachineError) name() string {
	switch event := e.Event.(type) {
	case qemu.IOError:
		if event.NoSpace {
			return "disk-full"
		}
		return "disk-error"
	case qemu.Panicked:
		return "guest-panicked"
	case qemu.TPMEnded:
		return "tpm-ended"
	case qemu.ShareEnded:
		return "share-ended"
	}
	return "qemu-hung"
}

// machineError returns the failure that an event means, or nil if it means none.
func machineError(e qemu.Event) error {
	switch e := e.(type) {
	case qemu.IOError:
		text := fmt.Sprintf("the host failed to %s the image of %s: %s", e.Operation, e.Device, e.Reason)
		if e.NoSpace {
			text += "; free some space on the file system of the output"
		}
		return &MachineError{Event: e, text: text}
	case qemu.Panicked:
		return &MachineError{Event: e, text: "the guest's kernel panicked"}
	case qemu.TPMEnded:
		return &MachineError{Event: e, text: "the machine's TPM has ended: " + e.String()}
	case qemu.ShareEnded:
		return &MachineError{Event: e, text: "a directory is not shared any more: " + e.String()}
	case qemu.Hung:
		return &MachineError{Event: e, text: fmt.Sprintf("QEMU has not answered for %v", e.For.Round(time.Second))}
	}
	return nil
}
