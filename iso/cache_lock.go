package iso

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/gofrs/flock"
)

// lockPace is how often a waiting process looks whether it is its turn.
const lockPace = 50 * time.Millisecond

// lock waits until no other process or goroutine works on the key, telling
// meanwhile how far that one is. The lock ends with the process that holds
// it, so that nobody waits for the dead; the lock file stays, since removing
// it would let two hold it at once.
func (c cache) lock(ctx context.Context, key string, observe func(Event)) (unlock func(), err error) {
	l := flock.New(c.lockPath(key))
	tick := time.NewTicker(lockPace)
	defer tick.Stop()
	pace := pacer{every: eventPace}
	var told *Waiting
	for {
		ok, err := l.TryLock()
		if err != nil {
			return nil, fmt.Errorf("cannot lock the cache entry: %w; set Fetcher.Dir to a directory of yours on a local disk", err)
		}
		if ok {
			return func() { l.Close() }, nil
		}
		if w := c.waiting(key); (told == nil || w != *told) && pace.due() {
			observe(w)
			told = &w
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// waiting looks at how far the holder of a lock is.
func (c cache) waiting(key string) Waiting {
	w := Waiting{Total: -1}
	if info, err := os.Stat(c.partPath(key)); err == nil {
		w.Done = info.Size()
	}
	var meta partMeta
	if readJSON(c.partPath(key)+".json", &meta) && meta.Total >= 0 {
		w.Total = meta.Total
	}
	return w
}
