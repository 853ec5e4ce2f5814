package imagebuild

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bootscribe/bootscribe/httpserve"
)

// NotFoundError is in the error of a step that waited while the guest asked for a
// file which is not there: for one whose name is nearly that which was waited for,
// or for any, without having fetched another.
type NotFoundError struct {
	Request httpserve.Request // what the guest asked for
	Awaited string            // the path that was waited for, or empty
}

// Error tells both names.
func (e *NotFoundError) Error() string {
	instead := "has fetched nothing else"
	switch {
	case e.Awaited != "":
		instead = fmt.Sprintf("not for %q", e.Awaited)
	case e.Request.Nearest != "":
		instead += fmt.Sprintf(" (the nearest is %q)", e.Request.Nearest)
	}
	return fmt.Sprintf("the guest asked for %q, which is not there, and %s; mend the boot command or the file's name", e.Request.Path, instead)
}

// How long a guest may take to ask for another name, as some do that try several:
// after one that is nearly right, and after any other.
const (
	missGrace    = time.Second
	missPatience = 3 * time.Second
)

// misses ends waits of guests that look for files under a wrong name.
type misses struct {
	mu      sync.Mutex
	awaited map[string]context.CancelCauseFunc // by path, of the waits that go on
	fetched bool                               // something
	tried   []string                           // the paths that were not there, if nothing was fetched
	last    httpserve.Request                  // the request for the last of them
	since   time.Time                          // when that was; zero if there is none
}

// maxTried is how many names a guest may try, each with some patience.
const maxTried = 16

// await returns a context that ends, with a NotFoundError as its cause, when the
// guest asks for a name near to a path but not for that; done ends the watch.
func (m *misses) await(ctx context.Context, path string) (_ context.Context, done func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	path = "/" + strings.TrimPrefix(path, "/")
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.awaited == nil {
		m.awaited = map[string]context.CancelCauseFunc{}
	}
	m.awaited[path] = cancel
	return ctx, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.awaited, path)
		cancel(nil)
	}
}

// requested is told of every request.
func (m *misses) requested(req httpserve.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if req.Status < http.StatusBadRequest {
		m.fetched, m.since = true, time.Time{}
	}
	if req.Status != http.StatusNotFound {
		return
	}
	if !m.fetched && len(m.tried) < maxTried && !slices.Contains(m.tried, req.Path) {
		m.tried, m.last, m.since = append(m.tried, req.Path), req, time.Now()
	}
	if cancel := m.awaited[req.Nearest]; cancel != nil {
		err := &NotFoundError{req, req.Nearest}
		time.AfterFunc(missGrace, func() { cancel(err) })
	}
}

// inVain returns a NotFoundError when a guest has asked for files that are not
// there, for none that is, and does not try another name; else nil. What is
// being typed may make it try one: patience begins anew then.
func (m *misses) inVain(typing bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if typing && !m.since.IsZero() {
		m.since = time.Now()
	}
	if m.since.IsZero() || time.Since(m.since) < missPatience {
		return nil
	}
	return &NotFoundError{Request: m.last}
}
