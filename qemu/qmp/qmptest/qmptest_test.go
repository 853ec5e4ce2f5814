package qmptest_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/qemu/qmp"
	"github.com/bootscribe/bootscribe/qemu/qmp/qmptest"
)

// The server is spoken to without our own client here, so that a fault that
// both share shows.
func TestWire(t *testing.T) {
	server, nc := qmptest.Pipe(qmptest.Script{Handlers: map[string]qmptest.Handler{
		"query-name": qmptest.Value(map[string]string{"name": "x"}),
		"lie":        func(c *qmptest.Conn, _ qmptest.Request) { c.Send("lie\r\n") },
	}})
	defer server.Close()
	nc.SetDeadline(time.Now().Add(time.Minute))
	lines := bufio.NewScanner(nc)
	if err := server.Event("EARLY", nil); err == nil {
		t.Error("event before the negotiation")
	}
	for _, c := range []struct{ say, want string }{
		{``, `{"QMP": {"version": {"qemu": {"micro": 0, "minor": 2, "major": 7}, "package": "qmptest"}, "capabilities": ["oob"]}}`},
		{`{"execute": "query-name", "id": 1}`, `{"error":{"class":"CommandNotFound","desc":"Expecting capabilities negotiation with 'qmp_capabilities'"},"id":1}`},
		{`{"execute": "qmp_capabilities"}`, `{"return":{}}`},
		{`{"execute": "query-name", "id": "a"}`, `{"id":"a","return":{"name":"x"}}`},
		{`{"execute": "none", "id": [1]}`, `{"error":{"class":"CommandNotFound","desc":"The command none has not been found"},"id":[1]}`},
		{`{"execute": "lie", "id": 3}`, `lie`},
		{`{"execute": "quit", "id": 4}`, `{"id":4,"return":{}}`},
	} {
		if c.say != "" {
			if _, err := fmt.Fprint(nc, c.say); err != nil {
				t.Fatal(err)
			}
		}
		if !lines.Scan() || lines.Text() != c.want {
			t.Fatalf("to %s: %s, %v", c.say, lines.Text(), lines.Err())
		}
	}
	if !lines.Scan() || !strings.Contains(lines.Text(), `"event":"SHUTDOWN"`) {
		t.Error(lines.Text())
	}
	if lines.Scan() {
		t.Error(lines.Text())
	}
	if n := len(server.Requests()); n != 6 {
		t.Errorf("%d requests", n)
	}
}

// Close must end a server whose client does not read.
func TestCloseWhileSending(t *testing.T) {
	server, nc := qmptest.Pipe(qmptest.Script{})
	defer nc.Close()
	done := make(chan struct{})
	go func() { server.Close(); close(done) }()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("Close hangs")
	}
}

func TestServe(t *testing.T) {
	client, nc := net.Pipe()
	server := qmptest.Serve(nc, qmptest.Script{})
	defer server.Close()
	conn, err := qmp.NewConn(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if server.Addr() != nil {
		t.Error(server.Addr())
	}
}

// A test of how a program takes a machine that stops for want of disk space.
func Example() {
	server, nc := qmptest.Pipe(qmptest.Script{Handlers: map[string]qmptest.Handler{
		"cont": func(c *qmptest.Conn, r qmptest.Request) {
			c.Reply(r, nil)
			c.Event("BLOCK_IO_ERROR", map[string]any{"nospace": true})
			c.Event("STOP", nil)
		},
	}})
	defer server.Close()
	conn, err := qmp.NewConn(context.Background(), nc)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	events := conn.Subscribe()
	conn.Execute(context.Background(), "cont", nil, nil)
	fmt.Println((<-events.C).Name, (<-events.C).Name)
	// Output: BLOCK_IO_ERROR STOP
}
