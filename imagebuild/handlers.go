package imagebuild

import (
	"context"
	"errors"
	"sync"

	"github.com/bootscribe/bootscribe/qemu"
)

// handlers are Build.Handlers while the machine runs.
type handlers struct {
	search  *search
	console *qemu.ConsoleReader // a place of their own
	busy    bool                // one of them is being dealt with
	missed  []int               // what was read on the serial line when a wait was over
}

// handle makes the guest's waits look for outcomes.
func (g *Guest) handle(outcomes []Outcome) error {
	if len(outcomes) == 0 {
		return nil
	}
	s, err := newSearch(outcomes)
	if err != nil {
		return err
	}
	s.past = map[int]bool{}
	g.search, g.handlers.console = s, g.VM.Console().Reader()
	return nil
}

// errAppeared ends a wait so that a handler has its turn.
var errAppeared = errors.New("something appeared that a handler is for")

// wait calls f, which waits for something and can be called again if its
// context has ended, and deals in the meantime with what the build has handlers
// for.
func (g *Guest) wait(ctx context.Context, f func(context.Context) error) error {
	g.run.sentry.waits.Add(1)
	defer g.run.sentry.waits.Add(-1)
	h := &g.handlers
	if h.search == nil || h.busy {
		return f(ctx)
	}
	for {
		index, err := h.during(ctx, g, f)
		if index < 0 {
			return err
		}
		h.search.past[index] = h.search.outcomes[index].Serial == ""
		h.busy = true
		err = g.follow(ctx, h.search.outcomes[index])
		h.busy = false
		if err != nil {
			return err
		}
	}
}

// during calls f until it returns or something appears whose index is returned,
// else -1.
func (h *handlers) during(ctx context.Context, g *Guest, f func(context.Context) error) (int, error) {
	if len(h.missed) > 0 {
		index := h.missed[0]
		h.missed = h.missed[1:]
		return index, nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	index := -1
	var watch sync.WaitGroup
	watch.Go(func() {
		// That the screen or the serial line has ended is for f to tell.
		if i, err := h.search.run(ctx, g, h.console); err == nil {
			index = i
			cancel(errAppeared)
		}
	})
	err := f(ctx)
	cancel(nil)
	watch.Wait()
	if err != nil && context.Cause(ctx) == errAppeared {
		return index, nil
	}
	if index >= 0 && h.search.outcomes[index].Serial != "" {
		h.missed = append(h.missed, index) // all else will appear again
	}
	return -1, err
}
