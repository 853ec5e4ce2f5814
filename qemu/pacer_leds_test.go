package qemu

import (
	"context"
	"sync"
	"testing"
	"time"
)

// lamp is a guest that shows Num Lock at once.
type lamp struct {
	leds    uint8
	changes uint64
	waits   int // for which nothing had changed
}

func (l *lamp) send(keys []Key) error {
	for _, k := range keys {
		if k.Code == codeNumLock && k.Down {
			l.leds ^= ledNumLock
			l.changes++
		}
	}
	return nil
}

func (l *lamp) wait(ctx context.Context, after uint64) (uint8, uint64, error) {
	if l.changes == after {
		l.waits++
		<-ctx.Done()
		return 0, 0, ctx.Err()
	}
	return l.leds, l.changes, nil
}

// The first light that comes ends the probe: nobody waits for another.
func TestLEDProbe(t *testing.T) {
	t.Parallel()
	l := &lamp{}
	p := &Pacer{c: PacerConfig{Send: l.send, LEDs: func() (uint8, uint64) { return l.leds, l.changes }, WaitLEDs: l.wait}}
	w, err := newLEDWay(soon(t), p, acceptance{})
	if err != nil {
		t.Fatal(err)
	}
	if l.waits > 0 || !w.sure || l.changes != 1 {
		t.Errorf("%d waits in vain, sure %v, %d changes", l.waits, w.sure, l.changes)
	}
}

// lateLamp is a guest that takes its time to show Num Lock.
type lateLamp struct {
	mu sync.Mutex
	lamp
	shown chan struct{}
}

func (l *lateLamp) send(keys []Key) error {
	time.AfterFunc(time.Second, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.lamp.send(keys)
		close(l.shown)
	})
	return nil
}

func (l *lateLamp) lights() (uint8, uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.leds, l.changes
}

func (l *lateLamp) wait(ctx context.Context, _ uint64) (uint8, uint64, error) {
	select {
	case <-l.shown:
		leds, changes := l.lights()
		return leds, changes, nil
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	}
}

// The light of the last Num Lock is waited for on a slow guest too: who types
// next would take it for an answer.
func TestLEDRestored(t *testing.T) {
	t.Parallel()
	l := &lateLamp{shown: make(chan struct{})}
	p := &Pacer{vm: &VM{}, c: PacerConfig{Send: l.send, LEDs: l.lights, WaitLEDs: l.wait}, lights: lights{taps: 1, come: true}}
	if err := p.restoreLights(soon(t)); err != nil {
		t.Fatal(err)
	}
	if _, changes := l.lights(); changes != 1 {
		t.Error("the light was not waited for")
	}
}

// What may make firmware start a system goes alone: nothing behind it would be
// known to have been read.
func TestLEDRoom(t *testing.T) {
	t.Parallel()
	key := func(code uint16) Stroke { return Stroke{{code, true}, {code, false}} }
	shifted := Stroke{{codeLeftShift, true}, {0x30, true}, {0x30, false}, {codeLeftShift, false}}
	control := Stroke{{codeLeftCtrl, true}, {0x2d, true}, {0x2d, false}, {codeLeftCtrl, false}}
	for _, tt := range []struct {
		name     string
		firmware uint64
		next     []Stroke
		want     int
	}{
		{"text", 1, []Stroke{key(0x30), shifted, key(codeBackspace)}, 3},
		{"text, then Enter", 1, []Stroke{key(0x30), shifted, key(codeEnter), key(0x30)}, 2},
		{"Enter", 1, []Stroke{key(codeEnter), key(0x30)}, 1},
		{"Ctrl", 1, []Stroke{control, key(0x30)}, 1},
		{"text, then F10", 1, []Stroke{key(0x30), key(codeF10)}, 1},
		{"no firmware", 0, []Stroke{key(0x30), key(codeEnter), key(0x30)}, 3},
	} {
		w := &ledWay{p: &Pacer{target: inputPS2}, firmware: tt.firmware}
		if got := w.room(tt.next); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}
