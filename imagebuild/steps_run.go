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

// errTimeOver is in the error of what took longer than it was given.
var errTimeOver = errors.New("the time given for it is over")

// timeError is errTimeOver with the time.
type timeError time.Duration

func (e timeError) Error() string   { return fmt.Sprintf("no end after %v", time.Duration(e)) }
func (e timeError) Unwrap() []error { return []error{errTimeOver, context.DeadlineExceeded} }

// attempt runs something with the machine and makes of its failure an error
// with evidence. A negative timeout means none.
func (r *run) attempt(ctx context.Context, name string, timeout time.Duration, do func(context.Context, *Guest) error) error {
	began := time.Now()
	inner := ctx
	if timeout > 0 {
		var cancel context.CancelFunc
		inner, cancel = context.WithTimeoutCause(ctx, timeout, timeError(timeout))
		defer cancel()
	}
	err := do(inner, r.guest)
	if err == nil {
		// It may not have noticed that its machine is not sound.
		err = context.Cause(r.machine.broken)
	}
	if err == nil {
		return nil
	}
	took := time.Since(began)
	failure := r.evidence(name, took, reason(r.cause(inner), err))
	if r.b.OnFailure != nil {
		r.b.OnFailure(ctx, r.guest, failure)
	}
	return failure
}

// cause returns what outside a failed step is to blame for it: why its context
// has ended, or what has become of the machine; nil if there is no such thing.
// A step may be told by its closed connections before the machine's end has been
// seen, so a machine that does not answer is given the time to end.
func (r *run) cause(ctx context.Context) error {
	if r.answers(ctx) {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return context.Cause(r.machine.broken)
	}
	timer := time.NewTimer(3 * time.Second)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-r.machine.broken.Done():
		return context.Cause(r.machine.broken)
	case <-r.machine.ended.Done():
		return context.Cause(r.machine.ended)
	case <-timer.C:
		return nil
	}
}

func (r *run) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return r.vm.QMP().Execute(ctx, "query-status", nil, nil) == nil
}

// reason puts the cause first, if there is one: what a step says of a machine
// that has died under it explains less.
func reason(cause, err error) error {
	switch {
	case cause == nil || errors.Is(err, cause):
		return err
	case err == context.Canceled || err == context.DeadlineExceeded:
		return cause
	}
	return fmt.Errorf("%w (it was at: %w)", cause, err)
}

func (r *run) evidence(name string, took time.Duration, err error) *StepError {
	e := &StepError{Step: name, Took: took, Err: err, Console: r.vm.Console().Tail(consoleTail), Typed: r.guest.typed}
	if r.guest.VNC != nil && r.guest.VNC.Seq() > 0 {
		e.Frame, e.Text = r.guest.eye.evidence()
	}
	if r.server != nil {
		e.Requests = r.server.Requests()
		e.Unasked = len(e.Requests) == 0 && !r.sentry.inside.Load()
	}
	var exit *qemu.ExitError
	if errors.As(err, &exit) {
		e.Stderr = exit.Stderr
	}
	return e
}
