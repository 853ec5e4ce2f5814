package httpserve

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// ErrNoRequest is in the error of a WaitFetch that has ended before the guest asked
// for anything.
var ErrNoRequest = errors.New("the guest asked for nothing; does it have a network, and the right address?")

var errClosed = errors.New("server closed")

// maxTold is how many of the guest's requests an error of WaitFetch lists.
const maxTold = 8

// requestLog remembers the requests and tells the observer and the waiters.
type requestLog struct {
	observe func(Request)
	turn    sync.Mutex // held while observe runs, so that calls keep the order

	mu       sync.Mutex
	requests []Request
	sent     map[string]coverage
	fetched  map[string]Request // the request that completed each file
	changed  chan struct{}      // closed and replaced at every request
	closed   bool
	panicked any // of observe
}

func newLog(observe func(Request)) *requestLog {
	return &requestLog{
		observe: observe,
		sent:    map[string]coverage{},
		fetched: map[string]Request{},
		changed: make(chan struct{}),
	}
}

// add records r, the answer for f from the offset from, and tells of it.
// f is nil and from negative where no content of a file was sent.
func (l *requestLog) add(r Request, f *file, from int64) {
	l.turn.Lock()
	defer l.turn.Unlock()
	if l.record(r, f, from) {
		defer l.keepPanic()
		l.observe(r)
	}
}

// record reports whether there is an observer to tell.
func (l *requestLog) record(r Request, f *file, from int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.requests) >= maxLogged {
		l.requests = slices.Delete(l.requests, 0, maxLogged/4)
	}
	l.requests = append(l.requests, r)
	if f != nil && from >= 0 && r.Err == nil {
		l.cover(r, f, from)
	}
	l.wake()
	return l.observe != nil && l.panicked == nil
}

func (l *requestLog) cover(r Request, f *file, from int64) {
	if _, done := l.fetched[f.name]; done {
		return
	}
	l.sent[f.name] = l.sent[f.name].add(span{from, from + r.Bytes})
	if r.Complete && l.sent[f.name].whole(f.size) {
		l.fetched[f.name] = r
		delete(l.sent, f.name)
	}
}

func (l *requestLog) wake() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// keepPanic holds a panic of the caller's function back from net/http, which
// would swallow it, until Close can raise it on the caller's goroutine.
func (l *requestLog) keepPanic() {
	if p := recover(); p != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.panicked = p
	}
}

// close ends all waits and returns what the observer panicked with, once.
func (l *requestLog) close() any {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.wake()
	return l.panicked
}

func (l *requestLog) all() []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.requests)
}

// wait returns the request that completed name.
func (l *requestLog) wait(ctx context.Context, name string) (Request, error) {
	for {
		l.mu.Lock()
		r, done := l.fetched[name]
		changed, closed := l.changed, l.closed
		l.mu.Unlock()
		switch {
		case done:
			return r, nil
		case closed:
			return Request{}, l.notFetched(name, errClosed)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Request{}, l.notFetched(name, context.Cause(ctx))
		}
	}
}

// notFetched says what the guest asked for instead.
func (l *requestLog) notFetched(name string, cause error) error {
	requests := l.all()
	if len(requests) == 0 {
		return fmt.Errorf("httpserve: wait for %q: %w: %w", "/"+name, cause, ErrNoRequest)
	}
	var told []string
	for _, r := range requests[max(0, len(requests)-maxTold):] {
		told = append(told, r.String())
	}
	return fmt.Errorf("httpserve: wait for %q: %w: the guest's last requests: %s", "/"+name, cause, strings.Join(told, "; "))
}
