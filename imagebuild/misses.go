package imagebuild

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/bootscribe/bootscribe/httpserve"
)

// NotFoundError is in the error of a step that waited for the guest to fetch a
// file while the guest asked for one whose name is nearly the same.
type NotFoundError struct {
	Request httpserve.Request // what the guest asked for
	Awaited string            // the path that was waited for
}

// Error tells both names.
func (e *NotFoundError) Error() string {
	return fmt.Sprintf("the guest asked for %q, which is not there, and not for %q; mend the boot command or the file's name", e.Request.Path, e.Awaited)
}

// missGrace is how long a guest may take to ask for the right name as well, as
// some do that try several.
const missGrace = time.Second

// misses ends waits for files that the guest looks for under a wrong name.
type misses struct {
	mu      sync.Mutex
	awaited map[string]context.CancelCauseFunc // by path, of the waits that go on
}

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
	if req.Status != http.StatusNotFound {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if cancel := m.awaited[req.Nearest]; cancel != nil {
		err := &NotFoundError{req, req.Nearest}
		time.AfterFunc(missGrace, func() { cancel(err) })
	}
}
