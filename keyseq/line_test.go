package keyseq

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// playLine returns what a sequence sends, each write in quotes.
func playLine(t *testing.T, in string) (string, error) {
	t.Helper()
	var sent []string
	l := Line{
		Send: func(_ context.Context, taps []Tap) error {
			var b []byte
			for _, tap := range taps {
				b = append(b, tap.Bytes...)
			}
			sent = append(sent, fmt.Sprintf("%q", b))
			return nil
		},
		Wait: func(_ context.Context, w WaitFor) error {
			sent = append(sent, w.String())
			return nil
		},
	}
	err := l.Play(t.Context(), mustParse(t, in))
	return strings.Join(sent, " "), err
}

func TestLine(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"root<enter>", `"root" "\r"`},
		{"Ä€", `"Ä€"`},
		{"0123456789abcdefg", `"0123456789abcdef" "g"`},
		{"a<lt>b<gt><spacebar>", `"a<b> "`},
		{"<esc><tab><bs*2><return>", `"\x1b" "\t" "\x7f" "\x7f" "\r"`},
		{"<up><down><right><left><home><end>", `"\x1b[A" "\x1b[B" "\x1b[C" "\x1b[D" "\x1b[H" "\x1b[F"`},
		{"<insert><del><PAGEUP><pageDown>", `"\x1b[2~" "\x1b[3~" "\x1b[5~" "\x1b[6~"`},
		{"<f1><f5><f12><f20>", `"\x1bOP" "\x1b[15~" "\x1b[24~" "\x1b[34~"`},
		{"<leftCtrlOn>c<leftCtrlOff>c", `"\x03" "c"`},
		{"<rightCtrlOn>A@[ ?<rightCtrlOff>", `"\x01" "\x00" "\x1b" "\x00" "\x7f"`},
		{"<leftCtrlOn><cOn><cOff><leftCtrlOff>", `"\x03"`},
		{"<leftAltOn>b<enter><leftAltOff>b", `"\x1bb" "\x1b\r" "b"`},
		{"<leftShiftOn>aB!<tab><leftShiftOff>a", `"AB!" "\x1b[Z" "a"`},
		{`a<wait "login:" 5s>b<wait fetch "/x">`, `"a" <wait "login:" 5s> "b" <wait fetch "/x">`},
	} {
		if got, err := playLine(t, tt.in); err != nil || got != tt.want {
			t.Errorf("%q sends %s, want %s; %v", tt.in, got, tt.want, err)
		}
	}
}

// What a line cannot type is found before the first byte.
func TestLineCheck(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"a\nb", `keyseq: check 1:2: '\n' is no text; write <enter>`},
		{"a\x01", `keyseq: check 1:2: '\x01' is no text`},
		{"a<leftSuper>", "keyseq: check 1:2: <leftSuper> has no bytes on a line; type it on the keyboard, or leave it out"},
		{"<leftCtrl>", "keyseq: check 1:1: <leftCtrl> has no bytes on a line; type it on the keyboard, or leave it out"},
		{"<altGrOn>q", "keyseq: check 1:1: <altGr> has no bytes on a line; type it on the keyboard, or leave it out"},
		{"<leftCtrlOn>1", `keyseq: check 1:13: Ctrl with '1' has no byte; letters and @ [ \ ] ^ _ ? have`},
		{"<leftCtrlOn><up>", "keyseq: check 1:13: <up> with Ctrl or Shift has no bytes on a line; type it alone"},
		{"<leftShiftOn>1", "keyseq: check 1:14: Shift with '1' is another character on each keyboard; write that one"},
		{`<wait "x" row=-1>`, `keyseq: check 1:1: <wait "x" row=-1>: a line has no rows and columns; leave out row=-1`},
		{"<f24><menu>", "keyseq: check 1:1: <f24> has no bytes on a line; type it on the keyboard, or leave it out\nkeyseq: check 1:6: <menu> has no bytes on a line; type it on the keyboard, or leave it out"},
	} {
		got, err := playLine(t, tt.in)
		var le *LineError
		if err == nil || err.Error() != tt.want || got != "" || !errors.As(err, &le) {
			t.Errorf("%q: %v, want %s; sent %s", tt.in, err, tt.want, got)
		}
	}
	l := Line{Secret: true, Send: func(context.Context, []Tap) error { t.Error("sent"); return nil }}
	if err := l.Play(t.Context(), mustParse(t, "<leftCtrlOn>1")); err == nil || strings.Contains(err.Error(), "'1'") {
		t.Errorf("a secret: %v", err)
	}
	if err := l.Play(t.Context(), mustParse(t, `<wait "x">`)); err == nil || !strings.Contains(err.Error(), "Wait") {
		t.Errorf("a wait that nobody does: %v", err)
	}
	if err := press("nokey").CheckLine(); err == nil || !strings.Contains(err.Error(), `no key "nokey"`) {
		t.Errorf("a key that does not exist: %v", err)
	}
}

func TestLineFails(t *testing.T) {
	broken := errors.New("broken pipe")
	synctest.Test(t, func(t *testing.T) {
		var seen []Progress
		l := Line{
			Send: func(_ context.Context, taps []Tap) error {
				if string(taps[0].Bytes) == "\r" {
					return broken
				}
				return nil
			},
			Observe: func(p Progress) { seen = append(seen, p) },
		}
		began := time.Now()
		err := l.Play(t.Context(), mustParse(t, "ab<wait5><enter>"))
		var pe *PlayError
		if !errors.As(err, &pe) || !errors.Is(err, broken) || pe.Index != 3 || pe.At.String() != "1:10" || time.Since(began) != 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		want := []Progress{{2, 4, Pos{1, 1, 2}}, {3, 4, Pos{2, 1, 3}}}
		if d := cmp.Diff(want, seen); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	})
}

// Whatever can be parsed either is refused or sends something for each key.
func FuzzLine(f *testing.F) {
	for _, s := range []string{"a<enter>", "<leftCtrlOn>c", "<wait5>x", "<leftShiftOn><tab>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		seq, err := Parse(s)
		if err != nil {
			return
		}
		atoms, err := seq.lineAtoms(false)
		for _, a := range atoms {
			if err == nil && len(a.Bytes) == 0 && a.wait == 0 && a.fact.Fact == nil {
				t.Errorf("%q: nothing at %s", s, a.At)
			}
		}
	})
}
