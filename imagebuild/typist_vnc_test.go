package imagebuild_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/keyseq"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/vnc/vnctest"
)

func parsed(t *testing.T, command string) keyseq.Sequence {
	t.Helper()
	seq, err := keyseq.Parse(command)
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

// What is typed is read back from the screen, over the ends of rows and while
// they move up.
func TestTypistEcho(t *testing.T) {
	t.Parallel()
	for _, fold := range []int{0, 30, 40} {
		t.Run(fmt.Sprint(fold), func(t *testing.T) {
			t.Parallel()
			m := &terminal{fold: fold}
			k, _ := m.attach(t, vnctest.Config{})
			text := "first  some   spaces " + printable(200)
			if err := k.Play(t.Context(), typing(text), &imagebuild.TypeOptions{Mode: imagebuild.ModeEcho}); err != nil {
				t.Fatal(err)
			}
			if got := m.arrived(); got != text || k.used() != "echo " {
				t.Errorf("arrived: %q, modes %v", got, k.modes)
			}
		})
	}
}

// After a wait the screen may be another one.
func TestTypistEchoNewScreen(t *testing.T) {
	t.Parallel()
	m := &terminal{menu: '!'}
	k, srv := m.attach(t, vnctest.Config{})
	o := &imagebuild.TypeOptions{Mode: imagebuild.ModeEcho}
	if err := k.Play(t.Context(), parsed(t, "abc<wait10ms>"), o); err != nil {
		t.Fatal(err)
	}
	k.Wait = func(context.Context, keyseq.WaitFor) error {
		m.key(srv, vnctest.Key{Keysym: '!', Down: true})
		return nil
	}
	if err := k.Play(t.Context(), parsed(t, `def<wait "> ">ghijk`), o); err != nil {
		t.Fatal(err)
	}
	if got := m.arrived(); got != "abcdef!ghijk" {
		t.Errorf("arrived: %q", got)
	}
}

// A character that is missing or another one is an error with its place.
func TestTypistEchoWrong(t *testing.T) {
	t.Parallel()
	text := "There is a zebra in the yard and it eats what it finds."
	for _, tt := range []struct {
		name string
		fate func(n int, r rune) rune
		want error
		say  string
		at   int
	}{
		{"lost", func(n int, r rune) rune {
			if n == 25 {
				return 0
			}
			return r
		}, qemu.ErrKeysLost, "", 25},
		{"space", func(n int, r rune) rune {
			if n == 28 {
				return 0
			}
			return r
		}, qemu.ErrKeysLost, "spaces", 28},
		{"layout", func(_ int, r rune) rune {
			switch r {
			case 'z':
				return 'y'
			case 'y':
				return 'z'
			}
			return r
		}, qemu.ErrForeignKeys, "'z' was typed and the screen shows 'y'", 11},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := &terminal{fate: tt.fate}
			k, _ := m.attach(t, vnctest.Config{})
			err := k.Play(t.Context(), typing(text), &imagebuild.TypeOptions{Mode: imagebuild.ModeEcho})
			var pe *keyseq.PlayError
			if !errors.Is(err, tt.want) || !errors.As(err, &pe) || !strings.Contains(err.Error(), tt.say) {
				t.Fatal(err)
			}
			if pe.Taken > tt.at || pe.Taken < tt.at-7 || pe.Index-pe.Taken > 7 || len(m.arrived()) != pe.Index {
				t.Errorf("%d arrived: %v", len(m.arrived()), err)
			}
		})
	}
}

// A screen that shows nothing more is waited for, and never typed on blindly.
func TestTypistEchoStalls(t *testing.T) {
	t.Parallel()
	m := &terminal{fate: func(n int, r rune) rune {
		if n >= 30 {
			return 0
		}
		return r
	}}
	k, _ := m.attach(t, vnctest.Config{})
	err := k.Play(t.Context(), typing(strings.Repeat("Never mind. ", 10)), &imagebuild.TypeOptions{Patience: 8 * time.Second, Mode: imagebuild.ModeEcho})
	var pe *keyseq.PlayError
	if !errors.Is(err, qemu.ErrKeysStalled) || !errors.As(err, &pe) || pe.Taken > 30 || pe.Index > pe.Taken+7 {
		t.Error(err)
	}
}

// Where nothing is echoed the lights tell, and without lights time must do; the
// next line may be seen again.
func TestTypistFallsBack(t *testing.T) {
	t.Parallel()
	hidden := func(n int, r rune) rune { // "secret"
		if n >= 4 && n < 10 {
			return 0
		}
		return r
	}
	for _, tt := range []struct {
		name   string
		dark   bool
		plain  bool
		secret bool
		want   string
	}{
		{"lights", false, false, false, "echo leds echo leds echo leds "},
		{"dark", true, false, false, "echo interval echo interval echo interval "},
		{"plain", false, true, false, "echo interval echo interval echo interval "},
		{"secret", false, false, true, "leds "},
		{"plain and secret", false, true, true, "interval "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := &terminal{dark: tt.dark, fate: hidden}
			k, srv := m.attach(t, vnctest.Config{Plain: tt.plain})
			err := k.Play(t.Context(), parsed(t, "root<enter>secret<enter>ls -l<enter>"), &imagebuild.TypeOptions{Secret: tt.secret})
			if err != nil {
				t.Fatal(err)
			}
			if got := m.arrived(); got != "rootsecretls -l" || k.used() != tt.want {
				t.Errorf("arrived: %q, modes %+v", got, k.modes)
			}
			if n := strings.Count(srv.Typed(), "<numLock>"); n%2 != 0 {
				t.Errorf("Num Lock was pressed %d times", n)
			}
			if told := fmt.Sprint(k.modes); strings.Contains(told, "root") {
				t.Errorf("the events tell what was typed: %s", told)
			}
		})
	}
}

// Where the screen does not tell who reads the keys, the lights make nothing
// faster: one key goes at a time.
func TestTypistLightsAlone(t *testing.T) {
	t.Parallel()
	for _, strange := range []bool{false, true} {
		m := &terminal{strange: strange}
		k, srv := m.attach(t, vnctest.Config{})
		text := "not to be seen"
		if err := k.Play(t.Context(), typing(text), &imagebuild.TypeOptions{Secret: true}); err != nil {
			t.Fatal(err)
		}
		taps := strings.Count(srv.Typed(), "<numLock>")
		if got := m.arrived(); got != text || k.used() != "leds " || strange != (taps >= len(text)) {
			t.Errorf("strange %v: arrived: %q, modes %+v, %d times Num Lock", strange, got, k.modes, taps)
		}
	}
}

// When the connection breaks the error says how much has arrived.
func TestTypistEchoDisconnected(t *testing.T) {
	t.Parallel()
	m := &terminal{}
	k, _ := m.attach(t, vnctest.Config{CloseAfter: 100})
	text := printable(400)
	err := k.Play(t.Context(), typing(text), nil)
	var pe *keyseq.PlayError
	if !errors.As(err, &pe) {
		t.Fatal(err)
	}
	if n := len(m.arrived()); pe.Taken > n || pe.Index < n || pe.Index-pe.Taken > 7 {
		t.Errorf("%d have arrived, and %v", n, err)
	}
}

// What is held is released, and Num Lock is as before, also when the typing is
// cancelled.
func TestTypistPlainCancelled(t *testing.T) {
	t.Parallel()
	m := &terminal{}
	k, srv := m.attach(t, vnctest.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		for m.arrived() == "" && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
	}()
	if err := k.Play(ctx, parsed(t, "<leftCtrlOn>c<wait1h>"), nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for try := 0; try < 1000 && len(stuck(srv.Keys())) > 0; try++ {
		time.Sleep(10 * time.Millisecond) // the last keys are on their way
	}
	if codes := stuck(srv.Keys()); len(codes) > 0 {
		t.Errorf("the keys %#x are still down", codes)
	}
	if n := strings.Count(srv.Typed(), "<numLock>"); n%2 != 0 || n == 0 { // each was answered
		t.Errorf("Num Lock was pressed %d times", n)
	}
}

// An interval that was asked for is told.
func TestTypistPlainInterval(t *testing.T) {
	t.Parallel()
	m := &terminal{}
	k, srv := m.attach(t, vnctest.Config{})
	if err := k.Play(t.Context(), typing("xyz"), &imagebuild.TypeOptions{Interval: time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	if err := srv.WaitTyped(t.Context(), "xyz"); err != nil || len(k.modes) != 1 || !strings.Contains(k.modes[0].Reason, "1ms") {
		t.Errorf("%+v, %v", k.modes, err)
	}
}

// What cannot be done without the machine is said, with what can.
func TestTypistPlainMode(t *testing.T) {
	t.Parallel()
	m := &terminal{}
	k, srv := m.attach(t, vnctest.Config{})
	err := k.Play(t.Context(), typing("x"), &imagebuild.TypeOptions{Mode: qemu.ModeBIOS})
	if err == nil || !strings.Contains(err.Error(), "Typist.VM") || len(srv.Keys()) > 0 {
		t.Error(err)
	}
}

// stuck returns the codes of the keys that are down.
func stuck(keys []vnctest.Key) []uint16 {
	var codes []uint16
	for _, k := range keys {
		codes = slices.DeleteFunc(codes, func(c uint16) bool { return c == k.Code })
		if k.Down {
			codes = append(codes, k.Code)
		}
	}
	return codes
}
