package main

import (
	"context"
	"time"

	"github.com/bootscribe/bootscribe/keyseq"
	"github.com/bootscribe/bootscribe/vnc"
)

// pace says how to type.
type pace struct {
	openLoop bool          // as fast as QEMU takes keys, whatever the guest does
	interval time.Duration // a pause after each key event, as Packer makes; 0 for none
	mode     string        // the acknowledgement to use; empty lets the engine choose
}

// typeText types on a machine, and returns the mode in which it was done.
func (m *machine) typeText(ctx context.Context, command string, p pace) (mode string, err error) {
	seq, err := keyseq.Parse(command)
	if err != nil {
		return "", err
	}
	switch {
	case p.openLoop:
		return "open-loop", m.burst(ctx, seq)
	case p.interval > 0:
		return "interval", (&keyseq.Player{Keyboard: m.screen, Interval: p.interval}).Play(ctx, seq)
	}
	player := keyseq.Player{Keyboard: m.screen, Gate: m.taken}
	return "gate", player.Play(ctx, seq)
}

// press types what is not measured.
func (m *machine) press(ctx context.Context, command string) error {
	_, err := m.typeText(ctx, command, pace{})
	return err
}

// taken returns when the guest has taken all keys.
func (m *machine) taken(ctx context.Context) error {
	if err := m.screen.Fence(ctx); err != nil {
		return err
	}
	return m.vm.KeysTaken(ctx)
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
