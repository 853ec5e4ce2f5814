package winrm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Dial logs in to the guest once, and looks that PowerShell runs there. The error
// is a [*DialError].
func Dial(ctx context.Context, c *Config) (*Client, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	client := &Client{c.withDefaults()}
	if err := client.attempt(ctx, 1, nil); err != nil {
		return nil, err
	}
	return client, nil
}

// Wait tries to log in to the guest until it succeeds and PowerShell runs there.
// Every failure is retried, refused logins included, until ctx ends or
// Config.MaxAuthFailures is reached: a guest that is being set up shows all of
// them. The error is then a [*WaitError].
func Wait(ctx context.Context, c *Config) (*Client, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	client := &Client{c.withDefaults()}
	if err := client.wait(ctx, nil); err != nil {
		return nil, err
	}
	return client, nil
}

// wait tries until expect, which may be nil, agrees as well.
func (c *Client) wait(ctx context.Context, expect func(context.Context) error) error {
	begin := time.Now()
	w := &WaitError{Addr: c.config.name(), Failures: map[Reason]int{}}
	refused := 0
	for {
		w.Attempts++
		err := c.attempt(ctx, w.Attempts, expect)
		if err == nil {
			return nil
		}
		pause := c.config.RetryInterval
		d := dialError(c.config, err, true)
		if ctx.Err() == nil || w.Last == nil { // else the end of the wait cut it short
			w.Last = err
			w.Failures[d.Reason]++
		}
		w.Elapsed = time.Since(begin)
		if d.Reason == Auth {
			refused++
			pause = c.config.RefusedInterval
		} else {
			refused = 0
		}
		if most := c.config.MaxAuthFailures; most > 0 && refused >= most {
			w.Err = fmt.Errorf("login refused %d times in a row", refused)
			return w
		}
		if !sleep(ctx, pause) {
			w.Err = context.Cause(ctx)
			return w
		}
	}
}

// attempt logs in once.
func (c *Client) attempt(ctx context.Context, n int, expect func(context.Context) error) error {
	begin := time.Now()
	limited, cancel := context.WithTimeout(ctx, c.config.AttemptTimeout)
	defer cancel()
	err := c.ready(limited)
	if err == nil && expect != nil {
		if err = expect(limited); err != nil {
			err = &DialError{Addr: c.config.name(), User: c.config.User, Reason: NotYet, Err: err}
		}
	}
	took := time.Since(begin)
	if err != nil {
		d := dialError(c.config, err, true)
		c.config.observe(AttemptFailed{n, took, d})
		return d
	}
	c.config.observe(Connected{n, took})
	return nil
}

// ready runs PowerShell.
func (c *Client) ready(ctx context.Context) error {
	cmd := &Command{PowerShell: readyScript, Name: "look whether PowerShell runs"}
	r := newRun(c.config, cmd)
	defer r.lane.close()
	if err := r.lane.knock(ctx); err != nil {
		return dialError(c.config, err, r.lane.connected.Load())
	}
	err := r.run(ctx, powershell(cmd.PowerShell), nil)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx) // without the words of Run around it
		return &DialError{Addr: c.config.name(), User: c.config.User, Reason: r.reached(), Err: err}
	}
	return err
}

// reached says how far a run came that was too slow.
func (r *run) reached() Reason {
	switch {
	case r.command != "":
		return NoPowerShell
	case !r.lane.connected.Load():
		return Unreachable
	}
	return Silent
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

// WaitError says that a wait was given up, and what it had met by then.
type WaitError struct {
	// Addr is the address that was waited for.
	Addr string
	// Elapsed is how long was waited.
	Elapsed time.Duration
	// Attempts counts the attempts.
	Attempts int
	// Failures counts the failed attempts by their reason.
	Failures map[Reason]int
	// Last is the error of the last attempt that came to an end, a
	// [*DialError].
	Last error
	// Err is why the wait ended: the context's cause, or that a limit of the
	// Config was reached.
	Err error
}

// Error says why the wait ended, what was met, and the last failure.
func (e *WaitError) Error() string {
	var met []string
	for _, reason := range slices.Sorted(maps.Keys(e.Failures)) {
		times := "once"
		if n := e.Failures[reason]; n > 1 {
			times = fmt.Sprintf("%d times", n)
		}
		met = append(met, fmt.Sprintf("%s %s", reason, times))
	}
	text := fmt.Sprintf("winrm: wait for %s: %v after %v: %s", e.Addr, e.Err, e.Elapsed.Round(100*time.Millisecond), strings.Join(met, "; "))
	if e.Last != nil {
		text += "; last: " + e.Last.Error()
	}
	return text
}

// Unwrap returns why the wait ended and the last attempt's error, so that
// errors.As finds the [*DialError].
func (e *WaitError) Unwrap() []error { return []error{e.Err, e.Last} }

// errNotRestarted says that the guest is still the one from before.
var errNotRestarted = errors.New("it has not restarted yet")
