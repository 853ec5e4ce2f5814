package imagebuild

import (
	"context"
	"sync"

	"github.com/bootscribe/bootscribe/qemu"
)

// watch knows whether the machine is still of use, and ends contexts when it
// is not, with the reason as their cause.
type watch struct {
	broken, ended   context.Context // done when it is so, with the reason as cause
	breaks, endsFor context.CancelCauseFunc
	wg              sync.WaitGroup
}

func newWatch() *watch {
	w := &watch{}
	w.broken, w.breaks = context.WithCancelCause(context.Background())
	w.ended, w.endsFor = context.WithCancelCause(context.Background())
	return w
}

// event is told of every event of the machine.
func (w *watch) event(e qemu.Event) {
	if err := machineError(e); err != nil {
		w.breaks(err)
	}
}

// follow waits in the background for the machine's end.
func (w *watch) follow(vm *qemu.VM) {
	w.wg.Go(func() {
		<-vm.Done()
		err := vm.Err()
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
