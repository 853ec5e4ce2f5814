package qemu

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// traceLimit is when a trace that does not come counts as none.
const traceLimit = 5 * time.Second

// traceCommandRead says that QEMU has read a command of QMP.
const traceCommandRead = "handle_qmp_command"

// sync returns when all of the trace that QEMU has written by now was heard:
// what it writes of a command comes behind that. It reports false if no trace
// comes at all, as when it goes to a file.
func (e *ear) sync(ctx context.Context) (heard bool, err error) {
	mark, err := e.vm.listen(ctx, traceCommandRead)
	if errors.Is(err, errNoTrace) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	limited, cancel := context.WithTimeout(ctx, traceLimit)
	defer cancel()
	err = e.vm.qmp.Execute(ctx, "query-name", nil, nil)
	for err == nil && !heard {
		err = mark.rest(limited, time.Second)
		heard = len(mark.take()) > 0
	}
	if !heard && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		err = nil
	}
	return heard, errors.Join(err, mark.close(ctx))
}

// pending reports whether something was heard that nobody has taken.
func (e *ear) pending() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.lines) > 0
}

// acceptance is what QEMU's trace says of the key events that it let in: a
// machine that is stopped lets none in, and nobody else is told.
type acceptance struct {
	ear  *ear   // nil without a trace
	due  []bool // the events that were sent, whether each presses
	seen []bool // those that were let in
}

func (p *Pacer) newAcceptance(ctx context.Context) (acceptance, error) {
	e, err := p.vm.listen(ctx, traceInput)
	if errors.Is(err, errNoTrace) {
		return acceptance{}, nil
	}
	return acceptance{ear: e}, err
}

// begin forgets what was before, but that events are expected from now on.
func (a *acceptance) begin(strokes []Stroke) {
	a.hear()
	a.due, a.seen = nil, nil
	for _, s := range strokes {
		a.expect(s)
	}
}

func (a *acceptance) expect(keys []Key) {
	for _, k := range keys {
		a.due = append(a.due, k.Down)
	}
}

func (a *acceptance) hear() {
	if a.ear == nil {
		return
	}
	for _, l := range a.ear.take() {
		if l.name == traceInput {
			a.seen = append(a.seen, !strings.HasSuffix(l.args, "down 0"))
		}
	}
}

// accepted returns how many of the events that are due were let in, and false
// if that cannot be told: the trace does not, or there are others among them.
func (a *acceptance) accepted(ctx context.Context) (n int, ok bool, err error) {
	if a.ear == nil {
		return 0, false, nil
	}
	if heard, err := a.ear.sync(ctx); err != nil || !heard {
		return 0, false, err
	}
	a.hear()
	n = len(a.seen)
	return n, n <= len(a.due) && slices.Equal(a.seen, a.due[:n]), nil
}

func (a *acceptance) close(ctx context.Context) error {
	if a.ear == nil {
		return nil
	}
	return a.ear.close(ctx)
}
