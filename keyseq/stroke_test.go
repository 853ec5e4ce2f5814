package keyseq

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// turnstile lets n strokes go at a time, and writes down when it is asked to
// drain. It fails at the call numbered fail, counted from 1.
type turnstile struct {
	n, calls, fail, flying int
	err                    error
	log                    *[]string
}

func (g *turnstile) Pace(_ context.Context, next []Stroke) (int, error) {
	if g.calls++; g.calls == g.fail {
		return 0, g.err
	}
	if len(next) == 0 {
		g.flying = 0
		*g.log = append(*g.log, "drain")
		return 0, nil
	}
	g.flying = min(g.n, len(next))
	return g.flying, nil
}

func (g *turnstile) Untaken() int { return g.flying }

// writes writes down each write whole.
func writes(log *[]string) func([]Event) error {
	return func(events []Event) error {
		var s []string
		for _, e := range events {
			s = append(s, e.String())
		}
		*log = append(*log, strings.Join(s, " "))
		return nil
	}
}

func TestPlayPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log []string
		p := Player{
			Keyboard: &recorder{}, Send: writes(&log), Pacer: &turnstile{n: 2, log: &log},
			Observe: func(p Progress) { log = append(log, fmt.Sprintf("%d/%d@%s", p.Index, p.Total, p.At)) },
		}
		if err := p.Play(t.Context(), mustParse(t, "aBc<wait><leftCtrlOn>d")); err != nil {
			t.Fatal(err)
		}
		want := []string{
			"+61 -61 +FFE1 +42 -42 -FFE1", "2/6@1:2", "+63 -63", "3/6@1:3",
			"drain", "4/6@1:4", "+FFE3 +64 -64", "6/6@1:22", "-FFE3", "drain",
		}
		if got := strings.Join(log, "|"); got != strings.Join(want, "|") {
			t.Errorf("got\n%s, want\n%s", got, strings.Join(want, "|"))
		}
	})
}

// More strokes than are made ahead come in their order, each once.
func TestPlayPacedLong(t *testing.T) {
	var log []string
	p := Player{Keyboard: &recorder{}, Send: writes(&log), Pacer: &turnstile{n: 7, log: &log}}
	in := strings.Repeat("abcdefghij", 100)
	if err := p.Play(t.Context(), text(in)); err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, e := range strings.Fields(strings.Join(log, " ")) {
		var r rune
		if n, _ := fmt.Sscanf(e, "+%x", &r); n == 1 {
			got.WriteRune(r)
		}
	}
	if got.String() != in {
		t.Errorf("%d characters arrived as %q", len(in), got.String())
	}
}

// A failure tells how much was sent and how much has certainly arrived, and
// leaves no key down.
func TestPlayPacedFails(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		name, in     string
		fail         int // the call of Pace that fails
		write        int // the write that fails
		index, taken int
		at, released string
	}{
		{"at the pacer", "<leftCtrlOn>abcdef", 3, 0, 4, 2, "1:16", "-FFE3"},
		{"at a write", "<leftCtrlOn>abcdef", 0, 2, 2, 2, "1:14", "-62 -63 -FFE3"},
		{"at the end", "abcd", 3, 0, 4, 2, "1:3", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log []string
			var k recorder
			n := 0
			p := Player{Keyboard: &k, Pacer: &turnstile{n: 2, fail: tt.fail, err: broken, log: &log}, Send: func([]Event) error {
				if n++; n == tt.write {
					return broken
				}
				return nil
			}}
			err := p.Play(t.Context(), mustParse(t, tt.in))
			var pe *PlayError
			if !errors.As(err, &pe) || !errors.Is(err, broken) {
				t.Fatal(err)
			}
			if pe.Index != tt.index || pe.Taken != tt.taken || pe.At.String() != tt.at {
				t.Errorf("index %d, taken %d at %s; want %d, %d at %s", pe.Index, pe.Taken, pe.At, tt.index, tt.taken, tt.at)
			}
			if got := k.String(); !sameKeys(got, tt.released) {
				t.Errorf("released %s, want %s", got, tt.released)
			}
		})
	}
}

func sameKeys(a, b string) bool {
	x, y := strings.Fields(a), strings.Fields(b)
	if len(x) != len(y) {
		return false
	}
	for _, k := range x {
		if !strings.Contains(b, k) {
			return false
		}
	}
	return true
}

func TestPlayPacedWithoutSend(t *testing.T) {
	var k recorder
	var log []string
	p := Player{Keyboard: &k, Pacer: &turnstile{n: 3, log: &log}}
	if err := p.Play(t.Context(), text("Ab")); err != nil {
		t.Fatal(err)
	}
	if want := "+FFE1 +41 -41 -FFE1 +62 -62"; k.String() != want {
		t.Errorf("%s, want %s", &k, want)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	<-ctx.Done()
	if err := p.Play(ctx, mustParse(t, "<wait>")); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
