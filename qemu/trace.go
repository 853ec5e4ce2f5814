package qemu

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bootscribe/bootscribe/qemu/qmp"
)

// maxTraceLine is the longest start of a line that is held back until the rest
// of it comes.
const maxTraceLine = 512

// trace takes the lines of QEMU's trace out of what it writes on standard
// error, which is where the trace backend "log" puts them. The zero trace lets
// everything pass.
type trace struct {
	mu    sync.Mutex
	names map[string]bool // events ever asked for: their lines may come late
	line  []byte          // the beginning of a line whose end is to come
	kept  []byte          // what passes, valid until the next sift
	ears  map[*ear]bool
}

// sift returns what of p is no trace. The result is valid until the next call.
func (t *trace) sift(p []byte) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.names) == 0 {
		return p
	}
	t.kept = t.kept[:0]
	for len(p) > 0 {
		line, rest, whole := bytes.Cut(p, []byte("\n"))
		p = rest
		t.line = append(t.line, line...)
		if !whole {
			if len(t.line) > maxTraceLine {
				t.pass()
			}
			break
		}
		if !t.heard(string(t.line)) {
			t.line = append(t.line, '\n')
			t.pass()
		}
		t.line = t.line[:0]
	}
	return t.kept
}

// rest returns what was held back, at the end of the stream.
func (t *trace) rest() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = t.kept[:0]
	t.pass()
	return t.kept
}

func (t *trace) pass() {
	t.kept = append(t.kept, t.line...)
	t.line = t.line[:0]
}

// heard passes a line of the trace on, and reports whether it was one. With
// -msg timestamp=on QEMU puts "PID@SECONDS:" before the name.
func (t *trace) heard(line string) bool {
	name, args, _ := strings.Cut(strings.TrimSuffix(line, "\r"), " ")
	if i := strings.LastIndexByte(name, ':'); i >= 0 && strings.ContainsRune(name[:i], '@') {
		name = name[i+1:]
	}
	if !t.names[name] {
		return false
	}
	for e := range t.ears {
		if slices.Contains(e.names, name) {
			e.put(traceLine{name, args})
		}
	}
	return true
}

// wanted reports whether an ear listens to an event. The caller holds the lock.
func (t *trace) wanted(name string) bool {
	for e := range t.ears {
		if slices.Contains(e.names, name) {
			return true
		}
	}
	return false
}

// errNoTrace says that this QEMU has not the events that are wanted.
var errNoTrace = errors.New("QEMU has no such trace events")

// setTrace turns trace events on or off. The error wraps errNoTrace if QEMU
// knows one of them not, or was built without them.
func (vm *VM) setTrace(ctx context.Context, on bool, names []string) error {
	for _, name := range names {
		err := vm.qmp.Execute(ctx, "trace-event-set-state", map[string]any{"name": name, "enable": on}, nil)
		var refused *qmp.Error
		if errors.As(err, &refused) {
			return fmt.Errorf("%w: %w", errNoTrace, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// traceLine is one event of the trace.
type traceLine struct{ name, args string }

// ear keeps what the trace says of some events until it is asked for.
type ear struct {
	vm    *VM
	names []string
	wake  chan struct{} // holds a value when there is something new

	mu    sync.Mutex
	lines []traceLine
}

// listen turns trace events on and keeps them in the ear that it returns,
// which the caller closes.
func (vm *VM) listen(ctx context.Context, names ...string) (*ear, error) {
	e := &ear{vm: vm, names: names, wake: make(chan struct{}, 1)}
	t := &vm.proc.trace
	t.mu.Lock()
	if t.names == nil {
		t.names, t.ears = map[string]bool{}, map[*ear]bool{}
	}
	for _, n := range names {
		t.names[n] = true
	}
	t.ears[e] = true
	t.mu.Unlock()
	if err := vm.setTrace(ctx, true, names); err != nil {
		return nil, errors.Join(err, e.close(ctx))
	}
	return e, nil
}

// close turns the events off that no other ear listens to.
func (e *ear) close(ctx context.Context) error {
	t := &e.vm.proc.trace
	t.mu.Lock()
	delete(t.ears, e)
	alone := slices.DeleteFunc(slices.Clone(e.names), t.wanted)
	t.mu.Unlock()
	err := e.vm.setTrace(ctx, false, alone)
	if errors.Is(err, errNoTrace) {
		return nil
	}
	return err
}

func (e *ear) put(l traceLine) {
	e.mu.Lock()
	e.lines = append(e.lines, l)
	e.mu.Unlock()
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// take returns what came since the last take.
func (e *ear) take() []traceLine {
	e.mu.Lock()
	defer e.mu.Unlock()
	lines := e.lines
	e.lines = nil
	return lines
}

// rest waits for something new, for at most d.
func (e *ear) rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-e.wake:
		return nil
	case <-timer.C:
		return nil
	case <-e.vm.proc.done:
		return ErrNotRunning
	case <-ctx.Done():
		return ctxError(ctx)
	}
}
