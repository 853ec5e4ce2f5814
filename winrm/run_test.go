package winrm_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/winrm"
	"github.com/bootscribe/bootscribe/winrm/winrmtest"
)

// Commands run by all ways of logging in, and leave no shell open.
func TestRun(t *testing.T) {
	for _, tt := range []struct {
		name      string
		tls, ntlm bool
	}{{"http", false, false}, {"https", true, false}, {"ntlm", false, true}, {"https and ntlm", true, true}} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			server := start(t, &winrmtest.Config{Password: "secret", TLS: tt.tls, NTLM: tt.ntlm, Exec: (&winrmtest.Guest{Dir: dir}).Exec, OperationTime: 20 * time.Millisecond})
			config := login(server)
			config.TLS, config.NTLM, config.Roots = tt.tls, tt.ntlm, server.Roots()
			c, err := winrm.Dial(t.Context(), config)
			if err != nil {
				t.Fatal(err)
			}
			type result struct{ Stdout, Stderr, Err string }
			long := strings.Repeat("# a long script\n", 1000)
			many := "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done"
			var lines strings.Builder
			for i := range 20000 {
				fmt.Fprintln(&lines, "line", i)
			}
			for name, tt := range map[string]struct {
				cmd  winrm.Command
				want result
			}{
				"a line":            {winrm.Command{Line: "echo out; echo err >&2"}, result{"out\n", "err\n", ""}},
				"a status":          {winrm.Command{Line: "echo why >&2; exit 3"}, result{"", "why\n", `winrm: run "echo why >&2; exit 3": exit status 3: why`}},
				"a name":            {winrm.Command{Line: "exit 3", Name: "it"}, result{"", "", `winrm: run "it": exit status 3`}},
				"a script":          {winrm.Command{PowerShell: "echo äöü\nexit 0"}, result{"äöü\n", "", ""}},
				"a script's errors": {winrm.Command{PowerShell: "echo 'a <b> _x0041_' >&2; exit 5", Name: "it"}, result{"", "a <b> _x0041_\n", `winrm: run "it": exit status 5: a <b> _x0041_`}},
				"a long script":     {winrm.Command{PowerShell: "echo begin\n" + long + "exit 4"}, result{"begin\n", "", `winrm: run "echo begin": exit status 4`}},
				"variables":         {winrm.Command{Line: "echo $A", Env: map[string]string{"A": `a "<&>" b`}}, result{`a "<&>" b` + "\n", "", ""}},
				"stdin":             {winrm.Command{Line: "cat", Stdin: strings.NewReader(lines.String())}, result{lines.String(), "", ""}},
				"much output":       {winrm.Command{Line: many}, result{lines.String(), "", ""}},
				"unread stdin":      {winrm.Command{Line: "exit 0", Stdin: strings.NewReader(lines.String())}, result{"", "", ""}},
				"slowly":            {winrm.Command{Line: "sleep 0.1; echo done"}, result{"done\n", "", ""}},
			} {
				var got result
				var stdout, stderr bytes.Buffer
				tt.cmd.Stdout, tt.cmd.Stderr = &stdout, &stderr
				if err := c.Run(within(t, patience), &tt.cmd); err != nil {
					got.Err = err.Error()
				}
				got.Stdout, got.Stderr = stdout.String(), stderr.String()
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("%s: %s", name, diff)
				}
			}
			tidy(t, server)
		})
	}
}

// Output collects what a script prints, up to a limit.
func TestOutput(t *testing.T) {
	g := &winrmtest.Guest{Dir: t.TempDir()}
	server := start(t, &winrmtest.Config{Password: "secret", Exec: func(ctx context.Context, call *winrmtest.Call) int {
		if call.Script != "much" {
			return g.Exec(ctx, call)
		}
		piece := make([]byte, 64<<10)
		for range 80 { // 5 MiB
			if _, err := call.Stdout.Write(piece); err != nil {
				return 1
			}
		}
		return 0
	}})
	c, err := winrm.Dial(t.Context(), login(server))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := c.Output(within(t, patience), "echo some; exit 3"); string(out) != "some\n" || err == nil {
		t.Errorf("%q, %v", out, err)
	}
	out, err := c.Output(within(t, patience), "much")
	if err == nil || !strings.Contains(err.Error(), "more than 4 MiB of output") || len(out) > 4<<20 || len(out) < 3<<20 {
		t.Errorf("%d bytes, %v", len(out), err)
	}
	tidy(t, server)
}

// What is wrong with a command is said before anything is sent.
func TestCheck(t *testing.T) {
	c, server, _ := guest(t)
	before := server.Requests()
	for want, cmd := range map[string]winrm.Command{
		"Line: is empty, and so is PowerShell": {},
		"PowerShell: is given, and Line too":   {Line: "a", PowerShell: "b"},
		"Line: has 9000 characters":            {Line: strings.Repeat("a", 9000)},
		"Line: has more than one line":         {Line: "a\nb"},
		"Stdin: is taken by the script":        {PowerShell: strings.Repeat("a", 3000), Stdin: strings.NewReader("")},
		`Env: "A=B" is no name of a variable`:  {Line: "a", Env: map[string]string{"A=B": ""}},
	} {
		if err := c.Run(t.Context(), &cmd); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if server.Requests() != before {
		t.Error("something was sent")
	}
}

// A command that is given up ends in the guest too.
func TestCancel(t *testing.T) {
	c, server, _ := guest(t)
	cause := errors.New("it is enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	var out buffer
	failed := make(chan error, 1)
	go func() {
		failed <- c.Run(ctx, &winrm.Command{Line: "echo begun; exec sleep 1000", Stdout: &out})
	}()
	for deadline := time.Now().Add(patience); out.String() == "" && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		continue
	}
	cancel(cause)
	if err := <-failed; !errors.Is(err, cause) || !strings.Contains(err.Error(), "may still run in the guest") {
		t.Error(err)
	}
	tidy(t, server) // its Close waits for the command
}

// A writer that fails ends the command, and a reader that fails too.
func TestLocalFailure(t *testing.T) {
	c, server, _ := guest(t)
	full := errors.New("the disk is full")
	err := c.Run(within(t, patience), &winrm.Command{Line: "echo out; exec sleep 1000", Stdout: failing{full}})
	if !errors.Is(err, full) {
		t.Error(err)
	}
	err = c.Run(within(t, patience), &winrm.Command{Line: "echo out; exec sleep 1000", Stdout: short{}})
	if !errors.Is(err, io.ErrShortWrite) {
		t.Error(err)
	}
	err = c.Run(within(t, patience), &winrm.Command{Line: "cat; exec sleep 1000", Stdin: io.MultiReader(strings.NewReader("begin"), failing{full})})
	if !errors.Is(err, full) {
		t.Error(err)
	}
	tidy(t, server)
}

// failing is a writer and a reader that does not work.
type failing struct{ err error }

// Write fails.
func (f failing) Write([]byte) (int, error) { return 0, f.err }

// Read fails.
func (f failing) Read([]byte) (int, error) { return 0, f.err }

// short is a writer that takes less than it is given, and says nothing of it.
type short struct{}

// Write takes one byte.
func (short) Write([]byte) (int, error) { return 1, nil }

// A guest that goes away is no success, and neither is one that does not say how
// the command has ended.
func TestLost(t *testing.T) {
	c, server, _ := guest(t)
	var out buffer
	failed := make(chan error, 1)
	go func() {
		failed <- c.Run(t.Context(), &winrm.Command{Line: "echo begun; exec sleep 1000", Stdout: &out})
	}()
	for deadline := time.Now().Add(patience); out.String() == "" && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		continue
	}
	server.SetFault(winrmtest.HangUp)
	server.Drop()
	var lost *winrm.LostError
	if err := <-failed; !errors.As(err, &lost) {
		t.Errorf("%T: %v", err, err)
	}
	server.SetFault(winrmtest.NoExitCode)
	if err := c.Run(t.Context(), &winrm.Command{Line: "exit 0"}); !errors.As(err, &lost) {
		t.Errorf("%T: %v", err, err)
	}
	tidy(t, server)
}

// With NTLM nobody on the way sees what goes through, over HTTP either, and an
// answer that is not encrypted is none.
func TestEncrypted(t *testing.T) {
	dir := t.TempDir()
	server := start(t, &winrmtest.Config{Password: "secret", NTLM: true, Exec: (&winrmtest.Guest{Dir: dir}).Exec})
	var wire buffer
	config := login(server)
	config.NTLM, config.Addr = true, ""
	config.Dial = func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", server.Addr)
		return spied{conn, &wire}, err
	}
	c, err := winrm.Dial(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Run(t.Context(), &winrm.Command{Line: "echo word"}); err != nil {
		t.Error(err)
	}
	for _, word := range []string{"echo", "word", "d29yZ", "Envelope"} {
		if strings.Contains(wire.String(), word) {
			t.Errorf("%q can be seen", word)
		}
	}
	if !strings.Contains(wire.String(), "session-encrypted") {
		t.Error("nothing is encrypted")
	}
	server.SetFault(winrmtest.Plain)
	if err := c.Run(t.Context(), &winrm.Command{Line: "echo word"}); err == nil || !strings.Contains(err.Error(), "not encrypted") {
		t.Error(err)
	}
}

// spied is a connection whose bytes are kept.
type spied struct {
	net.Conn
	to io.Writer
}

// Write keeps what is sent.
func (s spied) Write(p []byte) (int, error) {
	_, _ = s.to.Write(p)
	return s.Conn.Write(p)
}

// Read keeps what comes.
func (s spied) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	_, _ = s.to.Write(p[:n])
	return n, err
}

// Quote keeps PowerShell from understanding anything.
func TestQuote(t *testing.T) {
	if got := winrm.Quote("it's $x ’"); got != "'it''s $x ’’'" {
		t.Error(got)
	}
}

// A password does not print itself.
func TestSecret(t *testing.T) {
	c := winrm.Config{Password: "hidden"}
	if text := fmt.Sprintf("%v %+v %q %x %d", c, c, c.Password, c.Password, c.Password); strings.Contains(text, "hidden") || strings.Contains(text, "68696464656e") {
		t.Error(text)
	}
}

// What a guest says does nothing to a terminal, and a long command is not repeated.
func TestErrorTexts(t *testing.T) {
	c, _, _ := guest(t)
	err := c.Run(t.Context(), &winrm.Command{Line: `printf '\033[2Jcleared\233' >&2; exit 1`})
	if err == nil || strings.ContainsAny(err.Error(), "\x1b\u009b") || !strings.Contains(err.Error(), "cleared") {
		t.Errorf("%q", err)
	}
	err = c.Run(t.Context(), &winrm.Command{Line: "exit 1 # " + strings.Repeat("long ", 100)})
	if err == nil || len(err.Error()) > 200 || !strings.Contains(err.Error(), "…") {
		t.Errorf("%q", err)
	}
}

// The guest finds its files.
func TestGuestFiles(t *testing.T) {
	c, _, dir := guest(t)
	if err := os.WriteFile(filepath.Join(dir, "hello.bat"), []byte("echo hello $NAME"), 0o755); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := c.Run(t.Context(), &winrm.Command{Line: `set "NAME=you" && "./hello.bat"`, Stdout: &out}); err != nil || out.String() != "hello you\n" {
		t.Errorf("%q: %v", out.String(), err)
	}
}
