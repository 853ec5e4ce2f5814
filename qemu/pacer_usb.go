package qemu

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// What the trace says of a USB keyboard: that its queue is empty, which counts
// only after the last key has come to it, or that it has dropped a key.
const (
	traceUSBEmpty = "hid_kbd_queue_empty"
	traceUSBFull  = "hid_kbd_queue_full"
)

// usbTraceWay sends as much as a USB keyboard holds, and more when its queue is
// empty. The guest takes one key event of it every 10 ms or so.
type usbTraceWay struct {
	p      *Pacer
	ear    *ear
	flying int
	sent   int // key events that were sent with them
	due    int // and are still to come to the keyboard
	sure   bool
}

func newUSBTraceWay(ctx context.Context, p *Pacer) (*usbTraceWay, error) {
	e, err := p.vm.listen(ctx, traceInput, traceUSBEmpty, traceUSBFull)
	if errors.Is(err, errNoTrace) {
		return nil, &unfitError{reason: err.Error()}
	}
	if err != nil {
		return nil, err
	}
	return &usbTraceWay{p: p, ear: e}, nil
}

func (w *usbTraceWay) room(next []Stroke) int {
	switch {
	case w.flying > 0:
		return 0
	case !w.sure:
		return 1
	}
	return fill(next, keyboardRoom, Stroke.codes)
}

func (w *usbTraceWay) gone(strokes []Stroke) {
	w.flying, w.sent = len(strokes), 0
	for _, s := range strokes {
		w.sent += len(s)
	}
	w.due = w.sent
}

func (w *usbTraceWay) look(ctx context.Context) (taken int, moved bool, err error) {
	for _, l := range w.ear.take() {
		moved = true
		switch l.name {
		case traceInput:
			if w.due--; w.due < 0 {
				return 0, true, fmt.Errorf("%w by us", ErrForeignKeys)
			}
		case traceUSBFull:
			return 0, true, fmt.Errorf("%w: the USB keyboard was full", ErrKeysLost)
		case traceUSBEmpty:
			if w.due == 0 && w.flying > 0 {
				taken, w.flying, w.sure = w.flying, 0, true
			}
		}
	}
	if !moved && w.due > 0 && w.p.idle > lostAfter {
		return 0, false, w.missing(ctx)
	}
	w.p.seen = "the USB keyboard holds keys"
	return taken, moved, nil
}

// missing finds out why keys do not come to the keyboard.
func (w *usbTraceWay) missing(ctx context.Context) error {
	if err := w.p.arrive(ctx); err != nil {
		return err
	}
	heard, err := w.ear.sync(ctx)
	switch {
	case err != nil || w.ear.pending():
		return err
	case w.p.cut && !heard:
		return errDoubt
	case w.p.cut && w.due == w.sent:
		return &lostError{what: "the machine was stopped when they were sent"}
	case w.p.cut:
		return fmt.Errorf("%w: %d of %d key events", ErrKeysLost, w.due, w.sent)
	case !w.sure:
		return &unfitError{reason: "the trace does not tell of keys", taken: w.flying}
	}
	return nil
}

func (w *usbTraceWay) rest(ctx context.Context, d time.Duration) error { return w.ear.rest(ctx, d) }

func (w *usbTraceWay) close(ctx context.Context) error { return w.ear.close(ctx) }
