package qemu

import (
	"context"
	"errors"
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
	ear     *ear   // nil without a trace
	due     []bool // events that were sent and not heard yet, whether each presses
	late    int    // of these, those from before the strokes on their way
	sent    int    // events since then
	heard   int    // of these
	unclear bool   // others were heard than were sent
	foreign bool   // or more
}

// newAcceptance begins to listen when QEMU has let in all that was sent before.
func (p *Pacer) newAcceptance(ctx context.Context) (acceptance, error) {
	if err := p.fence(ctx); err != nil {
		return acceptance{}, err
	}
	e, err := p.vm.listen(ctx, traceInput)
	if errors.Is(err, errNoTrace) {
		return acceptance{}, nil
	}
	return acceptance{ear: e}, err
}

// begin expects strokes, which are counted from now on. What was sent before may
// still be heard.
func (a *acceptance) begin(strokes []Stroke) {
	if a.ear == nil {
		return
	}
	a.hear()
	a.late, a.sent, a.heard = len(a.due), 0, 0
	for _, s := range strokes {
		a.expect(s)
	}
}

func (a *acceptance) expect(keys []Key) {
	for _, k := range keys {
		a.due = append(a.due, k.Down)
	}
	a.sent += len(keys)
}

// withdraw forgets the newest n events, which were not let in.
func (a *acceptance) withdraw(n int) {
	a.due = a.due[:len(a.due)-n]
	a.sent -= n
}

func (a *acceptance) hear() {
	if a.ear == nil {
		return
	}
	for _, l := range a.ear.take() {
		if l.name == traceInput {
			a.let(!strings.HasSuffix(l.args, "down 0"))
		}
	}
}

// let is told of an event that was let in.
func (a *acceptance) let(down bool) {
	if len(a.due) == 0 {
		a.foreign = true
		return
	}
	a.unclear = a.unclear || a.due[0] != down
	a.due = a.due[1:]
	if a.late > 0 {
		a.late--
	} else {
		a.heard++
	}
}

// accepted returns how many of the events since begin were let in, and false if
// that cannot be told: the trace does not, or there are others among them.
func (a *acceptance) accepted(ctx context.Context) (n int, ok bool, err error) {
	if a.ear == nil {
		return 0, false, nil
	}
	if heard, err := a.ear.sync(ctx); err != nil || !heard {
		return 0, false, err
	}
	a.hear()
	return a.heard, a.late == 0 && !a.unclear && !a.foreign, nil
}

func (a *acceptance) close(ctx context.Context) error {
	if a.ear == nil {
		return nil
	}
	return a.ear.close(ctx)
}
