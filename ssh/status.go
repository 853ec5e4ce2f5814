package ssh

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Status says how a wait stands: whom we met, and what was in the way.
type Status struct {
	// Elapsed is the time since the wait began, or that it took.
	Elapsed time.Duration
	// Attempts counts the attempts that ended.
	Attempts int
	// Connected says that the wait is over, with success.
	Connected bool
	// Failures counts the failed attempts by their reason.
	Failures map[Reason]int
	// Unexpected counts the logins after which Config.Expect said no.
	Unexpected int
	// Answered is when, after the beginning, an sshd first announced itself;
	// zero where none did.
	Answered time.Duration
	// ServerVersion is how the last sshd announced itself; empty where none
	// did.
	ServerVersion string
	// Offered are the login methods that the last refusal named.
	Offered []string
	// Tried are the login methods that were refused in it.
	Tried []string
	// Last is the error of the last attempt; nil where none failed.
	Last error

	refusedInRow int
	refusedSince time.Duration
}

func (s *Status) clone() Status {
	c := *s
	c.Failures = maps.Clone(s.Failures)
	c.Offered = slices.Clone(s.Offered)
	c.Tried = slices.Clone(s.Tried)
	return c
}

func (s *Status) sawVersion(version string, at time.Duration) {
	if version == "" {
		return
	}
	if s.ServerVersion == "" {
		s.Answered = at
	}
	s.ServerVersion = version
}

func (s *Status) noteDial(err *DialError, at time.Duration) {
	s.Attempts++
	s.Last = err
	if s.Failures == nil {
		s.Failures = map[Reason]int{}
	}
	s.Failures[err.Reason]++
	s.sawVersion(err.ServerVersion, at)
	if err.Reason != Auth {
		s.refusedInRow = 0
		return
	}
	if s.refusedInRow++; s.refusedInRow == 1 {
		s.refusedSince = at
	}
	s.Offered, s.Tried = err.Offered, err.Tried
}

func (s *Status) noteUnexpected(err error, at time.Duration) {
	s.Attempts++
	s.Unexpected++
	s.Last = err
	s.refusedInRow = 0
	if e, ok := err.(*NotExpectedError); ok {
		s.sawVersion(e.ServerVersion, at)
	}
}

// String says it in one line, for instance "sshd answered as OpenSSH_9.2p1 at
// 41s; connection accepted, but nothing sent 3 times; login refused 2 times;
// tried: password; methods offered: publickey".
func (s Status) String() string {
	var parts []string
	switch {
	case s.ServerVersion != "":
		parts = append(parts, fmt.Sprintf("sshd answered as %s at %v", software(s.ServerVersion), s.Answered.Round(100*time.Millisecond)))
	case s.Attempts == 0:
		parts = append(parts, "no attempt has ended yet")
	default:
		parts = append(parts, "no sshd has answered")
	}
	for _, reason := range slices.Sorted(maps.Keys(s.Failures)) {
		parts = append(parts, fmt.Sprintf("%s %s", reason, times(s.Failures[reason])))
	}
	if s.Failures[Auth] > 0 {
		parts = append(parts, methods(s.Tried, s.Offered))
	}
	if s.Unexpected > 0 {
		parts = append(parts, "let us in, but was not the system waited for, "+times(s.Unexpected))
	}
	if s.Connected {
		parts = append(parts, fmt.Sprintf("connected at %v", s.Elapsed.Round(100*time.Millisecond)))
	}
	return strings.Join(parts, "; ")
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// WaitError says that a wait was given up, and what it had met by then.
type WaitError struct {
	// Addr is the address that was waited for.
	Addr string
	// Status is how the wait stood at its end.
	Status Status
	// Err is why it ended: the context's cause, or that a limit of the
	// Config was reached.
	Err error
}

// Error says why the wait ended, what was met, and the last failure.
func (e *WaitError) Error() string {
	text := fmt.Sprintf("ssh: wait for %s: %v after %v: %v", e.Addr, e.Err, e.Status.Elapsed.Round(100*time.Millisecond), e.Status)
	if e.Status.Last != nil {
		text += "; last: " + e.Status.Last.Error()
	}
	return text
}

// Unwrap returns why the wait ended and the last attempt's error, so that
// errors.As finds the [*DialError].
func (e *WaitError) Unwrap() []error {
	if e.Status.Last == nil {
		return []error{e.Err}
	}
	return []error{e.Err, e.Status.Last}
}

// NotExpectedError says that a login succeeded on a system that Config.Expect
// did not recognize.
type NotExpectedError struct {
	// Addr is the address of the login.
	Addr string
	// ServerVersion is how the server announced itself.
	ServerVersion string
	// Err is what Config.Expect returned.
	Err error
}

// Error names the address, the server and the cause.
func (e *NotExpectedError) Error() string {
	return fmt.Sprintf("ssh: logged in to %s by %s, but it is not the system waited for: %v", e.Addr, software(e.ServerVersion), e.Err)
}

// Unwrap returns what Config.Expect returned.
func (e *NotExpectedError) Unwrap() error { return e.Err }
