package imagebuild_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/keyseq"
	"github.com/bootscribe/bootscribe/qemu"
)

// A stopped machine drops the release of a key that is held when the typing ends:
// it is released when the machine runs again, and else an error says so.
func TestTypistReleasesStopped(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		cont bool
	}{{"runs again", true}, {"stays stopped", false}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k := readKeys(t, guest.KeyRead(0, true), nil)
			err := k.stopMidway(tt.cont)
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			if !tt.cont {
				if !strings.Contains(err.Error(), "key down") {
					t.Errorf("the error does not tell of the key: %v", err)
				}
				return
			}
			held := func() byte { return k.memory(0x417, 1)[0] & 0x0f }
			if k.until(func() bool { return held() == 0 }); held() != 0 {
				t.Errorf("the BIOS's modifiers are %#x in the end", held())
			}
		})
	}
}

// stopMidway types with Ctrl held, stops the machine when some is typed, and then
// cancels; the machine runs on a moment later, or not at all.
func (k *keyReader) stopMidway(cont bool) error {
	execute := func(command string) {
		if err := k.VM.QMP().Execute(context.Background(), command, nil, nil); err != nil {
			k.t.Error(err)
		}
	}
	ctx, cancel := context.WithCancel(k.t.Context())
	defer cancel()
	stopped := make(chan struct{})
	k.Observe = func(e imagebuild.Event) {
		if typed, ok := e.(imagebuild.Typed); !ok || typed.Progress.Index < 4 || ctx.Err() != nil {
			return
		}
		execute("stop")
		cancel()
		go func() {
			defer close(stopped)
			if cont {
				time.Sleep(500 * time.Millisecond)
				execute("cont")
			}
		}()
	}
	seq, err := keyseq.Parse("<leftCtrlOn>" + strings.Repeat("abc", 100))
	if err != nil {
		k.t.Fatal(err)
	}
	err = k.Play(ctx, seq, nil)
	<-stopped
	return err
}

// What is wrong is said before the first key, with the field and the remedy.
func TestTypistOptions(t *testing.T) {
	t.Parallel()
	k := readKeys(t, guest.KeyRead(0, true), nil)
	before := k.VNC.KeysSent()
	alone := &imagebuild.Typist{VNC: k.VNC}
	for _, tt := range []struct {
		typist *imagebuild.Typist
		o      imagebuild.TypeOptions
		want   string
	}{
		{&imagebuild.Typist{VM: k.VM}, imagebuild.TypeOptions{}, "Typist.VNC"},
		{k.Typist, imagebuild.TypeOptions{Interval: -1}, "TypeOptions.Interval"},
		{k.Typist, imagebuild.TypeOptions{Patience: -1}, "TypeOptions.Patience"},
		{alone, imagebuild.TypeOptions{Patience: -1}, "TypeOptions.Patience"},
		{k.Typist, imagebuild.TypeOptions{Mode: "telepathy"}, `"ps2-status"`},
		{k.Typist, imagebuild.TypeOptions{Mode: imagebuild.ModeEcho}, "Typist.VM is set"},
		{alone, imagebuild.TypeOptions{Mode: qemu.ModeBIOS}, "Typist.VM is nil"},
	} {
		err := tt.typist.Play(t.Context(), keyseq.Sequence{keyseq.Text{Text: "a"}}, &tt.o)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: error %v, want %s", tt.o, err, tt.want)
		}
	}
	if n := k.VNC.KeysSent() - before; n > 0 {
		t.Errorf("%d keys were sent", n)
	}
}
