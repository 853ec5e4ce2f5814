package imagebuild

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/ssh"
)

// The installer's sshd lets us in before the guest is reset, and the installed
// system's when it has what the installer leaves there.
func TestInstalled(t *testing.T) {
	t.Parallel()
	var first, second *ssh.Client
	var vm interface{ Reset(context.Context) error }
	keep := func(to **ssh.Client) Step {
		return do("keep", func(ctx context.Context, g *Guest) (err error) {
			vm = g.VM
			*to, err = g.SSH(ctx)
			return err
		})
	}
	b, _ := newBuild(t, guest.Button, WaitSSH(), keep(&first), Type(""), WaitSSH(AfterReset(), HasFile("installed")), keep(&second), ready())
	b.SSH.RetryInterval = 20 * time.Millisecond
	home, _ := loginTo(t, b)
	said := map[string]bool{}
	b.SSH.Observe = func(e ssh.Event) {
		failed, ok := e.(ssh.AttemptFailed)
		if !ok {
			return
		}
		var err error
		switch text := failed.Err.Error(); {
		case strings.Contains(text, "has not been reset"):
			said["reset"] = true
			err = vm.Reset(context.Background())
		case strings.Contains(text, "there is no installed"):
			said["file"] = true
			err = os.WriteFile(filepath.Join(home, "installed"), nil, 0o600)
		}
		if err != nil {
			t.Error(err)
		}
	}
	if _, err := b.Run(soon(t)); err != nil {
		t.Fatal(err)
	}
	if !said["reset"] || !said["file"] || first == second || first.Err() == nil {
		t.Errorf("%v; the first connection: %v", said, first.Err())
	}
}

// A connection to the right system is kept, and one to a wrong one is not.
func TestHasHostKey(t *testing.T) {
	t.Parallel()
	other, err := ssh.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	var seen context.CancelCauseFunc
	b, _ := newBuild(t, guest.Button, do("known", func(ctx context.Context, g *Guest) error {
		before, err := g.SSH(ctx)
		if err != nil {
			return err
		}
		if err := g.WaitSSH(ctx, HasHostKey(other.AuthorizedKey(), before.HostKey())); err != nil {
			return err
		}
		if after, err := g.SSH(ctx); err != nil || after != before {
			t.Error("another connection:", err)
		}
		return nil
	}), do("other", func(ctx context.Context, g *Guest) error {
		ctx, seen = context.WithCancelCause(ctx)
		return g.WaitSSH(ctx, HasHostKey(other.AuthorizedKey()))
	}))
	b.SSH.RetryInterval = 20 * time.Millisecond
	b.SSH.Observe = func(e ssh.Event) {
		if failed, ok := e.(ssh.AttemptFailed); ok {
			seen(failed.Err)
		}
	}
	loginTo(t, b)
	step := fails(t, b, 60*time.Second, `"other"`, "none of those expected")
	var not *ssh.NotExpectedError
	if !errors.As(step, &not) {
		t.Error(step)
	}
}
