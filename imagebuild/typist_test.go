package imagebuild_test

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/keyseq"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/vnc"
)

// keyReader is a machine with a KeyRead guest, and what watches it.
type keyReader struct {
	*imagebuild.Typist
	t     testing.TB
	dir   string
	modes []imagebuild.Typing
	typed []imagebuild.Typed
}

func readKeys(t testing.TB, sector []byte, change func(*qemu.Config)) *keyReader {
	t.Helper()
	need.Tool(t, "qemu-system-x86_64")
	c := &qemu.Config{Accel: qemu.TCG, Memory: 32, Disks: []qemu.Disk{{Path: guest.Disk(t, sector), Format: "raw"}}}
	c.NoSandbox = true // it reads memory by writing a file
	if change != nil {
		change(c)
	}
	vm, err := qemu.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vm.Close() })
	nc, err := vm.VNC(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := vnc.NewConn(t.Context(), nc, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	k := &keyReader{t: t, dir: t.TempDir()}
	k.Typist = &imagebuild.Typist{VM: vm, VNC: conn, Observe: k.observe}
	k.ready()
	return k
}

func (k *keyReader) observe(e imagebuild.Event) {
	switch e := e.(type) {
	case imagebuild.Typing:
		k.modes = append(k.modes, e)
	case imagebuild.Typed:
		k.typed = append(k.typed, e)
	}
}

// memory reads the guest's memory, by a file.
func (k *keyReader) memory(at, n int) []byte {
	k.t.Helper()
	path := filepath.Join(k.dir, "memory")
	args := map[string]any{"val": at, "size": n, "filename": path}
	if err := k.VM.QMP().Execute(context.Background(), "pmemsave", args, nil); err != nil {
		k.t.Fatal(err)
	}
	m, err := os.ReadFile(path)
	if err != nil {
		k.t.Fatal(err)
	}
	return m
}

// ready waits until the guest reads keys.
func (k *keyReader) ready() {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if binary.LittleEndian.Uint16(k.memory(0x7dfe, 2)) == 0xaa55 && k.count() == 0 {
			return
		}
	}
	k.t.Fatal("the guest does not start")
}

func (k *keyReader) count() int {
	return int(binary.LittleEndian.Uint16(k.memory(guest.KeyReadCount, 2)))
}

// text returns all that the guest has read, once that is n characters: the last
// key is out of the ring a moment before it is stored.
func (k *keyReader) text(n int) string {
	k.t.Helper()
	k.until(func() bool { return k.count() >= n })
	return string(k.memory(guest.KeyReadBuffer, max(k.count(), 1)))
}

// until waits for a fact, but not for ever: the test says what is wrong.
func (k *keyReader) until(fact func() bool) {
	for deadline := time.Now().Add(20 * time.Second); !fact() && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
}

// printable returns n random characters of printable ASCII.
func printable(n int) string {
	r := rand.New(rand.NewPCG(7, uint64(n)))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(' ' + r.IntN(95))
	}
	return string(b)
}

func typing(text string) keyseq.Sequence { return keyseq.Sequence{keyseq.Text{Text: text}} }

// Every character arrives once and in its order, at the speed of the guest;
// with all of them sent at once most are lost.
func TestTypistBIOS(t *testing.T) {
	t.Parallel()
	k := readKeys(t, guest.KeyRead(0, false), nil)
	text := printable(1000)
	start := time.Now()
	if err := k.Play(t.Context(), typing(text), nil); err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	if got := k.text(len(text)); got != text {
		t.Errorf("%d characters arrived of %d", len(got), len(text))
	}
	if len(k.modes) != 1 || k.modes[0].Mode != qemu.ModeBIOS {
		t.Errorf("modes: %+v", k.modes)
	}
	t.Logf("%.0f characters a second", float64(len(text))/took.Seconds())

	burst := keyseq.Player{Keyboard: k.VNC}
	before := k.count()
	if err := burst.Play(t.Context(), typing(strings.Repeat("x", 200))); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second) // for what may still come, as it does when nothing is lost
	if got := k.count() - before; got >= 200 {
		t.Errorf("all of %d keys arrive also without a pace: the test proves nothing", got)
	}
}

// A machine that is stopped only holds the typing: what it threw away while it
// stood still comes after, and nothing overtakes it.
func TestTypistPaused(t *testing.T) {
	t.Parallel()
	k := readKeys(t, guest.KeyRead(500, true), nil)
	text := printable(400)
	ctx, cancel := context.WithCancel(t.Context())
	var pausing sync.WaitGroup
	pausing.Go(func() {
		for ctx.Err() == nil {
			for _, command := range []string{"stop", "cont"} {
				if err := k.VM.QMP().Execute(context.Background(), command, nil, nil); err != nil {
					t.Error(err)
				}
				time.Sleep(60 * time.Millisecond)
			}
		}
	})
	err := k.Play(t.Context(), typing(text), nil)
	cancel()
	pausing.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if got := k.text(len(text)); got != text {
		t.Errorf("%d characters arrived of %d:\n%q, want\n%q", len(got), len(text), got, text)
	}
}

// When the connection breaks, the error says how much has arrived.
func TestTypistDisconnected(t *testing.T) {
	t.Parallel()
	k := readKeys(t, guest.KeyRead(2000, true), nil)
	text := printable(400)
	go func() {
		for k.VNC.KeysSent() < 300 && k.VNC.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		k.VNC.Close()
	}()
	err := k.Play(t.Context(), typing(text), nil)
	var pe *keyseq.PlayError
	if !errors.As(err, &pe) {
		t.Fatal(err)
	}
	got := k.text(pe.Taken)
	if !strings.HasPrefix(text, got) || len(got) < pe.Taken || pe.Taken < pe.Index-20 || pe.Taken == 0 {
		t.Errorf("%d characters have arrived, and %v", len(got), err)
	}
}

// Ctrl is released whatever ends the typing, and a keyboard that was added by
// the user is typed on.
func TestTypistHeldKeys(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		args []qemu.ArgEdit
	}{
		{"ps2", nil},
		{"usb", []qemu.ArgEdit{{Op: qemu.ArgAdd, Option: "-device", Value: "piix3-usb-uhci"}, {Op: qemu.ArgAdd, Option: "-device", Value: "usb-kbd"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k := readKeys(t, guest.KeyRead(0, true), func(c *qemu.Config) { c.Args = tt.args })
			seq, err := keyseq.Parse("<leftCtrlOn>c<leftCtrlOff>Ab<f1><leftAltOn>x<leftAltOff><capsLock>Ab<capsLock>Ab<leftCtrlOn>")
			if err != nil {
				t.Fatal(err)
			}
			if err := k.Play(t.Context(), seq, nil); err != nil {
				t.Fatal(err)
			}
			want := "\x03Ab\x00\x00aBAb"
			if got := k.text(len(want)); got != want {
				t.Errorf("got %q, want %q; modes %+v", got, want, k.modes)
			}
			seq, err = keyseq.Parse("<leftCtrlOn>c<wait1h>")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			if err := k.Play(ctx, seq, nil); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			held := func() byte { return k.memory(0x417, 1)[0] & 0x0f }
			if k.until(func() bool { return held() == 0 }); held() != 0 {
				t.Errorf("the BIOS's modifiers are %#x in the end", held())
			}
		})
	}
}
