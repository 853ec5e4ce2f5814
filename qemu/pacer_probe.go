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
	other := inputVirtIO
	names := []string{traceInput, tracePS2}
	heard := make(chan string, 16)
	p.vm.proc.trace.listen(names, func(name, _ string) {
		select {
		case heard <- name:
		default:
		}
	})
	defer p.vm.proc.trace.deafen()
	err := p.vm.setTrace(ctx, true, names)
	if errors.Is(err, errNoTrace) {
		return other, nil // lights work with either
	}
	if err != nil {
		return inputNone, err
	}
	if err := p.vm.releaseShift(ctx); err != nil {
		return inputNone, err
	}
	found, err := p.hearBoard(ctx, heard)
	return found, errors.Join(err, p.vm.setTrace(ctx, false, names))
}

// hearBoard waits for the input layer's event, which comes first, and a moment
// for that of the device.
func (p *Pacer) hearBoard(ctx context.Context, heard <-chan string) (input, error) {
	timer := time.NewTimer(200 * time.Millisecond)
	defer timer.Stop()
	for {
		select {
		case name := <-heard:
			if name == tracePS2 {
				return inputPS2, nil
			}
			timer.Reset(20 * time.Millisecond)
		case <-timer.C:
			return inputVirtIO, nil
		case <-ctx.Done():
			return inputNone, ctxError(ctx)
		}
	}
}

// releaseShift sends the release of the right Shift key past all queues.
func (vm *VM) releaseShift(ctx context.Context) error {
	key := map[string]any{"type": "key", "data": map[string]any{
		"down": false, "key": map[string]any{"type": "qcode", "data": "shift_r"}}}
	return vm.qmp.Execute(ctx, "input-send-event", map[string]any{"events": []any{key}}, nil)
}
