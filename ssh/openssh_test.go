//go:build unix

package ssh_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/ssh"
)

// openSSH runs the real sshd for the user of the test, until its end, and
// returns how to log in to it. What serves SFTP is given, and further lines of
// its configuration.
func openSSH(t *testing.T, sftp string, more ...string) *ssh.Config {
	t.Helper()
	sshd := need.Tool(t, "sshd", "/usr/sbin/sshd", "/usr/local/sbin/sshd")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if me.Uid == "0" {
		// Debian's sshd wants this directory, which its service makes.
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			need.Skip(t, "needs /run/sshd: "+err.Error())
		}
	}
	dir := t.TempDir()
	key, host := newKey(t), newKey(t)
	pem, err := host.MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	addr := freeAddr(t)
	listen, port, _ := net.SplitHostPort(addr)
	// The home is another so that the shell reads no start-up file of the user's,
	// who may do anything there.
	config := fmt.Sprintf("ListenAddress %s\nPort %s\nHostKey %s/host\nAuthorizedKeysFile %s/authorized\nPidFile none\nUsePAM no\nStrictModes no\nPasswordAuthentication no\nMaxSessions 4\nSetEnv HOME=%s\nSubsystem sftp %s\n",
		listen, port, dir, dir, dir, sftp) + strings.Join(more, "\n") + "\n"
	for name, content := range map[string]string{"host": string(pem), "authorized": key.AuthorizedKey() + "\n", "config": config} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var said bytes.Buffer
	cmd := exec.Command(sshd, "-D", "-e", "-f", filepath.Join(dir, "config"))
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("sshd said:\n%s", &said)
		}
	})
	hostKeys, err := ssh.ExpectHostKeys(host.AuthorizedKey())
	if err != nil {
		t.Fatal(err)
	}
	return &ssh.Config{Addr: addr, User: me.Username, Keys: []*ssh.Key{key}, HostKeys: hostKeys, RetryInterval: 50 * time.Millisecond}
}

// freeAddr returns an address that nobody listens on: sshd cannot be asked
// which port it chose.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// await waits until the sshd lets us in, until the end of the test.
func await(t *testing.T, config *ssh.Config) *ssh.Client {
	t.Helper()
	client, err := ssh.Wait(within(t, patience), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func TestOpenSSH(t *testing.T) {
	t.Parallel()
	config := openSSH(t, "internal-sftp")
	client := await(t, config)
	if !strings.Contains(client.ServerVersion(), "OpenSSH") {
		t.Errorf("version %q", client.ServerVersion())
	}
	t.Run("status", func(t *testing.T) {
		var exit *ssh.ExitError
		err := client.Run(t.Context(), &ssh.Command{Line: "echo no luck >&2; exit 42"})
		if !errors.As(err, &exit) || exit.Status != 42 || !strings.HasSuffix(err.Error(), "exit status 42: no luck") {
			t.Errorf("got %v", err)
		}
		if err := client.Run(t.Context(), &ssh.Command{Line: "kill -TERM $$"}); !errors.As(err, &exit) || exit.Signal != "TERM" {
			t.Errorf("got %v, want signal TERM", err)
		}
	})
	t.Run("environment, terminal", func(t *testing.T) {
		var out bytes.Buffer
		cmd := &ssh.Command{Line: `test -t 0 && printf %s "$X"`, Env: map[string]string{"X": "a 'b'"}, PTY: true, Stdout: &out}
		if err := client.Run(t.Context(), cmd); err != nil || out.String() != "a 'b'" {
			t.Errorf("got %q, %v", &out, err)
		}
	})
	t.Run("script", func(t *testing.T) {
		var out bytes.Buffer
		cmd := &ssh.Command{Line: "sh -s", Stdin: strings.NewReader("a=1\necho $((a+1))\n"), Stdout: &out}
		if err := client.Run(t.Context(), cmd); err != nil || out.String() != "2\n" {
			t.Errorf("got %q, %v", &out, err)
		}
	})
	t.Run("cancel", func(t *testing.T) {
		ends(t, func() {
			err := client.Run(within(t, 300*time.Millisecond), &ssh.Command{Line: stubborn(t)})
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		})
		if err := client.Run(t.Context(), &ssh.Command{Line: "true"}); err != nil {
			t.Errorf("the connection was cut: %v", err)
		}
	})
	t.Run("files", func(t *testing.T) { openSSHFiles(t, client) })
	t.Run("boot id", func(t *testing.T) {
		if id, err := client.BootID(t.Context()); id == "" {
			t.Error(err)
		}
	})
	t.Run("too many sessions", func(t *testing.T) {
		ended := make(chan error, 8)
		held, release := io.Pipe() // cat ends with its channel, at the latest
		for range 8 {
			go func() { ended <- client.Run(t.Context(), &ssh.Command{Line: "cat", Stdin: held}) }()
		}
		var lost *ssh.LostError
		if err := <-ended; err == nil || errors.As(err, &lost) || !strings.Contains(err.Error(), "too many at once?") {
			t.Errorf("got %v", err)
		}
		release.Close()
		for range cap(ended) - 1 {
			<-ended
		}
	})
}

// stubborn returns a command that nothing can end but the end of the test or of
// its connection: OpenSSH lets no signal through to root's commands.
func stubborn(t *testing.T) string {
	file := filepath.Join(t.TempDir(), "running")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(file) })
	return "while test -e " + ssh.Quote(file) + " && kill -0 $PPID 2>/dev/null; do sleep 0.1; done"
}

func openSSHFiles(t *testing.T, client *ssh.Client) {
	there, here := t.TempDir(), t.TempDir()
	for _, name := range odd {
		if err := os.WriteFile(filepath.Join(here, name), []byte(name), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := client.UploadTree(t.Context(), os.DirFS(here), there+"/up", nil); err != nil {
			t.Fatal(err)
		}
	}
	back := filepath.Join(t.TempDir(), "back")
	if err := client.DownloadTree(t.Context(), there+"/up", back, nil); err != nil {
		t.Fatal(err)
	}
	only(t, back, odd...)
	for _, name := range odd {
		if got, err := os.ReadFile(filepath.Join(back, name)); err != nil || string(got) != name {
			t.Errorf("%q holds %q, %v", name, got, err)
		}
	}
	if err := client.UploadReader(t.Context(), strings.NewReader("x"), 1, there+"/no/such/dir", nil); err == nil || !strings.Contains(err.Error(), "not exist") {
		t.Errorf("into no directory: %v", err)
	}
	only(t, there, "up")
	var version bytes.Buffer
	if err := client.DownloadTo(t.Context(), "/proc/version", &version, nil); err == nil && version.Len() == 0 {
		t.Error("a file that claims to be empty came empty")
	}
}

func TestOpenSSHNoSFTP(t *testing.T) {
	t.Parallel()
	config := openSSH(t, "/nonexistent/sftp-server")
	client := await(t, config)
	there := t.TempDir()
	if err := client.UploadReader(t.Context(), strings.NewReader("by cat"), -1, there+"/f", &ssh.Transfer{Mode: 0o600}); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := client.DownloadTo(t.Context(), there+"/f", &got, nil); err != nil || got.String() != "by cat" {
		t.Errorf("got %q, %v", &got, err)
	}
	if err := client.DownloadTree(t.Context(), there, t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), "no SFTP") {
		t.Errorf("got %v", err)
	}
}

func TestOpenSSHBastion(t *testing.T) {
	bastion, guest := openSSH(t, "internal-sftp"), openSSH(t, "internal-sftp")
	through := *guest
	through.Bastion = bastion
	client := await(t, &through)
	if out, err := client.Output(t.Context(), "echo through"); err != nil || string(out) != "through\n" {
		t.Errorf("got %q, %v", out, err)
	}
	client.Close()
	noLeaks(t)
	// A guest that is not there yet, behind a bastion that is.
	through.Addr = freeAddr(t)
	_, err := ssh.Dial(t.Context(), &through)
	var derr *ssh.DialError
	if !errors.As(err, &derr) || derr.Reason != ssh.Refused {
		t.Errorf("got %v, want refused", err)
	}
}

// TestOpenSSHRefuses: a key that sshd does not know.
func TestOpenSSHRefuses(t *testing.T) {
	config := openSSH(t, "internal-sftp")
	await(t, config)
	wrong := *config
	wrong.Keys = []*ssh.Key{newKey(t)}
	_, err := ssh.Dial(t.Context(), &wrong)
	var derr *ssh.DialError
	if !errors.As(err, &derr) || derr.Reason != ssh.Auth || len(derr.Offered) == 0 {
		t.Errorf("got %v", err)
	}
}
