package winrm_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/winrm"
	"github.com/bootscribe/bootscribe/winrm/winrmtest"
)

// Each way in which an attempt can fail has its name.
func TestReasons(t *testing.T) {
	exec := (&winrmtest.Guest{Dir: t.TempDir()}).Exec
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	nothing := func(context.Context, *winrmtest.Call) int { return 1 }
	for _, tt := range []struct {
		name   string
		server winrmtest.Config
		change func(*winrm.Config)
		reason winrm.Reason
		want   string
	}{
		{"refused", winrmtest.Config{}, func(c *winrm.Config) { c.Addr = free.Addr().String() }, winrm.Refused, "connection refused"},
		{"no route", winrmtest.Config{}, func(c *winrm.Config) {
			c.Dial = func(context.Context) (net.Conn, error) { return nil, errors.New("no route") }
		}, winrm.Unreachable, "cannot be reached: no route"},
		{"silent", winrmtest.Config{Fault: winrmtest.Silent}, func(c *winrm.Config) { c.AttemptTimeout = time.Second }, winrm.Silent, "nothing answered"},
		{"closed", winrmtest.Config{Fault: winrmtest.HangUp}, nil, winrm.ClosedEarly, "closed early"},
		{"HTTP for HTTPS", winrmtest.Config{}, func(c *winrm.Config) { c.TLS = true }, winrm.TLS, "does not look like a TLS handshake"},
		{"its own certificate", winrmtest.Config{TLS: true}, func(c *winrm.Config) { c.TLS = true }, winrm.TLS, "certificate"},
		{"another web server", winrmtest.Config{Fault: winrmtest.NotFound}, nil, winrm.NotWinRM, "HTTP status 404"},
		{"a page", winrmtest.Config{Fault: winrmtest.NotSOAP}, nil, winrm.NotWinRM, "It works!"},
		{"wrong password", winrmtest.Config{Password: "secret"}, func(c *winrm.Config) { c.Password = "wrong" }, winrm.Auth, `login refused for user "root"; offered: Basic: wrong name or password`},
		{"wrong password by NTLM", winrmtest.Config{Password: "secret", NTLM: true}, func(c *winrm.Config) { c.Password, c.NTLM = "wrong", true }, winrm.Auth, "offered: Negotiate, Kerberos: wrong name or password"},
		{"no basic", winrmtest.Config{Password: "secret", NTLM: true}, nil, winrm.Auth, "does not offer basic authentication; set NTLM"},
		{"no NTLM", winrmtest.Config{}, func(c *winrm.Config) { c.NTLM = true }, winrm.Auth, "does not offer NTLM"},
		{"denied", winrmtest.Config{Fault: winrmtest.Denied}, nil, winrm.Fault, "the service refuses: Access is denied. (code 5)"},
		{"no PowerShell", winrmtest.Config{Exec: nothing}, nil, winrm.NoPowerShell, "exit status 1"},
	} {
		if tt.server.Exec == nil {
			tt.server.Exec = exec
		}
		server := start(t, &tt.server)
		config := login(server)
		if tt.change != nil {
			tt.change(config)
		}
		_, err := winrm.Dial(within(t, patience), config)
		var d *winrm.DialError
		if !errors.As(err, &d) || d.Reason != tt.reason || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %v with %q", tt.name, err, tt.reason, tt.want)
		}
		server.Close()
	}
}

// A certificate of the guest's own is accepted by who asks for it.
func TestInsecure(t *testing.T) {
	server := start(t, &winrmtest.Config{TLS: true, Exec: (&winrmtest.Guest{Dir: t.TempDir()}).Exec})
	config := login(server)
	config.TLS, config.Insecure = true, true
	if _, err := winrm.Dial(t.Context(), config); err != nil {
		t.Error(err)
	}
}

// Wait goes on until the guest lets us in, and tells of every attempt.
func TestWait(t *testing.T) {
	server := start(t, &winrmtest.Config{Password: "secret", RefuseLogins: 2, Exec: (&winrmtest.Guest{Dir: t.TempDir()}).Exec})
	server.SetFault(winrmtest.HangUp)
	config := login(server)
	var events []string
	config.Observe = func(e winrm.Event) {
		switch e := e.(type) {
		case winrm.AttemptFailed:
			d := e.Err.(*winrm.DialError)
			events = append(events, fmt.Sprint(e.Attempt, " ", d.Reason))
			server.SetFault(winrmtest.None)
		case winrm.Connected:
			events = append(events, fmt.Sprint(e.Attempt, " connected"))
		}
	}
	if _, err := winrm.Wait(within(t, patience), config); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(events, "; "), "1 connection closed early; 2 login refused; 3 login refused; 4 connected"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	tidy(t, server)
}

// A wait that is given up says what it has met.
func TestWaitError(t *testing.T) {
	server := start(t, &winrmtest.Config{Password: "other"})
	config := login(server)
	config.MaxAuthFailures = 3
	_, err := winrm.Wait(within(t, patience), config)
	var w *winrm.WaitError
	if !errors.As(err, &w) || w.Attempts != 3 || !strings.Contains(err.Error(), "login refused 3 times in a row") {
		t.Error(err)
	}
	server.SetFault(winrmtest.HangUp)
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("no more time")
	config.Observe = func(e winrm.Event) {
		if e.(winrm.AttemptFailed).Attempt == 2 {
			cancel(cause)
		}
	}
	_, err = winrm.Wait(ctx, config)
	if !errors.Is(err, cause) || !errors.As(err, &w) || w.Failures[winrm.ClosedEarly] == 0 || !strings.Contains(err.Error(), "connection closed early") {
		t.Error(err)
	}
}

// A restart is over when the guest is another one, and not when the old one still
// answers.
func TestRestart(t *testing.T) {
	var boots, asked atomic.Int32
	g := &winrmtest.Guest{Dir: t.TempDir(), BootID: func() string {
		if asked.Add(1) == 4 {
			boots.Add(1) // it takes its time
		}
		return fmt.Sprint("boot ", boots.Load())
	}}
	server := start(t, &winrmtest.Config{Password: "secret", Exec: func(ctx context.Context, call *winrmtest.Call) int {
		if call.Line == "under way" {
			asked.Store(3) // so that the next boot is another one
			return 1115
		}
		return g.Exec(ctx, call)
	}})
	config := login(server)
	var failed []error
	config.Observe = func(e winrm.Event) {
		if e, ok := e.(winrm.AttemptFailed); ok {
			failed = append(failed, e.Err)
		}
	}
	c, err := winrm.Dial(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Restart(within(t, patience), winrm.RestartLine); err != nil {
		t.Fatal(err)
	}
	if len(failed) != 2 || !strings.Contains(failed[0].Error(), "it has not restarted yet") {
		t.Errorf("%v", failed)
	}
	asked.Store(0)
	if err := c.Restart(within(t, patience), "under way"); err != nil || boots.Load() != 2 {
		t.Errorf("%v, after %d boots", err, boots.Load())
	}
	var exit *winrm.ExitError
	if err := c.Restart(within(t, patience), "exit 7"); !errors.As(err, &exit) || exit.Status != 7 {
		t.Error(err)
	}
}

// Requests go through a proxy where there is one.
func TestProxy(t *testing.T) {
	server := start(t, &winrmtest.Config{Password: "secret", NTLM: true, Exec: (&winrmtest.Guest{Dir: t.TempDir()}).Exec})
	var passed atomic.Int32
	behind := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { passed.Add(1) }, Transport: &http.Transport{MaxConnsPerHost: 1}}
	proxy := httptest.NewServer(behind)
	defer proxy.Close()
	at, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	config := login(server)
	config.Proxy, config.NTLM = http.ProxyURL(at), true
	if _, err := winrm.Dial(within(t, patience), config); err != nil {
		t.Error(err)
	}
	if passed.Load() == 0 {
		t.Error("nothing went through the proxy")
	}
}

// What is wrong with a configuration is said all at once.
func TestValidate(t *testing.T) {
	c := &winrm.Config{Addr: "host:0", Insecure: true, AttemptTimeout: -1, MaxAuthFailures: -1}
	err := c.Validate()
	for _, field := range []string{"Addr", "User", "Password", "Insecure", "AttemptTimeout", "MaxAuthFailures"} {
		if err == nil || !strings.Contains(err.Error(), "Config."+field) {
			t.Errorf("nothing of %s in: %v", field, err)
		}
	}
	if err := (&winrm.Config{Addr: "guest", User: "u", Password: "p"}).Validate(); err != nil {
		t.Error(err)
	}
	if (*winrm.Config)(nil).Validate() == nil {
		t.Error("nil is accepted")
	}
}

// An answer without end is cut, and said to be too long.
func TestLongAnswer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		piece := make([]byte, 64<<10)
		for range 160 { // 10 MiB
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	_, err := winrm.Dial(within(t, patience), &winrm.Config{Addr: server.Listener.Addr().String(), User: "root", Password: "secret"})
	if err == nil || !strings.Contains(err.Error(), "the answer has more than") {
		t.Error(err)
	}
}
