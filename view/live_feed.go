package view

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

const (
	feedMost   = 4000                  // entries that are kept for viewers
	feedGather = 50 * time.Millisecond // how long an answer waits for more
)

// feed keeps what has happened for viewers that come later.
type feed struct {
	mu      sync.Mutex
	began   time.Time // when the first entry came
	entries []entry
	seq     uint64
	thinner thinner
	more    chan struct{} // closed when an entry is added; nil if nobody waits
}

// add gives an entry its time and its number.
func (f *feed) add(e entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.began.IsZero() {
		f.began = time.Now()
	}
	e.T = time.Since(f.began).Milliseconds()
	if !f.thinner.keep(e) {
		return
	}
	f.seq++
	e.Seq = f.seq
	if len(f.entries) >= feedMost {
		f.trim()
	}
	f.entries = append(f.entries, e)
	if f.more != nil {
		close(f.more)
		f.more = nil
	}
}

// begun reports whether anything has happened.
func (f *feed) begun() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.began.IsZero()
}

// now returns how many milliseconds ago the first entry came.
func (f *feed) now() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.began.IsZero() {
		return 0
	}
	return time.Since(f.began).Milliseconds()
}

// trim forgets what is old: lines of output first, and only if there is hardly
// anything else, phases and steps.
func (f *feed) trim() {
	half := len(f.entries) / 2
	old := slices.DeleteFunc(slices.Clone(f.entries[:half]), func(e entry) bool { return !e.lasting() })
	if len(old) > half*3/4 {
		old = old[len(old)-half/2:]
	}
	f.entries = append(old, f.entries[half:]...)
}

// after returns what follows a number, and if that is nothing, a channel that is
// closed when there is more.
func (f *feed) after(seq uint64) ([]entry, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i, _ := slices.BinarySearchFunc(f.entries, seq+1, func(e entry, seq uint64) int {
		return int(int64(e.Seq) - int64(seq))
	})
	if i == len(f.entries) && f.more == nil {
		f.more = make(chan struct{})
	}
	return slices.Clone(f.entries[i:]), f.more
}

// wait returns what follows a number as soon as there is something, a little
// later if it has to wait for it, and nothing when ctx ends.
func (f *feed) wait(ctx context.Context, seq uint64) []entry {
	list, more := f.after(seq)
	if len(list) > 0 {
		return list
	}
	select {
	case <-more:
	case <-ctx.Done():
		return nil
	}
	gather := time.NewTimer(feedGather)
	defer gather.Stop()
	select {
	case <-gather.C:
	case <-ctx.Done():
	}
	list, _ = f.after(seq)
	return list
}

// serveEvents answers with what has happened after a number, when something has.
func (l *Live) serveEvents(w http.ResponseWriter, r *http.Request) {
	seq, err := strconv.ParseUint(r.FormValue("after"), 10, 62)
	if err != nil {
		http.Error(w, "after: want a number", http.StatusBadRequest)
		return
	}
	ctx, cancel := l.poll(r)
	defer cancel()
	list := l.feed.wait(ctx, seq)
	if list == nil {
		list = []entry{}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"now": l.feed.now(), "entries": list})
}
