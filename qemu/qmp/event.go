package qmp

import (
	"encoding/json"
	"sync"
	"time"
)

// Event is something that happened to the machine, such as SHUTDOWN, RESET,
// STOP or BLOCK_IO_ERROR.
type Event struct {
	Name string          // QEMU's word for it, such as "SHUTDOWN"
	Data json.RawMessage // a JSON object that depends on Name; nil for none
	Time time.Time       // when it happened by QEMU's clock; zero if QEMU does not know
}

type timestamp struct {
	Seconds      int64 `json:"seconds"`
	Microseconds int64 `json:"microseconds"`
}

func (m *message) event() Event {
	e := Event{Name: m.Event, Data: m.Data}
	if t := m.Timestamp; t != nil && t.Seconds >= 0 { // -1: the host's clock failed
		e.Time = time.Unix(t.Seconds, t.Microseconds*1000)
	}
	return e
}

// Subscription is a stream of the events of one connection, in their order.
type Subscription struct {
	// C carries the events. It is closed after the last one when the
	// connection ends, and at once by Close of the subscription or of the
	// connection.
	C <-chan Event

	queue *queue
	conn  *Conn
	once  sync.Once
	stop  chan struct{}
	ended chan struct{}
}

// Subscribe returns a new stream of all events from now on. The first
// subscription of a connection also gets those that came before it, so none is
// lost between [NewConn] and Subscribe. Any number of subscriptions may exist;
// each gets every event.
//
// A reader that does not keep up holds nobody: up to 1024 events wait for it.
// When more come, the oldest is dropped that is followed by one of the same
// name. So the last event of each kind always arrives, be it SHUTDOWN before a
// thousand BLOCK_IO_ERRORs.
func (c *Conn) Subscribe() *Subscription {
	c.mu.Lock()
	defer c.mu.Unlock()
	q := c.early
	c.early = nil
	if q == nil {
		q = newQueue()
	}
	out := make(chan Event)
	s := &Subscription{C: out, queue: q, conn: c, stop: make(chan struct{}), ended: make(chan struct{})}
	if c.closing {
		s.end()
		close(s.ended)
		close(out)
		return s
	}
	if c.err != nil {
		q.finish()
	}
	c.subs[s] = true
	c.tasks.Go(func() { s.pump(out) })
	return s
}

// Dropped returns how many events were dropped because C was not read.
func (s *Subscription) Dropped() int {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	return s.queue.dropped
}

// Total returns how many events have come for C, whether or not they were read,
// less those that were dropped. An event that QEMU sent before the reply to a
// command is counted when [Conn.Execute] returns.
func (s *Subscription) Total() uint64 {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	return s.queue.pushed - uint64(s.queue.dropped)
}

// Close ends the subscription and closes C; events not yet read are lost. It
// may be called more than once.
func (s *Subscription) Close() {
	s.conn.mu.Lock()
	delete(s.conn.subs, s)
	s.conn.mu.Unlock()
	s.end()
	<-s.ended
}

func (s *Subscription) end() { s.once.Do(func() { close(s.stop) }) }

// pump moves events from the queue to out until the queue is finished and
// empty, or the subscription ends.
func (s *Subscription) pump(out chan<- Event) {
	defer close(s.ended)
	defer close(out)
	for {
		e, state := s.queue.pop()
		switch state {
		case queueFinished:
			return
		case queueEmpty:
			select {
			case <-s.queue.wake:
			case <-s.stop:
				return
			}
		case queueHas:
			select {
			case out <- e:
			case <-s.stop:
				return
			}
		}
	}
}

// publish gives e to every subscription, or keeps it for the first.
func (c *Conn) publish(e Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.early != nil {
		c.early.push(e)
	}
	for s := range c.subs {
		s.queue.push(e)
	}
}
