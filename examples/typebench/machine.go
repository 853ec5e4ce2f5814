package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bootscribe/bootscribe/internal/typeguest"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/vnc"
)

// machine is a running guest with its screen, keyboard and serial line.
type machine struct {
	vm     *qemu.VM
	screen *vnc.Conn
	serial *serial
	dirty  bool // something was typed
	had    int  // how much of what has arrived was compared before
}

// start starts a guest; ready waits until it takes keys.
func start(ctx context.Context, g *guest, cache string, accel qemu.Accel) (*machine, error) {
	c, err := g.config(ctx, cache)
	if err != nil {
		return nil, err
	}
	m := &machine{serial: newSerial()}
	c.Accel, c.Console = accel, m.serial
	if m.vm, err = qemu.Start(ctx, c); err != nil {
		return nil, err
	}
	nc, err := m.vm.VNC(ctx)
	if err == nil {
		m.screen, err = vnc.NewConn(ctx, nc, nil)
	}
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// Close ends the machine.
func (m *machine) Close() error {
	if m.screen != nil {
		_ = m.screen.Close()
	}
	return m.vm.Close()
}

// memory returns n bytes of the guest's physical memory.
func (m *machine) memory(ctx context.Context, address, n int) ([]byte, error) {
	out, err := m.vm.QMP().HMP(ctx, fmt.Sprintf("xp /%dbx %#x", n, address))
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, n)
	for line := range strings.Lines(out) {
		_, values, _ := strings.Cut(line, ":")
		for _, v := range strings.Fields(values) {
			x, err := strconv.ParseUint(v, 0, 8)
			if err != nil {
				return nil, fmt.Errorf("reading memory at %#x: QEMU says %q", address, line)
			}
			b = append(b, byte(x))
		}
	}
	if len(b) != n {
		return nil, fmt.Errorf("reading memory at %#x: QEMU gives %d of %d bytes", address, len(b), n)
	}
	return b, nil
}

// Where a PC has its text screen, and where its BIOS keeps the cursor of the
// first page (IBM PC AT Technical Reference).
const (
	textMemory = 0xb8000
	textSize   = 80 * 25 * 2
	textCursor = 0x450
)

// text returns the text screen of a PC whose programs write through the BIOS.
func (m *machine) text(ctx context.Context) (*typeguest.Screen, error) {
	cells, err := m.memory(ctx, textMemory, textSize)
	if err != nil {
		return nil, err
	}
	cursor, err := m.memory(ctx, textCursor, 2)
	if err != nil {
		return nil, err
	}
	s := typeguest.TextScreen(cells, 80)
	s.Col, s.Row = int(cursor[0]), int(cursor[1])
	return s, nil
}

// shows waits until a PC's text screen has some text.
func (m *machine) shows(ctx context.Context, text string) error {
	return until(ctx, fmt.Sprintf("%q on the screen", text), func() (bool, error) {
		s, err := m.text(ctx)
		return err == nil && strings.Contains(s.String(), text), err
	})
}

// says waits until the guest has written some text on its serial line, where
// colours are left out.
func (m *machine) says(ctx context.Context, text string) error {
	return until(ctx, fmt.Sprintf("%q on the serial line", text), func() (bool, error) {
		return strings.Contains(m.serial.screen(), text), nil
	})
}

// still waits until a picture of the size of a boot menu has not changed for a
// second: a menu that has no timeout is complete then.
func (m *machine) still(ctx context.Context) error {
	seq, since := m.screen.Seq(), time.Now()
	return until(ctx, "a menu", func() (bool, error) {
		if now := m.screen.Seq(); now != seq {
			seq, since = now, time.Now()
		}
		width, _ := m.screen.Size()
		return width == 640 && time.Since(since) > time.Second, m.screen.Err()
	})
}

// until calls look every 50 milliseconds until it reports true.
func until(ctx context.Context, what string, look func() (bool, error)) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := look()
		if err != nil || ok {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		}
	}
}

// serial keeps what a guest writes on its serial port.
type serial struct {
	mu       sync.Mutex
	all      []byte
	terminal *typeguest.Terminal
}

func newSerial() *serial { return &serial{terminal: typeguest.NewTerminal(100, 31)} }

// Write takes what the guest has written.
func (s *serial) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, p...)
	return s.terminal.Write(p)
}

func (s *serial) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all)
}

// from returns what was written after the first n bytes.
func (s *serial) from(n int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.all[min(n, len(s.all)):])
}

// screen returns what a terminal would show.
func (s *serial) screen() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.terminal.String()
}

// line returns the line at a prompt, as a terminal would show it.
func (s *serial) line(prompt string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.terminal.Line(prompt, 0)
}
