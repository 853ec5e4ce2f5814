package imagebuild

import (
	"context"
	"errors"
	"fmt"

	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/ssh"
)

// end returns when the guest is off and all that it has written was told.
func (r *run) end(ctx context.Context) error {
	if err := r.shutdown(ctx); err != nil {
		return err
	}
	r.console.lines.Flush()
	return nil
}

// shutdown switches the machine off, unless a step has already waited for it
// to do that by itself.
func (r *run) shutdown(ctx context.Context) error {
	if r.guest.off {
		return nil
	}
	timeout := r.b.Shutdown.Timeout
	if timeout == 0 {
		timeout = defaultShutdownTimeout
	}
	r.guest.step = "shutdown"
	ctx, cancel := r.machine.whole(ctx)
	defer cancel()
	return r.attempt(ctx, "shutdown", timeout, r.switchOff)
}

// switchOff returns nil when the guest has switched itself off.
func (r *run) switchOff(ctx context.Context, g *Guest) error {
	living, cancel := r.machine.running(ctx)
	defer cancel()
	if err := r.removeKey(living); err != nil {
		return err
	}
	err := r.askForEnd(living)
	if err != nil && !errors.Is(r.cause(living), ErrPoweredOff) && r.machine.ended.Err() == nil {
		return r.whyNotOff(err)
	}
	// That the machine has ended is what was asked for; what counts is how.
	return r.whyNotOff(r.vm.Wait(ctx))
}

// askForEnd asks the guest to switch itself off.
func (r *run) askForEnd(ctx context.Context) error {
	// A guest that reboots instead would otherwise go on for ever.
	if err := r.vm.SetRebootAction(ctx, qemu.RebootEnds); err != nil {
		return err
	}
	if r.b.Shutdown.Command == "" {
		return r.vm.Powerdown(ctx)
	}
	if r.b.byWinRM() {
		return r.guest.shutDownByWinRM(ctx, r.b.Shutdown.Command)
	}
	client, err := r.guest.SSH(ctx)
	if err != nil {
		return err
	}
	// That the connection or the command is cut off is what it is for.
	err = client.Run(ctx, r.guest.command(r.b.Shutdown.Command))
	var lost *ssh.LostError
	var exit *ssh.ExitError
	if errors.As(err, &lost) || errors.As(err, &exit) && exit.Signal != "" {
		return nil
	}
	return err
}

// whyNotOff adds to an error what it means for the shutdown.
func (r *run) whyNotOff(err error) error {
	var exit *qemu.ExitError
	switch {
	case errors.As(err, &exit) && exit.Reason == "guest-reset":
		return fmt.Errorf("the guest rebooted instead of switching itself off: %w", err)
	case errors.Is(err, errTimeOver) && r.b.Shutdown.Command == "":
		return fmt.Errorf("%w; a guest that does not heed its power button needs Shutdown.Command", err)
	}
	return err
}

// removeKey removes the build's temporary key from the guest, if the guest was
// logged in to with it.
func (r *run) removeKey(ctx context.Context) error {
	if r.key == nil || r.guest.client == nil {
		return nil
	}
	client, err := r.guest.SSH(ctx)
	if err != nil {
		return err
	}
	// The file is written to and not replaced, which keeps its owner and mode.
	const script = `f=$HOME/.ssh/authorized_keys; [ ! -e "$f" ] || { k=$(grep -vF -e %s "$f"); [ -z "$k" ] && : >"$f" || printf '%%s\n' "$k" >"$f"; }`
	line := fmt.Sprintf(script, ssh.Quote(r.key.AuthorizedKey()))
	if err := client.Run(ctx, &ssh.Command{Line: line, Name: "remove the temporary key"}); err != nil {
		return fmt.Errorf("remove the temporary key from the guest: %w", err)
	}
	return nil
}
