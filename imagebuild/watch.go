package imagebuild

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/bootscribe/bootscribe/qemu"
)

// watch knows whether the machine is still of use, and ends contexts when it
// is not, with the reason as their cause.
type watch struct {
	broken, ended   context.Context // done when it is so, with the reason as cause
	breaks, endsFor context.CancelCauseFunc
	wg              sync.WaitGroup
	resets          atomic.Int64 // how often the guest was reset, by whomever
	panicked        func(error)  // is told of a panic, which others may explain
}

func newWatch(panicked func(error)) *watch {
	w := &watch{panicked: panicked}
	w.broken, w.breaks = context.WithCancelCause(context.Background())
	w.ended, w.endsFor = context.WithCancelCause(context.Background())
	return w
}

// event is told of every event of the machine, one at a time.
func (w *watch) event(e qemu.Event) {
	if _, ok := e.(qemu.Reset); ok {
		w.resets.Add(1)
	}
	err := machineError(e)
	if _, ok := e.(qemu.Panicked); ok {
		w.panicked(err)
	} else if err != nil {
		w.breaks(err)
	}
}

// follow waits in the background for the machine's end. Its last events come
// first: that the disk was full explains an end better than how it looked.
func (w *watch) follow(vm *qemu.VM) {
	w.wg.Go(func() {
		err := vm.Wait(context.Background())
		if err == nil {
			err = ErrPoweredOff
		}
		w.endsFor(err)
	})
}

// wait waits for follow's goroutine, which ends with the machine.
func (w *watch) wait() {
	w.wg.Wait()
	w.breaks(nil)
}

// whole returns a child of ctx that also ends when the machine breaks.
func (w *watch) whole(ctx context.Context) (context.Context, context.CancelFunc) {
	return until(ctx, w.broken)
}

// running returns a child of ctx that also ends when the machine breaks or ends.
func (w *watch) running(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stopBroken := until(ctx, w.broken)
	ctx, stopEnded := until(ctx, w.ended)
	return ctx, func() { stopEnded(); stopBroken() }
}

// until returns a child of ctx that also ends with other, for the same cause.
func until(ctx, other context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(other, func() { cancel(context.Cause(other)) })
	return ctx, func() { stop(); cancel(nil) }
}
