package qemu

import (
	"context"
	"fmt"
	"time"
)

// Powerdown presses the power button: it asks the guest by ACPI to switch
// itself off, again after 10 and after 30 seconds for guests that missed it,
// and waits until the machine has ended. It returns [VM.Err], or an error if
// ctx ends before; the machine then still runs.
func (vm *VM) Powerdown(ctx context.Context) error {
	again := vm.t.powerAgain
	for {
		err := vm.qmp.Execute(ctx, "system_powerdown", nil, nil)
		if err != nil && !isClosed(vm.qmp.Done()) {
			return fmt.Errorf("qemu: power down: %w", err)
		}
		var press <-chan time.Time
		if len(again) > 0 {
			timer := time.NewTimer(again[0])
			defer timer.Stop()
			press, again = timer.C, again[1:]
		}
		select {
		case <-press:
		case <-vm.finished:
			return vm.Err()
		case <-ctx.Done():
			return fmt.Errorf("qemu: power down: the guest did not switch itself off: %w", ctxError(ctx))
		}
	}
}

// Quit pulls the plug: QEMU ends at once, whatever the guest was doing, and
// [VM.Err] says so afterwards. It returns when the machine has ended, or with
// an error when ctx ends before.
func (vm *VM) Quit(ctx context.Context) error {
	err := vm.qmp.Execute(ctx, "quit", nil, nil)
	select {
	case <-vm.finished:
		return nil
	default:
	}
	if err != nil && !isClosed(vm.qmp.Done()) {
		return fmt.Errorf("qemu: quit: %w", err)
	}
	select {
	case <-vm.finished:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("qemu: quit: %w", ctxError(ctx))
	}
}

// Reset resets the machine as its button would.
func (vm *VM) Reset(ctx context.Context) error {
	if err := vm.qmp.Execute(ctx, "system_reset", nil, nil); err != nil {
		return fmt.Errorf("qemu: reset: %w", err)
	}
	return nil
}

// RebootAction is what happens when the guest reboots.
type RebootAction string

// The actions. A machine starts with RebootResets.
const (
	RebootResets RebootAction = "reset"    // it boots again
	RebootEnds   RebootAction = "shutdown" // the machine ends, with an ExitError whose Reason is guest-reset
)

// SetRebootAction says what happens when the guest reboots from now on: in the
// last phase of a build a reboot is a mistake that should show.
func (vm *VM) SetRebootAction(ctx context.Context, a RebootAction) error {
	if err := vm.qmp.Execute(ctx, "set-action", map[string]any{"reboot": a}, nil); err != nil {
		return fmt.Errorf("qemu: set reboot action %q: %w", string(a), err)
	}
	return nil
}
