package main

import (
	"context"
	"errors"
	"image"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/httpserve"
	"github.com/bootscribe/bootscribe/keyseq"
	"github.com/bootscribe/bootscribe/vnc"
	"github.com/bootscribe/bootscribe/vnc/vnctest"
)

// TestCommand looks that the boot command means what it says, with the first
// and the longest URL that may come.
func TestCommand(t *testing.T) {
	for _, url := range []string{"http://10.0.2.2:8000", "http://[2001:db8::ffff:ffff:ffff]:65535"} {
		for _, f := range keyseq.Lint(command(url), nil) {
			t.Errorf("%s: %v", url, f)
		}
		if n := len(command(url)); n > 255 {
			t.Errorf("%s: %d characters; the prompt takes 255", url, n)
		}
	}
}

// machine is a VNC server that behaves as a PC with a boot menu does.
type machine struct {
	*vnctest.Server
	asks string // the path that its installer asks for, if not the one that was typed
}

func newMachine(t *testing.T, cfg vnctest.Config) *machine {
	t.Helper()
	m := &machine{}
	cfg.OnKey = m.key
	if cfg.Screen == nil {
		cfg.Screen = screen(480)
	}
	server, err := vnctest.NewServer(&cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	m.Server = server
	return m
}

// key shows the prompt when the menu is left, and after Enter fetches what the
// boot command says.
func (m *machine) key(s *vnctest.Server, k vnctest.Key) {
	typed := s.Typed()
	if typed == "<esc>" && k.Down {
		s.SetScreen(screen(400))
	}
	if _, url, ok := strings.Cut(typed, "url="); ok && k.Down && strings.HasSuffix(url, "<enter>") {
		url = strings.TrimSuffix(url, "<enter>")
		if m.asks != "" {
			url = url[:strings.LastIndex(url, "/")] + m.asks
		}
		if response, err := http.Get(url); err == nil {
			_ = response.Body.Close()
		}
	}
}

// screen returns a screen of a height. It is narrow, since only that counts.
func screen(height int) image.Image {
	return image.NewGray(image.Rect(0, 0, 16, height))
}

// try runs the sequence on a machine.
func try(ctx context.Context, t *testing.T, m *machine, say func(string)) error {
	t.Helper()
	files, err := httpserve.Start(ctx, "", &httpserve.Config{Files: httpserve.Text{answerFile: "d-i …\n"}})
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	conn, err := vnc.Dial(ctx, m.Network(), m.Addr(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s := sequence{Conn: conn, Files: files, URL: files.URL(), Say: say}
	err = s.Run(ctx)
	if want := "<esc>" + command(files.URL()); err == nil && m.Typed() != want {
		t.Errorf("typed %q, want %q", m.Typed(), want)
	}
	return err
}

func TestRun(t *testing.T) {
	for name, cfg := range map[string]vnctest.Config{
		"like QEMU":           {},
		"keysyms and no more": {Plain: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := try(t.Context(), t, newMachine(t, cfg), nil); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestMenuNeverComes looks that nothing is typed where there is no menu.
func TestMenuNeverComes(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 3*still)
	defer cancel()
	m := newMachine(t, vnctest.Config{Screen: screen(400)})
	err := try(ctx, t, m, nil)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "boot menu") {
		t.Errorf("got %v, want that it waited for the boot menu", err)
	}
	if typed := m.Typed(); typed != "" {
		t.Errorf("typed %q", typed)
	}
}

// TestWrongFile looks that the error names what the installer asked for.
func TestWrongFile(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	m := newMachine(t, vnctest.Config{})
	m.asks = "/d-i/bookworm/preseed.cfg"
	err := try(ctx, t, m, func(what string) {
		if what == "waiting for the installer" {
			time.AfterFunc(still, cancel)
		}
	})
	if err == nil || !strings.Contains(err.Error(), m.asks) {
		t.Errorf("got %v, want the path that was asked for", err)
	}
}

// TestLostMachine looks that a machine which goes away is told at once, with
// the place in the boot command.
func TestLostMachine(t *testing.T) {
	t.Parallel()
	err := try(t.Context(), t, newMachine(t, vnctest.Config{CloseAfter: 20}), nil)
	var stopped *keyseq.PlayError
	if !errors.As(err, &stopped) {
		t.Fatalf("got %v, want a *keyseq.PlayError", err)
	}
	if stopped.At.Column == 1 {
		t.Errorf("got %v, want a place inside the command", err)
	}
}
