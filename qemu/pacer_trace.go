package qemu

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// What the trace says of a PS/2 keyboard: which device's queue a byte is taken
// from, the byte that the guest reads then, and each command that the guest
// gives the keyboard, which answers with bytes of its own.
const (
	traceTake    = "ps2_read_data"
	traceRead    = "pckbd_kbd_read_data"
	traceCommand = "ps2_write_keyboard"
	answerBytes  = 3 // the most that a command is answered with
)

// ps2TraceWay compares each byte that the guest reads with what was sent.
type ps2TraceWay struct {
	p    *Pacer
	ear  *ear
	idle idleKeyboard

	due     []byte // bytes that the guest is still to read
	ends    []int  // where each stroke on its way ends in due
	barred  bool   // the one stroke on its way makes bytes that are not known
	sure    bool   // the guest has read a byte of ours
	from    string // the device that the last byte was taken from
	device  string // the keyboard, as the trace names it; empty until it is known
	answers int    // bytes that may be answers to commands
}

func newPS2TraceWay(ctx context.Context, p *Pacer) (*ps2TraceWay, error) {
	e, err := p.vm.listen(ctx, traceTake, traceRead, traceCommand)
	if errors.Is(err, errNoTrace) {
		return nil, &unfitError{reason: err.Error()}
	}
	if err != nil {
		return nil, err
	}
	return &ps2TraceWay{p: p, ear: e, idle: idleKeyboard{p: p}}, nil
}

func (w *ps2TraceWay) room(next []Stroke) int {
	if w.barred {
		return 0
	}
	n, room := 0, keyboardRoom-len(w.due)
	for _, s := range next {
		b, known := s.bytes()
		if room -= len(b); !known || room < 0 {
			break
		}
		n++
		if !w.sure {
			break // the first shows whether this holds
		}
	}
	if n == 0 && len(w.due) == 0 {
		n = 1
	}
	if !w.sure && len(w.due) > 0 {
		n = 0
	}
	return n
}

func (w *ps2TraceWay) gone(strokes []Stroke) {
	for _, s := range strokes {
		b, known := s.bytes()
		w.barred = w.barred || !known
		w.due = append(w.due, b...)
		w.ends = append(w.ends, len(w.due))
	}
	w.idle.reset()
}

func (w *ps2TraceWay) look(ctx context.Context) (taken int, moved bool, err error) {
	for _, l := range w.ear.take() {
		if err := w.heard(l); err != nil {
			return w.sweep(), true, err
		}
		moved = true
	}
	taken = w.sweep()
	if moved {
		w.idle.reset()
		return taken, true, nil
	}
	if len(w.due) > 0 || w.barred {
		taken, err = w.settle(ctx)
	}
	return taken, taken > 0, err
}

func (w *ps2TraceWay) heard(l traceLine) error {
	switch l.name {
	case traceTake:
		w.from = l.args
	case traceCommand:
		w.answers = answerBytes
	case traceRead:
		from := w.from
		w.from = ""
		b, ok := lastByte(l.args)
		if from != "" && ok && (w.device == "" || from == w.device) {
			return w.read(from, b)
		}
	}
	return nil
}

// read compares a byte from the keyboard with the next that is due.
func (w *ps2TraceWay) read(from string, b byte) error {
	switch {
	case len(w.due) > 0 && b == w.due[0]:
		w.due = w.due[1:]
		for i := range w.ends {
			w.ends[i]--
		}
		w.device, w.sure, w.answers = from, true, 0
		return nil
	case w.answers > 0:
		w.answers--
		return nil
	case !w.sure || w.barred:
		return nil
	case len(w.due) == 0:
		return fmt.Errorf("%w%s", ErrForeignKeys, comma(w.p.say("it has read %#02x", b)))
	}
	err := ErrForeignKeys
	if bytes.IndexByte(w.due, b) > 0 {
		err = ErrKeysLost
	}
	return fmt.Errorf("%w: %s", err, w.p.say("the guest was to read %#02x and has read %#02x", w.due[0], b))
}

func (w *ps2TraceWay) sweep() (taken int) {
	for taken < len(w.ends) && w.ends[taken] <= 0 && !w.barred {
		taken++
	}
	w.ends = w.ends[taken:]
	return taken
}

// settle finds out why the guest reads nothing. That the keyboard is empty all
// the same proves a loss, or that the bytes are others than ours.
func (w *ps2TraceWay) settle(ctx context.Context) (taken int, err error) {
	if !w.barred && w.p.idle < 20*time.Millisecond {
		return 0, nil
	}
	w.p.seen = fmt.Sprintf("%d bytes are still to be read", len(w.due))
	empty, err := w.idle.look(ctx)
	if err != nil || !empty {
		return 0, err
	}
	if w.barred && w.p.cut {
		return 0, errDoubt
	}
	if w.barred {
		taken = len(w.ends)
		w.due, w.ends, w.barred = nil, nil, false
		return taken, nil
	}
	if !w.idle.lasts(lostAfter) {
		return 0, nil
	}
	if !w.sure && !w.p.cut {
		return 0, &unfitError{reason: "the guest reads other bytes than those of the keys", taken: len(w.ends)}
	}
	if b, known := w.p.flying[0].bytes(); known && len(b) != w.ends[0] {
		return 0, fmt.Errorf("%w: half of a key", ErrKeysLost)
	}
	// The trace may come late on a busy host.
	if heard, err := w.ear.sync(ctx); err != nil || !heard || w.ear.pending() {
		return 0, err
	}
	return 0, &lostError{what: "the keyboard is empty and the guest has not read them"}
}

func (w *ps2TraceWay) rest(ctx context.Context, d time.Duration) error { return w.ear.rest(ctx, d) }

func (w *ps2TraceWay) close(ctx context.Context) error { return w.ear.close(ctx) }

// lastByte returns the hexadecimal number at the end of what a trace says.
func lastByte(args string) (byte, bool) {
	i := strings.LastIndex(args, "0x")
	if i < 0 {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSpace(args[i+2:]), 16, 8)
	return byte(n), err == nil
}
