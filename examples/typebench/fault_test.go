package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/keyseq"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/vnc"
)

// faults are what may happen to a machine in the middle: its guest is paused,
// or QEMU itself stopped, or the VNC connection closed. What was typed is there
// in the end, or an error says how much is. TestTypistPaused and its neighbours
// in package imagebuild hold the same for BIOS programs.
func faults(t *testing.T, b *bench, m *machine, chars int) {
	normally := b.chars
	b.chars = chars
	defer func() { b.chars = normally }()
	pause := func(stop bool) error {
		command := "cont"
		if stop {
			command = "stop"
		}
		return m.vm.QMP().Execute(context.Background(), command, nil, nil)
	}
	t.Run("paused", func(t *testing.T) { survives(t, b, m, 60*time.Millisecond, pause) })
	// Longer than the guest is given to prove that a mode fits.
	t.Run("paused at first", func(t *testing.T) { survives(t, b, m, 3500*time.Millisecond, pause) })
	t.Run("stopped by the host", func(t *testing.T) {
		process, err := os.FindProcess(m.vm.PID())
		if err != nil {
			t.Fatal(err)
		}
		survives(t, b, m, 60*time.Millisecond, func(stop bool) error { return halt(process, stop) })
	})
	t.Run("somebody else types", func(t *testing.T) { notices(t, b, m) })
	t.Run("disconnected", func(t *testing.T) {
		breaks(t, b, m, func(context.Context) error { return m.screen.Close() }, func() {
			nc, err := m.vm.VNC(t.Context())
			if err == nil {
				m.screen, err = vnc.NewConn(t.Context(), nc, nil)
			}
			if err != nil {
				t.Fatal(err)
			}
		})
	})
}

// lastFault is what a machine does not live through.
func lastFault(t *testing.T, b *bench, m *machine, fault string) {
	t.Run(fault, func(t *testing.T) {
		end := m.vm.Reset
		if fault == "QMP closed" {
			end = func(context.Context) error { return m.vm.QMP().Close() }
		}
		breaks(t, b, m, end, nil)
	})
}

// survives types while something stops the machine for a while, soon after the
// beginning and again and again.
func survives(t *testing.T, b *bench, m *machine, while time.Duration, hold func(stop bool) error) {
	t.Helper()
	fresh(t, b, m)
	ctx, cancel := context.WithCancel(t.Context())
	var holding sync.WaitGroup
	holding.Go(func() {
		for time.Sleep(5 * time.Millisecond); ctx.Err() == nil; {
			for _, stop := range []bool{true, false} {
				if err := hold(stop); err != nil {
					t.Error(err)
				}
				select {
				case <-time.After(while):
				case <-ctx.Done():
				}
			}
		}
	})
	text := b.text()
	mode, err := m.typeText(t.Context(), keyseq.Quote(text), pace{})
	cancel()
	holding.Wait()
	if err != nil {
		t.Fatalf("with %s: %v", mode, err)
	}
	if got := arrived(t, b, m, len(text)); got != text {
		t.Errorf("with %s:\n%q has arrived, want\n%q", mode, got, text)
	}
}

// breaks does something when half of the keys are sent that ends the typing.
// If the guest lives on, repair lets it say how much has arrived.
func breaks(t *testing.T, b *bench, m *machine, end func(context.Context) error, repair func()) {
	t.Helper()
	fresh(t, b, m)
	text := b.text()
	half := m.screen.KeysSent() + uint64(len(text)) // a character is two keys or four
	var ending sync.WaitGroup
	ending.Go(func() {
		for m.screen.KeysSent() < half && t.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
		if err := end(t.Context()); err != nil {
			t.Error(err)
		}
	})
	mode, err := m.typeText(t.Context(), keyseq.Quote(text), pace{})
	ending.Wait()
	t.Log(mode, err)
	if repair != nil {
		repair()
		partly(t, b, m, text, err)
		return
	}
	var pe *keyseq.PlayError
	if !errors.As(err, &pe) || pe.Index == 0 || pe.Index > len(text) || pe.Taken > pe.Index {
		t.Errorf("with %s: %v", mode, err)
	}
}

// notices types while somebody else does, who may be too late at first.
func notices(t *testing.T, b *bench, m *machine) {
	t.Helper()
	for range 5 {
		mode, err := besides(t, b, m)
		if errors.Is(err, qemu.ErrForeignKeys) {
			return
		}
		t.Logf("with %s: %v", mode, err)
	}
	t.Error("the other keys were not noticed")
}

// besides types while another key is pressed 50 times a second, from when some
// are sent. A keyboard that is full of them drops a release here and there.
func besides(t *testing.T, b *bench, m *machine) (mode string, err error) {
	t.Helper()
	fresh(t, b, m)
	text := b.text()
	first := m.screen.KeysSent() + uint64(len(text))/4
	ctx, cancel := context.WithCancel(t.Context())
	var other sync.WaitGroup
	other.Go(func() {
		for ctx.Err() == nil {
			if m.screen.KeysSent() < first {
				time.Sleep(100 * time.Microsecond)
				continue
			}
			if err := otherKey(t.Context(), m, true, false); err != nil {
				t.Error(err)
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	mode, err = m.typeText(ctx, keyseq.Quote(text), pace{})
	cancel()
	other.Wait()
	letGo(t, b, m)
	return mode, err
}

// letGo waits until nothing more arrives, whatever it is. The other key is
// released again and again: a keyboard that was full may have dropped that.
func letGo(t *testing.T, b *bench, m *machine) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var other sync.WaitGroup
	other.Go(func() {
		for ctx.Err() == nil {
			select {
			case <-time.After(200 * time.Millisecond):
				otherKey(ctx, m, false)
			case <-ctx.Done():
			}
		}
	})
	defer other.Wait()
	defer cancel()
	arrived(t, b, m, b.chars)
}

// otherKey sends events of a key that the bench knows nothing of.
func otherKey(ctx context.Context, m *machine, downs ...bool) error {
	var events []any
	for _, down := range downs {
		key := map[string]any{"down": down, "key": map[string]string{"type": "qcode", "data": "q"}}
		events = append(events, map[string]any{"type": "key", "data": key})
	}
	return m.vm.QMP().Execute(ctx, "input-send-event", map[string]any{"events": events}, nil)
}

// partly compares what an error says of how much was typed with what is there.
func partly(t *testing.T, b *bench, m *machine, text string, err error) {
	t.Helper()
	var pe *keyseq.PlayError
	if !errors.As(err, &pe) || pe.Index == 0 {
		t.Fatalf("the error does not say how much was typed: %v", err)
	}
	got := arrived(t, b, m, pe.Taken)
	if !strings.HasPrefix(text, got) || len(got) < pe.Taken || len(got) > pe.Index {
		t.Errorf("%d characters have arrived:\n%q, of\n%q,\nand the error is: %v", len(got), got, text, err)
	}
}

// fresh makes sure that the next text stands alone.
func fresh(t *testing.T, b *bench, m *machine) {
	t.Helper()
	if m.dirty && b.guest.clear != nil {
		if err := b.guest.clear(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	m.dirty = true
	b.seed++
}

// arrived returns what has arrived since fresh. A key that stays down is repeated
// by the guest without end.
func arrived(t *testing.T, b *bench, m *machine, want int) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got, err := b.arrived(ctx, m, want)
	if err != nil {
		t.Fatal(err)
	}
	if b.guest.clear == nil {
		m.had += len(got)
	}
	return got
}
