package imagebuild

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
)

// CallbackPanic is what Run panics with when a function or writer of the Build
// has panicked that is called from several goroutines: Observe, Console and
// those of the configurations in the Build. By then everything is released. A
// step's own panic passes through Run as it is, after the same.
type CallbackPanic struct {
	Value any    // what the callback panicked with
	Stack []byte // where, as by [debug.Stack]
}

// Error returns the value and the stack.
func (p *CallbackPanic) Error() string {
	return fmt.Sprintf("imagebuild: a callback panicked: %v\n\n%s", p.Value, p.Stack)
}

// Unwrap returns the value if it is an error.
func (p *CallbackPanic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// callbacks calls the caller's functions from any goroutine. The first one that
// panics ends the build, none is called after it, and Run panics in its place:
// on a goroutine of ours it would take the whole program with it.
type callbacks struct {
	abort context.CancelCauseFunc

	mu     sync.Mutex
	caught *CallbackPanic
}

func (c *callbacks) call(f func()) {
	if c.panicked() != nil {
		return
	}
	defer func() {
		if v := recover(); v != nil {
			c.catch(&CallbackPanic{v, debug.Stack()})
		}
	}()
	f()
}

func (c *callbacks) catch(p *CallbackPanic) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.caught == nil {
		c.caught = p
		c.abort(p)
	}
}

func (c *callbacks) panicked() *CallbackPanic {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.caught
}

// rethrow panics if a callback did.
func (c *callbacks) rethrow() {
	if p := c.panicked(); p != nil {
		panic(p)
	}
}

// observer gives events to Build.Observe, one at a time.
type observer struct {
	callbacks *callbacks
	observe   func(Event)

	mu   sync.Mutex
	over bool // Run is about to return
}

func (o *observer) emit(e Event) {
	if o.observe == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.over {
		o.callbacks.call(func() { o.observe(e) })
	}
}

// end waits for the event that is under way, and lets no other follow.
func (o *observer) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.over = true
}

// console is what the guest's serial output goes to.
type console struct {
	callbacks *callbacks
	lines     lineWriter
	copies    []io.Writer // may be nil
}

// Write never fails: what matters is that the guest is not held up.
func (c *console) Write(p []byte) (int, error) {
	_, _ = c.lines.Write(p)
	for _, w := range c.copies {
		if w != nil {
			c.callbacks.call(func() { _, _ = w.Write(p) })
		}
	}
	return len(p), nil
}
