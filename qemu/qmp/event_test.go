package qmp_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/qemu/qmp"
	"github.com/bootscribe/bootscribe/qemu/qmp/qmptest"
)

func next(t *testing.T, s *qmp.Subscription) qmp.Event {
	t.Helper()
	select {
	case e, ok := <-s.C:
		if !ok {
			t.Fatal("the subscription has ended")
		}
		return e
	case <-time.After(time.Minute):
		t.Fatal("no event")
	}
	return qmp.Event{}
}

func TestEvents(t *testing.T) {
	_, conn := open(t, qmptest.Script{Handlers: handlers{
		"say": func(c *qmptest.Conn, r qmptest.Request) {
			c.Send(`{"event": "SHUTDOWN", "data": {"guest": true}, "timestamp": {"seconds": 5, "microseconds": 7}}`)
			c.Send(`{"event": "POWERDOWN", "timestamp": {"seconds": -1, "microseconds": -1}}`)
			c.Reply(r, nil)
		},
	}})
	events := conn.Subscribe()
	if err := conn.Execute(soon(t), "say", nil, nil); err != nil {
		t.Fatal(err)
	}
	want := []qmp.Event{
		{Name: "SHUTDOWN", Data: []byte(`{"guest": true}`), Time: time.Unix(5, 7000)},
		{Name: "POWERDOWN"},
	}
	if diff := cmp.Diff(want, []qmp.Event{next(t, events), next(t, events)}); diff != "" {
		t.Error(diff)
	}
}

// Events between the negotiation and the first Subscribe are not lost.
func TestEventsBeforeSubscribe(t *testing.T) {
	_, conn := open(t, qmptest.Script{Handlers: handlers{
		"qmp_capabilities": func(c *qmptest.Conn, r qmptest.Request) {
			c.Event("A", nil)
			c.Reply(r, nil)
			c.Event("B", nil)
		},
		"say": func(c *qmptest.Conn, r qmptest.Request) { c.Event("C", nil); c.Reply(r, nil) },
	}})
	first := conn.Subscribe()
	if err := conn.Execute(soon(t), "say", nil, nil); err != nil {
		t.Fatal(err)
	}
	second := conn.Subscribe()
	for _, want := range []string{"A", "B", "C"} {
		if e := next(t, first); e.Name != want {
			t.Errorf("got %s, want %s", e.Name, want)
		}
	}
	if err := conn.Execute(soon(t), "say", nil, nil); err != nil {
		t.Fatal(err)
	}
	next(t, first)
	next(t, second)
	second.Close()
	second.Close()
	if _, ok := <-second.C; ok {
		t.Error("event after Close")
	}
}

// A subscriber that does not read loses repetitions, never a kind of event,
// and holds neither commands nor other subscribers.
func TestEventsFlood(t *testing.T) {
	const flood = 3000
	_, conn := open(t, qmptest.Script{Handlers: handlers{
		"flood": func(c *qmptest.Conn, r qmptest.Request) {
			c.Event("RESUME", nil) // may be on its way already when the queue is full
			c.Event("SHUTDOWN", nil)
			for i := range flood {
				c.Event("BLOCK_IO_ERROR", i)
			}
			c.Event("STOP", nil)
			c.Reply(r, nil)
		},
	}})
	idle, busy := conn.Subscribe(), conn.Subscribe()
	seen := make(chan int)
	go func() {
		n := 0
		for e := range busy.C {
			if n++; e.Name == "STOP" {
				break
			}
		}
		seen <- n
	}()
	if err := conn.Execute(soon(t), "flood", nil, nil); err != nil {
		t.Fatal(err)
	}
	if n := <-seen; n+busy.Dropped() != flood+3 {
		t.Errorf("the reader got %d events and lost %d, of %d", n, busy.Dropped(), flood+3)
	}
	var got []string
	for e := next(t, idle); ; e = next(t, idle) {
		got = append(got, e.Name+string(e.Data))
		if e.Name == "STOP" {
			break
		}
	}
	if len(got)+idle.Dropped() != flood+3 || len(got) > 1025 || idle.Dropped() == 0 {
		t.Errorf("%d events came, %d dropped", len(got), idle.Dropped())
	}
	last := fmt.Sprintf("BLOCK_IO_ERROR%d", flood-1)
	if i := slices.Index(got, "SHUTDOWN"); i < 0 || i > 1 || !slices.Contains(got, last) {
		t.Errorf("SHUTDOWN at %d, %s at %d", i, last, slices.Index(got, last))
	}
}
