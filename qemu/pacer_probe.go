package qemu

import (
	"context"
	"errors"
	"time"
)

// The events that tell where a key goes: QEMU's input layer, and the PS/2
// keyboard behind it.
const (
	traceInput = "input_event_key_qcode"
	tracePS2   = "ps2_keyboard_event"
)

// probe finds out which keyboard gets the keys, where a virtio keyboard is not
// the only one: it releases a Shift key that is not pressed, which means
// nothing to any guest, and looks which device is told.
func (p *Pacer) probe(ctx context.Context) (input, error) {
	e, err := p.vm.listen(ctx, traceInput, tracePS2)
	if errors.Is(err, errNoTrace) {
		return inputVirtIO, nil // lights work with either
	}
	if err != nil {
		return inputNone, err
	}
	err = p.vm.release(ctx, codeRightShift)
	found := inputVirtIO
	if err == nil {
		found, err = hearInput(ctx, e)
	}
	return found, errors.Join(err, e.close(ctx))
}

// hearInput waits for the event of the input layer, which comes first, and a
// moment for that of the device.
func hearInput(ctx context.Context, e *ear) (input, error) {
	for limit := 200 * time.Millisecond; limit > 0; {
		start := time.Now()
		if err := e.rest(ctx, limit); err != nil {
			return inputNone, err
		}
		limit -= max(time.Since(start), time.Millisecond)
		for _, l := range e.take() {
			if l.name == tracePS2 {
				return inputPS2, nil
			}
			limit = min(limit, 20*time.Millisecond)
		}
	}
	return inputVirtIO, nil
}

// release sends the releases of keys past all queues. Through VNC QEMU takes none
// of a key that it knows to be up.
func (vm *VM) release(ctx context.Context, codes ...uint16) error {
	var events []any
	for _, c := range codes {
		key := map[string]any{"type": "number", "data": c}
		events = append(events, map[string]any{"type": "key", "data": map[string]any{"down": false, "key": key}})
	}
	return vm.qmp.Execute(ctx, "input-send-event", map[string]any{"events": events}, nil)
}
