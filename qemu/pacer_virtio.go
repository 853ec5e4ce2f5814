package qemu

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/bootscribe/bootscribe/qemu/qmp"
)

// A virtio keyboard takes a buffer of the guest's for each key event and one
// for the end of the event (virtio 1.2, 5.8.6), and the guest's driver gives a
// buffer back when it has handled what was in it.
const (
	buffersAnEvent  = 2
	virtioEventRing = 0 // the number of the queue
	virtioKeyboard  = "virtio-keyboard-device"
)

// ringsKept is how long it is trusted that the rings are where they were: a
// driver that takes over from another puts its own elsewhere.
const ringsKept = 20 * time.Millisecond

// virtioWay counts the buffers of a virtio keyboard's ring that the guest has
// given back.
type virtioWay struct {
	p    *Pacer
	path string // of the device, in QEMU's object model
	at   virtioRings
	when time.Time // of QEMU's last word on that
	ring virtioRing
	size uint16 // buffers that the device has while nothing is to be handled
	used uint16 // what ring.used was then

	sent  int   // buffers for all keys sent
	taken int   // of these, those that the guest has given back
	ends  []int // for each stroke on its way, what taken must be
	sure  bool
}

// virtioRings are the two halves of a queue, by their addresses in the guest's
// memory.
type virtioRings struct {
	Used  int `json:"vring-used"`
	Avail int `json:"vring-avail"`
}

// virtioRing is a ring as it was at one moment. The indexes count all buffers
// that there ever were, modulo 65536.
type virtioRing struct {
	used  uint16 // buffers that the device has filled
	avail uint16 // buffers that the guest has given
}

func (r virtioRing) free() uint16 { return r.avail - r.used }

func newVirtIOWay(ctx context.Context, p *Pacer) (*virtioWay, error) {
	path, err := p.vm.virtioKeyboard(ctx)
	if err != nil {
		return nil, err
	}
	w := &virtioWay{p: p, path: path, when: time.Now()}
	if w.at, err = p.vm.virtioRings(ctx, path); err != nil {
		return nil, err
	}
	if w.ring, err = p.vm.virtioRing(ctx, w.at); err != nil {
		return nil, err
	}
	w.size, w.used = w.ring.free(), w.ring.used
	if w.size < buffersAnEvent {
		return nil, &unfitError{reason: "the guest gives the virtio keyboard no buffers"}
	}
	return w, nil
}

// virtioKeyboard returns the path of the machine's virtio keyboard.
func (vm *VM) virtioKeyboard(ctx context.Context) (string, error) {
	var devices []struct{ Name, Path string }
	if err := vm.qmp.Execute(ctx, "x-query-virtio", nil, &devices); err != nil {
		return "", unfitCommand(err)
	}
	for _, d := range devices {
		var kind string
		args := map[string]any{"path": d.Path, "property": "type"}
		if err := vm.qmp.Execute(ctx, "qom-get", args, &kind); err != nil {
			return "", err
		}
		if kind == virtioKeyboard {
			return d.Path, nil
		}
	}
	return "", &unfitError{reason: "QEMU does not list the virtio keyboard"}
}

// virtioRings asks QEMU where the rings are.
func (vm *VM) virtioRings(ctx context.Context, path string) (at virtioRings, err error) {
	args := map[string]any{"path": path, "queue": virtioEventRing}
	if err := vm.qmp.Execute(ctx, "x-query-virtio-queue-status", args, &at); err != nil {
		return at, unfitCommand(err)
	}
	if at.Avail == 0 || at.Used == 0 {
		return at, &unfitError{reason: "the guest has no ring for the virtio keyboard"}
	}
	return at, nil
}

// virtioRing reads both halves' indexes (virtio 1.2, 2.7.6 and 2.7.8). The
// device's comes first: it never goes beyond what the guest has given.
func (vm *VM) virtioRing(ctx context.Context, at virtioRings) (r virtioRing, err error) {
	if r.used, err = vm.ringIndex(ctx, at.Used); err != nil {
		return r, err
	}
	r.avail, err = vm.ringIndex(ctx, at.Avail)
	return r, err
}

// ringIndex reads the index of a half, which stands behind its flags.
func (vm *VM) ringIndex(ctx context.Context, at int) (uint16, error) {
	m, err := vm.memory(ctx, at+2, 2)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint16(m), nil
}

// unfitCommand says that QEMU has not a command, if that is the error.
func unfitCommand(err error) error {
	var refused *qmp.Error
	if errors.As(err, &refused) {
		return &unfitError{reason: "QEMU does not tell of virtio's rings: " + refused.Desc}
	}
	return err
}

func (w *virtioWay) room(next []Stroke) int {
	if !w.sure {
		if len(w.ends) > 0 {
			return 0
		}
		return 1 // the first shows whether this holds
	}
	room := (int(w.size) - (w.sent - w.taken)) / buffersAnEvent
	n := 0
	for _, s := range next {
		if room -= len(s); room < 0 {
			break
		}
		n++
	}
	if n == 0 && len(w.ends) == 0 {
		n = 1
	}
	return n
}

func (w *virtioWay) gone(strokes []Stroke) {
	for _, s := range strokes {
		w.sent += buffersAnEvent * len(s)
		w.ends = append(w.ends, w.sent)
	}
}

func (w *virtioWay) look(ctx context.Context) (taken int, moved bool, err error) {
	// What is missing behind this is lost.
	if err := w.p.arrive(ctx); err != nil {
		return 0, false, err
	}
	if err := w.confirm(ctx); err != nil {
		return 0, false, err
	}
	ring, err := w.p.vm.virtioRing(ctx, w.at)
	if err != nil {
		return 0, false, err
	}
	moved, w.ring = ring != w.ring, ring
	filled := w.filled()
	waiting := int(w.size) - int(ring.free())
	if waiting < 0 || filled > w.sent {
		return 0, false, fmt.Errorf("%w by us", ErrForeignKeys)
	}
	w.taken = max(w.taken, filled-waiting)
	taken = w.sweep()
	w.p.seen = fmt.Sprintf("%d buffers of the virtio keyboard are still with the guest", waiting)
	if waiting == 0 && filled < w.sent {
		err = w.missing(filled)
	}
	return taken, moved, err
}

// confirm asks from time to time whether the rings are still where they were.
func (w *virtioWay) confirm(ctx context.Context) error {
	if time.Since(w.when) < ringsKept {
		return nil
	}
	at, err := w.p.vm.virtioRings(ctx, w.path)
	if err == nil && at != w.at {
		err = fmt.Errorf("%w: another driver has the keyboard", ErrKeysLost)
	}
	w.when = time.Now()
	return err
}

// filled returns how many buffers the device has filled for us. It goes beyond
// 16 bits, from what was taken before.
func (w *virtioWay) filled() int {
	return w.taken + int(w.ring.used-w.used-uint16(w.taken))
}

func (w *virtioWay) sweep() (taken int) {
	for taken < len(w.ends) && w.ends[taken] <= w.taken {
		taken++
		w.sure = true
	}
	w.ends = w.ends[taken:]
	return taken
}

// missing is the error for keys that QEMU has read and the device has not got.
func (w *virtioWay) missing(filled int) error {
	if !w.sure && !w.p.cut && filled == 0 {
		if w.p.idle < lostAfter {
			return nil
		}
		return &unfitError{reason: "the virtio keyboard does not get the keys", taken: len(w.ends)}
	}
	if filled != w.start() {
		return fmt.Errorf("%w: half of a key", ErrKeysLost)
	}
	return &lostError{what: "the virtio keyboard has not got them"}
}

// start returns where the first stroke on its way begins.
func (w *virtioWay) start() int {
	if len(w.ends) == 0 {
		return w.sent
	}
	return w.ends[0] - buffersAnEvent*len(w.p.flying[len(w.p.flying)-len(w.ends)])
}

func (w *virtioWay) rest(ctx context.Context, d time.Duration) error { return w.p.vm.pause(ctx, d) }

func (w *virtioWay) close(context.Context) error { return nil }
