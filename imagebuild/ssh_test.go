package imagebuild

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/ssh"
	"github.com/bootscribe/bootscribe/ssh/sshtest"
)

// loginTo makes a build whose guest's sshd is a server on this host with a home
// directory of its own. The command "poweroff" presses the button of the
// machine, which runs a boot sector.
func loginTo(t *testing.T, b *Build) (home string, server *sshtest.Server) {
	t.Helper()
	home = t.TempDir()
	var mu sync.Mutex
	var running *Guest
	server, err := sshtest.Start(&sshtest.Config{Dir: home, Exec: func(ctx context.Context, call *sshtest.Call) int {
		mu.Lock()
		defer mu.Unlock()
		if call.Line == "poweroff" {
			_ = running.VM.QMP().Execute(ctx, "system_powerdown", nil, nil)
			<-running.VM.Done()
			call.Drop()
			return 0
		}
		cmd := exec.CommandContext(ctx, "sh", "-c", call.Line)
		cmd.WaitDelay = time.Second
		cmd.Dir, cmd.Env = home, []string{"HOME=" + home, "PATH=" + os.Getenv("PATH")}
		cmd.Stdin, cmd.Stdout, cmd.Stderr = call.Stdin, call.Stdout, call.Stderr
		if err := cmd.Run(); err != nil {
			return max(1, cmd.ProcessState.ExitCode())
		}
		return 0
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	b.SSH.User, b.SSH.Addr = "root", server.Addr
	b.Steps = append([]Step{do("note the machine", func(_ context.Context, g *Guest) error {
		mu.Lock()
		defer mu.Unlock()
		running = g
		return nil
	}), ready()}, b.Steps...)
	return home, server
}

func TestProvision(t *testing.T) {
	t.Parallel()
	local := t.TempDir()
	script := filepath.Join(local, "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho hello\necho warning >&2\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	got := filepath.Join(t.TempDir(), "got")
	b, r := newBuild(t, guest.Button,
		WaitSSH(),
		Upload(script, "script"),
		Upload(local, "tree"),
		UploadFS(fstest.MapFS{"a/b": {Data: []byte("c")}}, "fs"),
		Shell("./script\nprintf 'no end'\ncat tree/script fs/a/b >all"),
		Download("all", got),
		do("put the key where an installer does", func(ctx context.Context, g *Guest) error {
			client, err := g.SSH(ctx)
			if err != nil {
				return err
			}
			line := ssh.Quote("ssh-ed25519 AAAA mine\n" + g.SSHPublicKey + "\n")
			return client.Run(ctx, &ssh.Command{Line: "mkdir .ssh && printf %s " + line + " >.ssh/authorized_keys"})
		}))
	b.Shutdown.Command = "poweroff"
	home, server := loginTo(t, b)
	if _, err := b.Run(soon(t)); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(got)
	if err != nil || !strings.HasSuffix(string(text), "warning >&2\nc") {
		t.Errorf("%q, %v", text, err)
	}
	keys, err := os.ReadFile(filepath.Join(home, ".ssh", "authorized_keys"))
	if err != nil || string(keys) != "ssh-ed25519 AAAA mine\n" {
		t.Errorf("authorized_keys: %q, %v", keys, err)
	}
	var lines []string
	for _, o := range only[Output](r) {
		if o.Step != `run "./script"` {
			t.Errorf("%+v", o)
		}
		if !o.Stderr {
			lines = append(lines, o.Line)
		}
	}
	if diff := cmp.Diff([]string{"hello", "no end"}, lines); diff != "" {
		t.Error(diff)
	}
	if n := server.Logins(); n != 1 {
		t.Errorf("%d logins", n)
	}
	if len(only[LoggedIn](r)) == 0 {
		t.Error("nobody was told of the login")
	}
}

// A command that fails, and one that outlives its machine.
func TestProvisionFails(t *testing.T) {
	t.Parallel()
	b, _ := newBuild(t, guest.Button, Shell("true\necho no such package >&2\nfalse\ntouch went-on"))
	home, _ := loginTo(t, b)
	step := fails(t, b, 10*time.Second, `run "true"`, "status 1", "no such package")
	var exit *ssh.ExitError
	if !errors.As(step, &exit) || exit.Status != 1 {
		t.Error(step)
	}
	if _, err := os.Stat(filepath.Join(home, "went-on")); err == nil {
		t.Error("the script went on after a failure")
	}
	b, _ = newBuild(t, guest.Button, do("switch off", func(ctx context.Context, g *Guest) error {
		return g.VM.QMP().Execute(ctx, "system_powerdown", nil, nil)
	}), Shell("exec sleep 60"))
	loginTo(t, b)
	step = fails(t, b, 10*time.Second, "switched itself off")
	if !errors.Is(step, ErrPoweredOff) {
		t.Error(step)
	}
}

// A guest whose key cannot be removed does not become an image.
func TestKeyStays(t *testing.T) {
	t.Parallel()
	b, _ := newBuild(t, guest.Button, WaitSSH(), Shell("mkdir -p .ssh/authorized_keys"))
	loginTo(t, b)
	fails(t, b, 10*time.Second, `"shutdown"`, "temporary key")
}

// A shutdown command that does not switch the guest off.
func TestShutdownCommandIdle(t *testing.T) {
	t.Parallel()
	b, _ := newBuild(t, guest.Echo)
	b.Shutdown = Shutdown{Command: "true", Timeout: 500 * time.Millisecond}
	loginTo(t, b)
	fails(t, b, 10*time.Second, `"shutdown"`, "no end after 500ms")
}

// The guest's requests are events and evidence, and Files need no Templates.
func TestServe(t *testing.T) {
	t.Parallel()
	get := func(name string) Step {
		return do("get "+name, func(ctx context.Context, g *Guest) error {
			url := strings.Replace(g.URL, g.HTTPIP, "127.0.0.1", 1) + name
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
			if err != nil {
				return err
			}
			answer, err := http.DefaultClient.Do(req)
			if err != nil {
				return err
			}
			return answer.Body.Close()
		})
	}
	b, r := newBuild(t, guest.Button, get("/preseed.cfg"), WaitFetch("/preseed.cfg"), get("/preseed.cgf"),
		Step{Name: "never", Timeout: 50 * time.Millisecond, Do: forever["context"]})
	b.Files = fstest.MapFS{"preseed.cfg": {Data: []byte("d-i")}}
	step := fails(t, b, 10*time.Second, "never")
	var got []string
	for _, req := range step.Requests {
		got = append(got, req.Path+" "+http.StatusText(req.Status)+" "+req.Nearest)
	}
	if diff := cmp.Diff([]string{"/preseed.cfg OK ", "/preseed.cgf Not Found /preseed.cfg"}, got); diff != "" {
		t.Error(diff)
	}
	if n := len(only[Requested](r)); n != 2 {
		t.Errorf("%d requests were told", n)
	}

	b, _ = newBuild(t, guest.Button, ready(), do("look", func(_ context.Context, g *Guest) error {
		if g.URL != "" || g.HTTPPort != 0 {
			t.Errorf("%+v without files", g.Vars)
		}
		return nil
	}))
	if _, err := b.Run(soon(t)); err != nil {
		t.Error(err)
	}
}
