package ssh

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// expectTimeout is the least time that Config.Expect gets.
const expectTimeout = 10 * time.Second

// ErrLoginRefused is in the error of a wait that was given up since the guest's
// sshd refuses the login, for longer or more often than a guest does that is
// still being set up.
var ErrLoginRefused = errors.New("login refused")

// Wait tries to log in to the guest until it succeeds, Config.Expect agrees,
// and then returns the client. It is a [Waiter] for callers that need no
// status on the way.
func Wait(ctx context.Context, c *Config) (*Client, error) {
	return (&Waiter{Config: c}).Wait(ctx)
}

// Waiter waits for a guest and can say at any time why it still does. It makes
// one attempt at a time: a port forward whose guest is not up yet keeps every
// connection, and a few of them block the way for all others.
type Waiter struct {
	// Config says how to reach the guest. It is required.
	Config *Config

	expect func(context.Context, *Client) error // nil: Config.Expect

	mu     sync.Mutex
	start  time.Time
	status Status
}

// Wait tries until the guest lets us in and Config.Expect agrees. Every
// failure is retried, refused logins and unexpected host keys included, until
// ctx ends or the limits on refused logins in the Config are reached: a guest
// that is being set up shows all of them. The error is then a [*WaitError]. Only
// a tunnel that cannot be opened, once the guest has let us in, ends it at once
// with a [*TunnelError].
func (w *Waiter) Wait(ctx context.Context) (*Client, error) {
	if err := w.Config.Validate(); err != nil {
		return nil, err
	}
	return w.wait(ctx, w.Config.withDefaults())
}

func (w *Waiter) wait(ctx context.Context, c *Config) (*Client, error) {
	w.mu.Lock()
	w.start, w.status = time.Now(), Status{}
	w.mu.Unlock()
	for {
		client, err := w.attempt(ctx, c)
		if err == nil {
			return client, nil
		}
		if tunnel := (*TunnelError)(nil); errors.As(err, &tunnel) && ctx.Err() == nil {
			return nil, err
		}
		if err := w.hopeless(c); err != nil {
			return nil, &WaitError{Addr: c.name(), Status: w.Status(), Err: err}
		}
		if !sleep(ctx, c.RetryInterval) {
			return nil, &WaitError{Addr: c.name(), Status: w.Status(), Err: context.Cause(ctx)}
		}
	}
}

// attempt makes one attempt, and records what came of it.
func (w *Waiter) attempt(ctx context.Context, c *Config) (*Client, error) {
	start := time.Now()
	client, err := w.login(ctx, c)
	took := time.Since(start)
	if err != nil {
		attempt := w.note(err, over(ctx))
		c.observe(AttemptFailed{Attempt: attempt, Took: took, Err: err})
		return nil, err
	}
	c.HostKeys.accept(client.hostKey)
	c.observe(Connected{Attempt: w.noteSuccess(client), Took: took, ServerVersion: client.version})
	return client, nil
}

// over reports whether ctx has ended. A network call knows the deadline of its
// context by its own clock, and may fail of it a moment before ctx.Err does:
// that moment is waited for, since only then ctx knows its cause.
func over(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	if !ok || time.Now().Before(deadline) {
		return ctx.Err() != nil
	}
	sleep(ctx, time.Second)
	return true
}

// login connects, and asks whether this is the system waited for.
func (w *Waiter) login(ctx context.Context, c *Config) (*Client, error) {
	client, derr := dial(ctx, c)
	if derr != nil {
		return nil, derr
	}
	expect := w.expect
	if expect == nil {
		expect = c.Expect
	}
	limited, cancel := context.WithTimeout(ctx, max(expectTimeout, c.AttemptTimeout))
	defer cancel()
	if expect != nil {
		if err := expect(limited, client); err != nil {
			client.Close()
			return nil, &NotExpectedError{Addr: c.name(), ServerVersion: client.version, Err: err}
		}
	}
	if err := client.openTunnels(limited); err != nil {
		client.Close()
		return nil, err
	}
	return client, nil
}

// hopeless returns an error when the limits on refused logins are reached.
func (w *Waiter) hopeless(c *Config) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := &w.status
	if c.MaxAuthFailures > 0 && s.refusedInRow >= c.MaxAuthFailures {
		return fmt.Errorf("%w %d times in a row", ErrLoginRefused, s.refusedInRow)
	}
	if c.AuthPatience > 0 && s.refusedInRow > 0 && w.elapsed()-s.refusedSince >= c.AuthPatience {
		return fmt.Errorf("%w for %v", ErrLoginRefused, (w.elapsed() - s.refusedSince).Round(time.Second))
	}
	return nil
}

func (w *Waiter) elapsed() time.Duration { return time.Since(w.start) }

// Status returns how the wait stands. It may be called from any goroutine, and
// before and after [Waiter.Wait] too.
func (w *Waiter) Status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.status.clone()
	if !w.start.IsZero() && !s.Connected {
		s.Elapsed = w.elapsed()
	}
	return s
}

// note counts a failed attempt, and returns its number. One that was cut short
// by the end of the wait says nothing about the guest that earlier ones did not.
func (w *Waiter) note(err error, cutShort bool) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	var derr *DialError
	switch {
	case cutShort && w.status.Attempts > 0:
		return w.status.Attempts + 1
	case errors.As(err, &derr):
		w.status.noteDial(derr, w.elapsed())
	default:
		w.status.noteUnexpected(err, w.elapsed())
	}
	return w.status.Attempts
}

func (w *Waiter) noteSuccess(client *Client) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status.Attempts++
	w.status.Connected = true
	w.status.Elapsed = w.elapsed()
	w.status.sawVersion(client.version, w.status.Elapsed)
	return w.status.Attempts
}

// sleep waits for d and reports whether ctx still lives.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
