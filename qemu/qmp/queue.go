package qmp

import (
	"slices"
	"sync"
)

// maxQueued is how many events may wait for one subscriber. QEMU itself limits
// its chattiest events to one a second, so that many is minutes of neglect.
const maxQueued = 1024

// queue holds events for one subscriber, without ever blocking who pushes.
type queue struct {
	wake chan struct{} // holds a token when there may be something to pop

	mu       sync.Mutex
	events   []Event
	names    map[string]int // how many of each name are in events
	pushed   uint64
	dropped  int
	finished bool
}

func newQueue() *queue {
	return &queue{wake: make(chan struct{}, 1), names: map[string]int{}}
}

// push appends e, at the cost of an older event when the queue is full.
func (q *queue) push(e Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pushed++
	q.events = append(q.events, e)
	q.names[e.Name]++
	if len(q.events) > maxQueued {
		q.dropped++
		q.remove(q.victim())
	}
	q.signal()
}

// victim returns the index of the oldest event that a later one of the same
// name follows; if there are more names than room, of the oldest event.
func (q *queue) victim() int {
	i := slices.IndexFunc(q.events, func(e Event) bool { return q.names[e.Name] > 1 })
	return max(i, 0)
}

func (q *queue) remove(i int) Event {
	e := q.events[i]
	q.events = slices.Delete(q.events, i, i+1)
	if q.names[e.Name]--; q.names[e.Name] == 0 {
		delete(q.names, e.Name)
	}
	return e
}

// finish says that no more events come.
func (q *queue) finish() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.finished = true
	q.signal()
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

type queueState int

const (
	queueHas queueState = iota
	queueEmpty
	queueFinished
)

// pop takes the oldest event, or says why there is none.
func (q *queue) pop() (Event, queueState) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case len(q.events) > 0:
		return q.remove(0), queueHas
	case q.finished:
		return Event{}, queueFinished
	}
	return Event{}, queueEmpty
}
