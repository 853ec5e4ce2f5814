package ssh

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"
)

// late is a context whose deadline has passed, though it does not say so yet.
type late struct{ context.Context }

func (late) Deadline() (time.Time, bool) { return time.Now().Add(-time.Second), true }

// TestBecause: a network call that fails of the deadline of its context just
// before the context itself has the context's cause.
func TestBecause(t *testing.T) {
	cause := errors.New("no login within 1s")
	ctx, cancel := context.WithCancelCause(t.Context())
	if err := because(ctx, os.ErrDeadlineExceeded); err != os.ErrDeadlineExceeded {
		t.Errorf("before the end: got %v", err)
	}
	time.AfterFunc(10*time.Millisecond, func() { cancel(cause) })
	if err := because(late{ctx}, os.ErrDeadlineExceeded); err != cause {
		t.Errorf("at the end: got %v", err)
	}
}
