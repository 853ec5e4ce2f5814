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
	r.settle(inner)
	failure := r.evidence(name, took, reason(inner, err))
	if r.b.OnFailure != nil {
		r.b.OnFailure(ctx, r.guest, failure)
	}
	return failure
}

// settle returns when it is known whether the machine is ending. A step may be
// told by its closed connections before the machine's end has been seen.
func (r *run) settle(ctx context.Context) {
	const probe, ending = time.Second, 3 * time.Second
	ask, cancel := context.WithTimeout(ctx, probe)
	defer cancel()
	if r.vm.QMP().Execute(ask, "query-status", nil, nil) == nil {
		return
	}
	timer := time.NewTimer(ending)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-r.machine.ended.Done():
	case <-timer.C:
	}
}

// reason puts first why the context ended, if it did: what a step says of a
// machine that has died under it explains less.
func reason(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	switch {
	case cause == nil || errors.Is(err, cause):
		return err
	case err == ctx.Err():
		return cause
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
