package qemu

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/internal/guest"
)

// usStroke is a character typed on a US keyboard.
func usStroke(c byte) Stroke {
	for shift, row := range usKeys {
		for code, have := range row {
			if have != c || code == 0 || code == 0x37 {
				continue
			}
			key := Stroke{{uint16(code), true}, {uint16(code), false}}
			if shift == 1 {
				key = Stroke{{codeLeftShift, true}, key[0], key[1], {codeLeftShift, false}}
			}
			return key
		}
	}
	panic("no key types " + string(rune(c)))
}

func usStrokes(text string) []Stroke {
	var s []Stroke
	for i := range len(text) {
		s = append(s, usStroke(text[i]))
	}
	return s
}

// randomText returns printable ASCII.
func randomText(n int) string {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(' ' + r.IntN(95))
	}
	return string(b)
}

// input sends keys through QMP, past all queues but that of the keyboard.
func (vm *VM) inputKeys(ctx context.Context, keys []Key) error {
	var events []any
	for _, k := range keys {
		events = append(events, map[string]any{"type": "key", "data": map[string]any{
			"down": k.Down, "key": map[string]any{"type": "number", "data": k.Code}}})
	}
	return vm.qmp.Execute(ctx, "input-send-event", map[string]any{"events": events}, nil)
}

// typist types strokes at the pace of a Pacer. modes gets the modes it used.
type typist struct {
	vm    *VM
	p     *Pacer
	modes []Mode
	why   []string
}

func newTypist(t testing.TB, vm *VM, c PacerConfig) *typist {
	ty := &typist{vm: vm}
	ctx := context.Background()
	c.Send = func(keys []Key) error { return vm.inputKeys(ctx, keys) }
	c.Observe = func(m Mode, why string) { ty.modes, ty.why = append(ty.modes, m), append(ty.why, why) }
	var err error
	if ty.p, err = vm.NewPacer(ctx, &c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ty.p.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return ty
}

func (ty *typist) play(ctx context.Context, strokes []Stroke) error {
	for len(strokes) > 0 {
		n, err := ty.p.Pace(ctx, strokes[:min(len(strokes), 64)])
		if err != nil {
			return err
		}
		var keys []Key
		for _, s := range strokes[:n] {
			keys = append(keys, s...)
		}
		if err := ty.p.c.Send(keys); err != nil {
			return err
		}
		strokes = strokes[n:]
	}
	_, err := ty.p.Pace(ctx, nil)
	return err
}

// keyText returns what a KeyRead guest has got from its n-th key on.
func keyText(t testing.TB, vm *VM, from int) string {
	t.Helper()
	m, err := vm.memory(context.Background(), guest.KeyReadCount, 2)
	if err != nil {
		t.Fatal(err)
	}
	n := int(binary.LittleEndian.Uint16(m))
	if n <= from {
		return ""
	}
	if m, err = vm.memory(context.Background(), guest.KeyReadBuffer+from, n-from); err != nil {
		t.Fatal(err)
	}
	return string(m)
}

func TestPacerBIOS(t *testing.T) {
	t.Parallel()
	vm, _ := boot(t, guest.Disk(t, guest.KeyRead(0, false)), nil)
	readsKeys(t, vm)
	before := taken(t, vm)
	text := randomText(1000)
	ty := newTypist(t, vm, PacerConfig{})
	start := time.Now()
	if err := ty.play(soon(t), usStrokes(text)); err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	vm.pause(soon(t), 50*time.Millisecond)
	if got := keyText(t, vm, before); got != text {
		t.Errorf("%d of %d characters arrived:\n%q, want\n%q", len(got), len(text), got, text)
	}
	t.Logf("%.0f characters a second, %v %v", float64(len(text))/took.Seconds(), ty.modes, ty.why)
}

// Shift stays down between characters that both need it, and is pressed as often
// as its key is asked for.
func TestTogether(t *testing.T) {
	t.Parallel()
	shift := Stroke{{codeLeftShift, true}, {codeLeftShift, false}}
	a, b, c := usStroke('A'), usStroke('B'), usStroke('c')
	for _, tt := range []struct {
		name string
		in   []Stroke
		want []Stroke
	}{
		{"none", nil, nil},
		{"two", []Stroke{a, b, c}, []Stroke{a[:3], b[1:], c}},
		{"three", []Stroke{a, b, a}, []Stroke{a[:3], b[1:3], a[1:]}},
		{"one between", []Stroke{a, c, b}, []Stroke{a, c, b}},
		{"Shift itself", []Stroke{a, shift, shift, b}, []Stroke{a, shift, shift, b}},
	} {
		if diff := cmp.Diff(tt.want, together(tt.in)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.name, diff)
		}
	}
}
