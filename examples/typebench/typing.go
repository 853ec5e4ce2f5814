package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/keyseq"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/vnc"
)

// pace says how to type. The zero pace is as fast as the guest takes keys.
type pace struct {
	openLoop bool          // as fast as QEMU takes keys, whatever the guest does
	rate     int           // so many characters a second, whatever the guest does; 0 for none
	interval time.Duration // a pause after each key event, as Packer makes; 0 for none
	mode     qemu.Mode     // how the guest is watched; empty chooses
	plain    bool          // by VNC alone, as on a machine of somebody else's
	secret   bool          // what is typed is not looked for on the screen
}

// blind reports whether keys are sent without regard to the guest.
func (p pace) blind() bool { return p.openLoop || p.rate > 0 || p.interval > 0 }

// typeText types on a machine. It returns how the guest was watched, several
// modes being joined by "+".
func (m *machine) typeText(ctx context.Context, command string, p pace) (mode string, err error) {
	seq, err := keyseq.Parse(command)
	if err != nil {
		return "", err
	}
	switch {
	case p.openLoop:
		return "open-loop", m.burst(ctx, seq)
	case p.rate > 0:
		return fmt.Sprintf("%d/s", p.rate), m.march(ctx, seq, p.rate)
	}
	var modes []string
	if p.interval > 0 {
		modes = []string{p.interval.String()}
	}
	typist := imagebuild.Typist{VM: m.vm, VNC: m.screen, Observe: func(e imagebuild.Event) {
		if t, ok := e.(imagebuild.Typing); ok && p.interval == 0 && !slices.Contains(modes, string(t.Mode)) {
			modes = append(modes, string(t.Mode))
		}
	}}
	if p.plain {
		typist.VM = nil
	}
	err = typist.Play(ctx, seq, &imagebuild.TypeOptions{Interval: p.interval, Mode: p.mode, Secret: p.secret})
	return strings.Join(modes, "+"), err
}

// press types what is not measured.
func (m *machine) press(ctx context.Context, command string) error {
	_, err := m.typeText(ctx, command, pace{})
	return err
}

// march sends the characters of a sequence evenly, rate of them a second. If
// that is more than the guest can take, what arrives shows how fast it can.
func (m *machine) march(ctx context.Context, seq keyseq.Sequence, rate int) error {
	var strokes [][]vnc.KeyEvent
	var at keyseq.Pos
	for e := range seq.Events(nil) {
		if len(strokes) == 0 || e.At != at {
			strokes, at = append(strokes, nil), e.At
		}
		last := len(strokes) - 1
		strokes[last] = append(strokes[last], vnc.KeyEvent{Keysym: e.Keysym, Code: e.Code, Down: e.Down})
	}
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	for _, keys := range strokes {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := m.screen.Keys(keys...); err != nil {
			return err
		}
	}
	return m.screen.Fence(ctx)
}

// burst sends all keys in one write.
func (m *machine) burst(ctx context.Context, seq keyseq.Sequence) error {
	var keys []vnc.KeyEvent
	for e := range seq.Events(nil) {
		keys = append(keys, vnc.KeyEvent{Keysym: e.Keysym, Code: e.Code, Down: e.Down})
	}
	if err := m.screen.Keys(keys...); err != nil {
		return err
	}
	return m.screen.Fence(ctx)
}
