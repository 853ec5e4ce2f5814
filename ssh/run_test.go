package ssh_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/ssh"
	"github.com/bootscribe/bootscribe/ssh/sshtest"
)

// outcomes are the ways in which a command can end, by the server's hand.
var outcomes = map[string]func(context.Context, *sshtest.Call) int{
	"ok":        func(context.Context, *sshtest.Call) int { return 0 },
	"seven":     func(_ context.Context, c *sshtest.Call) int { io.WriteString(c.Stderr, "bad \x1b[1mluck\n"); return 7 },
	"killed":    func(_ context.Context, c *sshtest.Call) int { c.Signaled("KILL"); return 0 },
	"dropped":   func(_ context.Context, c *sshtest.Call) int { c.Drop(); return 0 },
	"no status": func(_ context.Context, c *sshtest.Call) int { c.NoStatus(); return 0 },
	"truncated": func(_ context.Context, c *sshtest.Call) int { c.TruncatedStatus(); return 0 },
	"never":     func(ctx context.Context, c *sshtest.Call) int { <-ctx.Done(); return 0 },
	"frozen":    func(ctx context.Context, c *sshtest.Call) int { c.Freeze(); <-ctx.Done(); return 0 },
	"flood": func(ctx context.Context, c *sshtest.Call) int {
		for chunk := make([]byte, 32<<10); ctx.Err() == nil; {
			if _, err := c.Stdout.Write(chunk); err != nil {
				break
			}
		}
		return 0
	},
}

func outcome(ctx context.Context, c *sshtest.Call) int { return outcomes[c.Line](ctx, c) }

// TestRunOutcomes: only a reported 0 is success.
func TestRunOutcomes(t *testing.T) {
	t.Parallel()
	server := start(t, &sshtest.Config{Password: "secret", Exec: outcome})
	for _, test := range []struct {
		line string
		want any
	}{
		{"ok", nil},
		{"seven", &ssh.ExitError{Op: `run "seven"`, Status: 7, Stderr: []byte("bad \x1b[1mluck\n")}},
		{"killed", &ssh.ExitError{Op: `run "killed"`, Status: 137, Signal: "KILL"}},
		{"dropped", new(ssh.LostError)},
		{"no status", new(ssh.LostError)},
		{"truncated", new(ssh.LostError)},
		{"never", context.DeadlineExceeded},
		{"frozen", context.DeadlineExceeded},
	} {
		t.Run(test.line, func(t *testing.T) {
			t.Parallel()
			client := connect(t, login(server))
			ends(t, func() {
				limit := patience
				if test.want == context.DeadlineExceeded {
					limit = 100 * time.Millisecond
				}
				err := client.Run(within(t, limit), &ssh.Command{Line: test.line})
				var exit *ssh.ExitError
				var lost *ssh.LostError
				switch want := test.want.(type) {
				case nil:
					if err != nil {
						t.Error(err)
					}
				case *ssh.ExitError:
					if !errors.As(err, &exit) {
						t.Fatalf("got %v, want an ExitError", err)
					}
					if diff := cmp.Diff(want, exit); diff != "" {
						t.Error(diff)
					}
				case *ssh.LostError:
					if !errors.As(err, &lost) {
						t.Errorf("got %v, want a LostError", err)
					}
				case error:
					if !errors.Is(err, want) {
						t.Errorf("got %v, want %v", err, want)
					}
				}
			})
		})
	}
}

// TestRunRefused: the guest says no, and the connection lives on.
func TestRunRefused(t *testing.T) {
	server := start(t, &sshtest.Config{Password: "secret", Fault: sshtest.NoSession})
	client := connect(t, login(server))
	err := client.Run(t.Context(), &ssh.Command{Line: "true"})
	var lost *ssh.LostError
	if err == nil || errors.As(err, &lost) || !strings.Contains(err.Error(), "refuses a session") {
		t.Errorf("got %v", err)
	}
}

// TestRunNoReply: the guest never says whether it runs the command.
func TestRunNoReply(t *testing.T) {
	server := start(t, &sshtest.Config{Password: "secret", Fault: sshtest.NoReply})
	client := connect(t, login(server))
	ends(t, func() {
		if err := client.Run(within(t, 100*time.Millisecond), &ssh.Command{Line: "true"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

// TestRunAfterCancel: giving a command up leaves the connection to others.
func TestRunAfterCancel(t *testing.T) {
	server := start(t, &sshtest.Config{Password: "secret", Exec: outcome})
	client := connect(t, login(server))
	if err := client.Run(within(t, 50*time.Millisecond), &ssh.Command{Line: "never"}); err == nil {
		t.Fatal("no error")
	}
	if err := client.Run(t.Context(), &ssh.Command{Line: "ok"}); err != nil {
		t.Error(err)
	}
	idle := &ssh.Command{Line: "never", IdleTimeout: 50 * time.Millisecond}
	if err := client.Run(t.Context(), idle); err == nil || !strings.Contains(err.Error(), "no output for 50ms") {
		t.Errorf("got %v, want no output", err)
	}
}

func TestRunStreams(t *testing.T) {
	client, _ := shell(t)
	var out, errs bytes.Buffer
	cmd := &ssh.Command{
		Line:   `cat; printf %s "$A" >&2`,
		Env:    map[string]string{"A": `it's "odd" $HOME`},
		Stdin:  strings.NewReader("in\n"),
		Stdout: &out, Stderr: &errs,
	}
	if err := client.Run(t.Context(), cmd); err != nil {
		t.Fatal(err)
	}
	if out.String() != "in\n" || errs.String() != `it's "odd" $HOME` {
		t.Errorf("got %q and %q", &out, &errs)
	}
	// A script on the standard input, and one that nobody reads to its end.
	if out, err := client.Output(t.Context(), "echo $((1+1))"); err != nil || string(out) != "2\n" {
		t.Errorf("got %q, %v", out, err)
	}
	if err := client.Run(t.Context(), &ssh.Command{Line: "true", Stdin: strings.NewReader(strings.Repeat("x", 1<<20))}); err != nil {
		t.Error(err)
	}
	blocked, w := io.Pipe()
	defer w.Close()
	if err := client.Run(t.Context(), &ssh.Command{Line: "true", Stdin: blocked}); err != nil {
		t.Error(err)
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

// TestRunWriter: a writer that fails ends the command, one that hangs does not
// outlast the context.
func TestRunWriter(t *testing.T) {
	t.Parallel()
	server := start(t, &sshtest.Config{Password: "secret", Exec: outcome})
	client := connect(t, login(server))
	broken := errors.New("disk full")
	ends(t, func() {
		if err := client.Run(t.Context(), &ssh.Command{Line: "flood", Stdout: brokenWriter{broken}}); !errors.Is(err, broken) {
			t.Errorf("got %v, want the writer's error", err)
		}
	})
	_, hung := io.Pipe()
	ends(t, func() {
		if err := client.Run(within(t, 100*time.Millisecond), &ssh.Command{Line: "flood", Stdout: hung}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
	hung.Close()
	if err := client.Run(t.Context(), &ssh.Command{Line: "ok"}); err != nil {
		t.Errorf("after a writer that hung: %v", err)
	}
	if _, err := client.Output(t.Context(), "flood"); err == nil || !strings.Contains(err.Error(), "more than 4 MiB") {
		t.Errorf("got %v, want too much output", err)
	}
	failing := io.MultiReader(strings.NewReader("x"), iotestErr{broken})
	if err := client.Run(t.Context(), &ssh.Command{Line: "never", Stdin: failing}); !errors.Is(err, broken) {
		t.Errorf("got %v, want the reader's error", err)
	}
}

type iotestErr struct{ err error }

func (r iotestErr) Read([]byte) (int, error) { return 0, r.err }

func TestRunConcurrent(t *testing.T) {
	client, _ := shell(t)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			want := fmt.Sprintln(i)
			if out, err := client.Output(t.Context(), "echo "+fmt.Sprint(i)); err != nil || string(out) != want {
				t.Errorf("got %q, %v, want %q", out, err, want)
			}
		})
	}
	wg.Wait()
}

func TestRunBad(t *testing.T) {
	client, server := shell(t)
	err := client.Run(t.Context(), &ssh.Command{Line: "true\x00", Env: map[string]string{"A;B": "", "C": "\x00"}})
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("got %v, want three errors", err)
	}
	if err := client.Run(t.Context(), new(ssh.Command)); err == nil {
		t.Error("no error for no command")
	}
	if got := server.Commands(); len(got) != 0 {
		t.Errorf("the guest was asked for %q", got)
	}
}

// TestKeepAlive: a guest that freezes is lost after three intervals, which are
// long enough here for a busy machine to answer in.
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	server := start(t, &sshtest.Config{Password: "secret", Exec: outcome})
	config := login(server)
	config.KeepAlive = 700 * time.Millisecond
	client := connect(t, config)
	select {
	case <-client.Done():
		t.Fatalf("lost while the guest answers: %v", client.Err())
	case <-time.After(3 * time.Second):
	}
	server.Freeze()
	ends(t, func() {
		err := client.Run(t.Context(), &ssh.Command{Line: "never"})
		var lost *ssh.LostError
		if !errors.As(err, &lost) || !strings.Contains(err.Error(), "sent nothing for 2.1s") {
			t.Errorf("got %v", err)
		}
		<-client.Done()
	})
}

// TestCloseWhileRunning: Close ends what runs, even on a black hole.
func TestCloseWhileRunning(t *testing.T) {
	for _, line := range []string{"never", "frozen", "flood"} {
		started := make(chan struct{})
		server := start(t, &sshtest.Config{Password: "secret", Exec: func(ctx context.Context, c *sshtest.Call) int {
			close(started)
			return outcome(ctx, c)
		}})
		client := connect(t, login(server))
		ended := make(chan error, 1)
		go func() { ended <- client.Run(t.Context(), &ssh.Command{Line: line}) }()
		<-started
		ends(t, func() {
			client.Close()
			var lost *ssh.LostError
			if err := <-ended; !errors.As(err, &lost) || !errors.Is(err, ssh.ErrClosed) {
				t.Errorf("%s: got %v", line, err)
			}
		})
		server.Close()
	}
	noLeaks(t)
}
