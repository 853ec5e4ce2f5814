package imagebuild

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bootscribe/bootscribe/qemu"
)

// consoleTail is how much of the serial output a StepError keeps.
const consoleTail = 8 << 10

func (r *run) steps(ctx context.Context) error {
	for i, s := range r.b.Steps {
		r.emit(StepStarted{s.Name, i, len(r.b.Steps)})
		began := time.Now()
		r.guest.step = s.Name
		err := r.step(ctx, s)
		r.emit(StepDone{s.Name, i, len(r.b.Steps), time.Since(began), err})
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *run) step(ctx context.Context, s Step) error {
	ctx, cancel := r.machine.running(ctx)
	defer cancel()
	return r.attempt(ctx, s.Name, r.timeout(s), s.Do)
}

func (r *run) timeout(s Step) time.Duration {
	if s.Timeout != 0 {
		return s.Timeout
	}
	if r.b.StepTimeout != 0 {
		return r.b.StepTimeout
	}
	return defaultStepTimeout
}

// attempt runs something with the machine and makes of its failure an error
// with evidence. A negative timeout means none.
func (r *run) attempt(ctx context.Context, name string, timeout time.Duration, do func(context.Context, *Guest) error) error {
	began := time.Now()
	inner := ctx
	if timeout > 0 {
		var cancel context.CancelFunc
		inner, cancel = context.WithTimeoutCause(ctx, timeout, fmt.Errorf("time is over after %v: %w", timeout, context.DeadlineExceeded))
		defer cancel()
	}
	err := do(inner, r.guest)
	if err == nil {
		return nil
	}
	failure := r.evidence(name, time.Since(began), r.reason(inner, err))
	if r.b.OnFailure != nil {
		r.b.OnFailure(ctx, r.guest, failure)
	}
	return failure
}

// reason puts first why the context ended, if it did: what a step says of a
// machine that has died under it explains less.
func (r *run) reason(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if cause == nil || errors.Is(err, cause) {
		return err
	}
	return fmt.Errorf("%w (it was at: %w)", cause, err)
}

func (r *run) evidence(name string, took time.Duration, err error) *StepError {
	e := &StepError{Step: name, Took: took, Err: err, Console: r.vm.Console().Tail(consoleTail)}
	if r.guest.VNC != nil && r.guest.VNC.Seq() > 0 {
		e.Frame = r.guest.VNC.Screen()
	}
	if r.server != nil {
		e.Requests = r.server.Requests()
	}
	var exit *qemu.ExitError
	if errors.As(err, &exit) {
		e.Stderr = exit.Stderr
	}
	return e
}
