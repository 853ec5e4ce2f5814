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

// recorder is a keyboard that writes down what it is told, and fails at the
// events numbered in fail, counted from 1.
type recorder struct {
	log  []string
	n    int
	fail map[int]error
}

func (r *recorder) Key(keysym uint32, code uint16, down bool) error {
	r.n++
	r.log = append(r.log, Event{Keysym: keysym, Code: code, Down: down}.String())
	return r.fail[r.n]
}

func (r *recorder) String() string { return strings.Join(r.log, " ") }

func mustParse(t testing.TB, s string) Sequence {
	t.Helper()
	seq, err := Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

func TestPlay(t *testing.T) {
	for _, tt := range []struct{ layout, in, want string }{
		{"us", "", ""},
		{"us", "<esc>Ab", "+FF1B -FF1B +FFE1 +41 -41 -FFE1 +62 -62"},
		{"us", "<leftCtrlOn>c<leftCtrlOff>", "+FFE3 +63 -63 -FFE3"},
		{"de", "ê", "+60 -60 +65 -65"},
		// Held keys are let go at the end, the last first.
		{"us", "<leftCtrlOn><leftAltOn><del>", "+FFE3 +FFE9 +FFFF -FFFF -FFE9 -FFE3"},
		{"us", "<AOn>", "+FFE1 +41 -41 -FFE1"},
		{"us", "<leftShiftOn>A", "+FFE1 +FFE1 +41 -41 -FFE1"},
		{"us", "<leftCtrlOff>", "-FFE3"},
	} {
		var k recorder
		p := Player{Keyboard: &k, Layout: layout(t, tt.layout)}
		if err := p.Play(t.Context(), mustParse(t, tt.in)); err != nil {
			t.Errorf("%q: %v", tt.in, err)
		}
		if got := k.String(); got != tt.want {
			t.Errorf("%q played as %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestPlaySendsCodes(t *testing.T) {
	var got []string
	p := Player{Layout: layout(t, "jp"), Keyboard: keyboardFunc(func(keysym uint32, code uint16, down bool) error {
		got = append(got, fmt.Sprintf("%X/%X/%v", keysym, code, down))
		return nil
	})}
	if err := p.Play(t.Context(), mustParse(t, "_<up>")); err != nil {
		t.Fatal(err)
	}
	want := []string{"FFE1/2A/true", "0/73/true", "0/73/false", "FFE1/2A/false", "FF52/C8/true", "FF52/C8/false"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

type keyboardFunc func(keysym uint32, code uint16, down bool) error

func (f keyboardFunc) Key(keysym uint32, code uint16, down bool) error { return f(keysym, code, down) }

func TestPlayChecksFirst(t *testing.T) {
	for _, tt := range []struct {
		layout, in, want string
		secret           bool
	}{
		{layout: "us", in: "aé\nb€", want: `keyseq: layout us cannot type 'é' at 1:2, '\n' at 1:3 (write <enter>), '€' at 2:2`},
		{layout: "us", in: "aé€", want: `keyseq: layout us cannot type the character at 1:2, the character at 1:3`, secret: true},
		{layout: "de", in: "<êOn>", want: `keyseq: layout de cannot type 'ê' at 1:1`},
		{layout: "us", in: strings.Repeat("é", 12), want: `keyseq: layout us cannot type 'é' at 1:1, 'é' at 1:2, 'é' at 1:3, 'é' at 1:4, 'é' at 1:5, 'é' at 1:6, 'é' at 1:7, 'é' at 1:8, 'é' at 1:9, 'é' at 1:10 and 2 more`},
	} {
		var k recorder
		p := Player{Keyboard: &k, Layout: layout(t, tt.layout), Secret: tt.secret}
		err := p.Play(t.Context(), mustParse(t, tt.in))
		var le *LayoutError
		if !errors.As(err, &le) || err.Error() != tt.want || k.n != 0 {
			t.Errorf("%q: %v, want %s; keys sent: %s", tt.in, err, tt.want, &k)
		}
	}
	p := Player{Keyboard: &recorder{}}
	if err := p.Play(t.Context(), press("bs", "nokey")); err == nil || !strings.Contains(err.Error(), `no key "nokey"`) {
		t.Errorf("a key that does not exist: %v", err)
	}
	if err := (&Player{}).Play(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "Player.Keyboard") {
		t.Errorf("no keyboard: %v", err)
	}
	k := recorder{}
	if err := (&Player{Keyboard: &k, Interval: -1}).Play(t.Context(), text("a")); err == nil || !strings.Contains(err.Error(), "Player.Interval") || k.n > 0 {
		t.Errorf("with an interval below 0: %v, %d events", err, k.n)
	}
}

func TestPlayObservesAndWaitsAtTheGate(t *testing.T) {
	var k recorder
	p := Player{
		Keyboard: &k,
		Layout:   layout(t, "de"),
		Gate:     func(context.Context) error { k.log = append(k.log, "|"); return nil },
		Observe: func(p Progress) {
			k.log = append(k.log, fmt.Sprintf("%d/%d@%s", p.Index, p.Total, p.At))
		},
	}
	if err := p.Play(t.Context(), mustParse(t, "Aê<wait1ns><bs*2><leftAltOn>")); err != nil {
		t.Fatal(err)
	}
	want := "+FFE1 +41 -41 -FFE1 | 1/6@1:1 +60 -60 +65 -65 | 2/6@1:2 3/6@1:3 +FF08 -FF08 | 4/6@1:12 +FF08 -FF08 | 5/6@1:12 +FFE9 | 6/6@1:18 -FFE9"
	if got := k.String(); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
}

func TestPlayKeepsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		start := time.Now()
		p := Player{Interval: 100 * time.Millisecond, Keyboard: keyboardFunc(func(uint32, uint16, bool) error {
			at = append(at, time.Since(start))
			return nil
		})}
		seq := mustParse(t, "a<wait5>B")
		if err := p.Play(t.Context(), seq); err != nil {
			t.Fatal(err)
		}
		const ms = time.Millisecond
		want := []time.Duration{0, 100 * ms, 5200 * ms, 5300 * ms, 5400 * ms, 5500 * ms}
		if d := cmp.Diff(want, at); d != "" {
			t.Errorf("times of the events (-want +got):\n%s", d)
		}
		if took, cost := time.Since(start), seq.Cost(nil, p.Interval); took != cost {
			t.Errorf("took %v, the cost is %v", took, cost)
		}
	})
}

// At an error nothing stays down, and both the cause and what went wrong in
// cleaning up are told.
func TestPlayFails(t *testing.T) {
	broken := errors.New("broken pipe")
	tests := []struct {
		name  string
		fail  map[int]error
		gate  int // the call that fails
		want  string
		index int
		at    string
	}{
		{"at a press", map[int]error{3: broken}, 0, "+FFE3 +FFE1 +41 -41 -FFE1 -FFE3", 1, "1:13"},
		{"at a release", map[int]error{4: broken}, 0, "+FFE3 +FFE1 +41 -41 -41 -FFE1 -FFE3", 1, "1:13"},
		{"always", map[int]error{1: broken, 2: broken}, 0, "+FFE3 -FFE3", 0, "1:1"},
		{"at the gate", nil, 2, "+FFE3 +FFE1 +41 -41 -FFE1 -FFE3", 1, "1:13"},
	}
	for _, tt := range tests {
		k := recorder{fail: tt.fail}
		gates := 0
		p := Player{Keyboard: &k, Gate: func(context.Context) error {
			if gates++; gates == tt.gate {
				return broken
			}
			return nil
		}}
		err := p.Play(t.Context(), mustParse(t, "<leftCtrlOn>A<enter>"))
		var pe *PlayError
		if !errors.As(err, &pe) || !errors.Is(err, broken) || pe.Index != tt.index || pe.At.String() != tt.at {
			t.Errorf("%s: %v", tt.name, err)
		}
		if got := k.String(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		if tt.name == "always" && !strings.Contains(err.Error(), "release the key of 1:1: broken pipe") {
			t.Errorf("%s: the failed release is not told: %v", tt.name, err)
		}
	}
}

func TestPlayStopsWithItsContext(t *testing.T) {
	cause := errors.New("the machine is gone")
	for name, in := range map[string]string{"in a wait": "<leftCtrlOn>a<wait1h>b", "in a character": "<leftCtrlOn>aB"} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			time.AfterFunc(4*time.Second+500*time.Millisecond, func() { cancel(cause) })
			start := time.Now()
			var k recorder
			p := Player{Keyboard: &k, Interval: time.Second}
			err := p.Play(ctx, mustParse(t, in))
			if took := time.Since(start); !errors.Is(err, cause) || took != 4500*time.Millisecond {
				t.Errorf("%s: after %v: %v", name, took, err)
			}
			want := map[string]string{"in a wait": "+FFE3 +61 -61 -FFE3", "in a character": "+FFE3 +61 -61 +FFE1 +42 -42 -FFE1 -FFE3"}[name]
			if got := k.String(); got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var k recorder
	if err := (&Player{Keyboard: &k}).Play(ctx, text("a")); !errors.Is(err, context.Canceled) || k.n != 0 {
		t.Errorf("a context that is done before: %v, keys %s", err, &k)
	}
}

// Real boot commands can be played, on us, without a line that is refused, and
// leave no key down.
func TestPlayCorpus(t *testing.T) {
	for _, l := range corpus(t) {
		down := map[uint32]int{}
		p := Player{Keyboard: keyboardFunc(func(keysym uint32, _ uint16, isDown bool) error {
			down[keysym]++
			if !isDown {
				delete(down, keysym)
			}
			return nil
		})}
		var seq Sequence
		for _, st := range mustParse(t, l.In) {
			if _, ok := st.(Wait); !ok {
				seq = append(seq, st)
			}
		}
		if err := p.Play(t.Context(), seq); err != nil || len(down) != 0 {
			t.Errorf("%s: %v; keys left down: %v", l.ID, err, down)
		}
	}
}

// What a wait is for is asked when the keys before it are out, in their order.
func TestPlayWaits(t *testing.T) {
	const src = `a<wait "boot:" row=-1><enter><wait still 500ms 3s><leftCtrlOn><wait change><wait fetch "/x">b`
	want := []string{"+61", "-61", `<wait "boot:" row=-1>`, "+FF0D", "-FF0D", "<wait still 500ms 3s>", "+FFE3", "<wait change>", `<wait fetch "/x">`, "+62", "-62", "-FFE3"}
	for _, name := range []string{"gate", "pacer"} {
		t.Run(name, func(t *testing.T) {
			var k recorder
			p := Player{Keyboard: &k}
			taken := 0 // of the log
			p.Gate = func(context.Context) error { taken = len(k.log); return nil }
			if name == "pacer" {
				p.Gate, p.Pacer = nil, pacerFunc(func(_ context.Context, next []Stroke) (int, error) {
					if len(next) == 0 {
						taken = len(k.log)
					}
					return min(1, len(next)), nil
				})
			}
			p.Wait = func(ctx context.Context, w WaitFor) error {
				if taken != len(k.log) {
					t.Errorf("%s is waited for when %d of %d events are taken", w, taken, len(k.log))
				}
				if _, limited := ctx.Deadline(); limited != (w.Limit != 0) {
					t.Errorf("%s: a limit: %v", w, limited)
				}
				k.log = append(k.log, w.String())
				taken = len(k.log)
				return nil
			}
			var last Progress
			p.Observe = func(p Progress) { last = p }
			if err := p.Play(t.Context(), mustParse(t, src)); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, k.log); d != "" || last.Index != 8 || last.Total != 8 {
				t.Errorf("%+v (-want +got):\n%s", last, d)
			}
		})
	}
}

// pacerFunc is a Pacer whose guest has taken all that was sent.
type pacerFunc func(ctx context.Context, next []Stroke) (int, error)

func (f pacerFunc) Pace(ctx context.Context, next []Stroke) (int, error) { return f(ctx, next) }
func (pacerFunc) Untaken() int                                           { return 0 }

func TestPlayWaitsFail(t *testing.T) {
	var k recorder
	p := Player{Keyboard: &k}
	err := p.Play(t.Context(), mustParse(t, `a<wait "boot:" 5s>`))
	if err == nil || err.Error() != `keyseq: play 1:2: nobody can tell when <wait "boot:" 5s> is over; set Player.Wait` || k.n != 0 {
		t.Errorf("%v, after %d events", err, k.n)
	}
	for _, w := range []WaitFor{{}, {Fact: Shows{Pattern: "("}}, {Fact: Shows{}}, {Fact: Shows{Pattern: "x", In: Region{Width: -1}}}, {Fact: Still{}},
		{Fact: Fetched{}}, {Fact: Changed{}, Limit: -1}} {
		p.Wait = func(context.Context, WaitFor) error { t.Errorf("%v was waited for", w); return nil }
		if err := p.Play(t.Context(), append(text("a"), w)); err == nil || k.n != 0 {
			t.Errorf("%+v: %v, after %d events", w, err, k.n)
		}
	}
}

// The limit of a wait ends it alone, and says so.
func TestPlayWaitLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var k recorder
		p := Player{Keyboard: &k, Wait: func(ctx context.Context, _ WaitFor) error { <-ctx.Done(); return context.Cause(ctx) }}
		began := time.Now()
		err := p.Play(t.Context(), mustParse(t, `<leftCtrlOn><wait "boot:" 5s>b`))
		want := `keyseq: play 1:13, after 1 keys and waits: <wait "boot:" 5s> is not so within 5s`
		var e *PlayError
		if err == nil || err.Error() != want || !errors.As(err, &e) || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if k.String() != "+FFE3 -FFE3" {
			t.Errorf("events %s", &k)
		}
	})
}
