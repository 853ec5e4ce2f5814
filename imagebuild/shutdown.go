package imagebuild

import (
	"context"
	"errors"
	"fmt"

	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/ssh"
)

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
	return r.attempt(ctx, "shutdown", timeout, func(ctx context.Context, g *Guest) error {
		if err := r.removeKey(ctx); err != nil {
			return err
		}
		// A guest that reboots instead would otherwise go on for ever.
		if err := r.vm.SetRebootAction(ctx, qemu.RebootEnds); err != nil {
			return err
		}
		if r.b.Shutdown.Command == "" {
			return r.vm.Powerdown(ctx)
		}
		return r.shutdownCommand(ctx)
	})
}

// shutdownCommand runs the command that switches the guest off. That its
// connection is lost is what it is for; what counts is how the machine ends.
func (r *run) shutdownCommand(ctx context.Context) error {
	client, err := r.guest.SSH(ctx)
	if err != nil {
		return err
	}
	var lost *ssh.LostError
	if err := client.Run(ctx, r.guest.command(r.b.Shutdown.Command)); err != nil && !errors.As(err, &lost) {
		return err
	}
	return r.vm.Wait(ctx)
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
