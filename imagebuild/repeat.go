package imagebuild

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bootscribe/bootscribe/keyseq"
)

// Repeat types a boot command, such as "<esc>", until one of the outcomes
// appears, does what that one says and returns its index. It waits for a time
// before it types and then between two times, and never types when the guest has
// not yet taken what was typed last: a firmware that reads no keys finds one at
// the end, and not a heap of them.
func (g *Guest) Repeat(ctx context.Context, command string, every time.Duration, until ...Outcome) (int, error) {
	seq, err := repeatable(command, every)
	if err != nil {
		return 0, err
	}
	s, err := newSearch(until)
	if err != nil {
		return 0, err
	}
	if err := errors.Join(s.possible(g), needsKeyboard(g)); err != nil {
		return 0, err
	}
	index := 0
	err = g.wait(ctx, func(ctx context.Context) (err error) {
		index, err = g.typeUntil(ctx, seq, every, s)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("typing %q again and again until there is %s: %w; %s", command, s, err, g.says())
	}
	return index, g.follow(ctx, until[index])
}

func needsKeyboard(g *Guest) error {
	if g.VNC == nil {
		return errNoScreen
	}
	return nil
}

// repeatable returns what is to be typed again and again.
func repeatable(command string, every time.Duration) (keyseq.Sequence, error) {
	seq, err := keyseq.Parse(command)
	errs := []error{err, seq.Check(nil)}
	if every <= 0 {
		errs = append(errs, errors.New("the time between two keys is not positive"))
	}
	for _, st := range seq {
		if w, ok := st.(keyseq.WaitFor); ok {
			errs = append(errs, fmt.Errorf("%s: what is repeated cannot wait for facts; wait for an Outcome", w))
		}
	}
	return seq, errors.Join(errs...)
}

// patient is how long Repeat lets the guest take no key: until its context ends.
const patient = 1000 * time.Hour

// typeUntil types while it searches, and is done with both when it returns.
func (g *Guest) typeUntil(ctx context.Context, seq keyseq.Sequence, every time.Duration, s *search) (index int, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	typing, stop := context.WithCancel(ctx)
	defer stop()
	console := g.serial()
	var searching sync.WaitGroup
	searching.Go(func() {
		index, err = s.run(ctx, g, console)
		stop()
	})
	for pause(typing, every) == nil {
		if failed := g.Play(typing, seq, &TypeOptions{Patience: patient}); failed != nil && typing.Err() == nil {
			cancel()
			searching.Wait()
			return 0, failed
		}
	}
	searching.Wait()
	return index, err
}
