package qmp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/qemu/qmp"
	"github.com/bootscribe/bootscribe/qemu/qmp/qmptest"
)

// handlers keeps the tables short.
type handlers = map[string]qmptest.Handler

// open connects to a server with the script and checks that nothing is left
// of either when the test ends.
func open(t *testing.T, s qmptest.Script) (*qmptest.Server, *qmp.Conn) {
	t.Helper()
	before := runtime.NumGoroutine()
	server, nc := qmptest.Pipe(s)
	conn, err := qmp.NewConn(t.Context(), nc)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		conn.Close()
		server.Close()
		server.Close()
		checkGoroutines(t, before)
	})
	return server, conn
}

func checkGoroutines(t *testing.T, before int) {
	t.Helper()
	for range 3000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	buf := make([]byte, 1<<20)
	t.Errorf("%d goroutines before, %d after:\n%s", before, runtime.NumGoroutine(), buf[:runtime.Stack(buf, true)])
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// brief is for calls that must run into their deadline.
func brief(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func TestGreeting(t *testing.T) {
	_, conn := open(t, qmptest.Script{})
	want := qmp.Greeting{Version: qmp.Version{Major: 7, Minor: 2, Package: "qmptest"}, Capabilities: []string{"oob"}}
	if diff := cmp.Diff(want, conn.Greeting()); diff != "" {
		t.Error(diff)
	}
	if got := conn.Greeting().Version.String(); got != "7.2.0 (qmptest)" {
		t.Error(got)
	}
}

func TestNewConnRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		script qmptest.Script
		want   string
	}{
		"not JSON":     {qmptest.Script{Greeting: "HTTP/1.1 400 Bad Request\r\n"}, "wait for the greeting: read from the server: invalid character 'H'"},
		"other JSON":   {qmptest.Script{Greeting: `{"return": {}}`}, "does not greet as QMP does"},
		"not object":   {qmptest.Script{Greeting: `[1, 2]`}, "cannot unmarshal array"},
		"silent":       {qmptest.Script{Greeting: "-"}, "wait for the greeting: context deadline exceeded"},
		"half":         {qmptest.Script{Greeting: `{"QMP": {`}, "wait for the greeting: context deadline exceeded"},
		"no caps":      {qmptest.Script{Handlers: handlers{"qmp_capabilities": qmptest.Refusal("GenericError", "no")}}, "qmp: qmp_capabilities: no"},
		"silent caps":  {qmptest.Script{Handlers: handlers{"qmp_capabilities": qmptest.Silence}}, "qmp: qmp_capabilities: context deadline exceeded"},
		"hangs up":     {qmptest.Script{Handlers: handlers{"qmp_capabilities": func(c *qmptest.Conn, _ qmptest.Request) { c.Close() }}}, "qmp: qmp_capabilities: connection closed by the server: EOF"},
		"greets twice": {qmptest.Script{Greeting: `{"QMP": {}} {"QMP": {}}`}, "neither a reply nor an event"},
	} {
		t.Run(name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			server, nc := qmptest.Pipe(c.script)
			ctx := soon(t)
			if strings.HasSuffix(c.want, "deadline exceeded") {
				var cancel func()
				ctx, cancel = context.WithTimeout(ctx, time.Second)
				defer cancel()
			}
			_, err := qmp.NewConn(ctx, nc)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
			if _, err := nc.Write([]byte("x")); err == nil {
				t.Error("the connection is still open")
			}
			server.Close()
			checkGoroutines(t, before)
		})
	}
}

func TestDial(t *testing.T) {
	server, err := qmptest.Listen("tcp", "127.0.0.1:0", qmptest.Script{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	conn, err := qmp.Dial(soon(t), "tcp", server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var commands []struct{ Name string }
	if err := conn.Execute(soon(t), "query-commands", nil, &commands); err != nil || len(commands) != 3 {
		t.Error(commands, err)
	}
	if _, err := qmp.Dial(soon(t), "unix", t.TempDir()+"/none"); err == nil || !strings.HasPrefix(err.Error(), "qmp: dial unix ") {
		t.Error(err)
	}
}

func TestExecute(t *testing.T) {
	server, conn := open(t, qmptest.Script{Handlers: handlers{
		"echo": func(c *qmptest.Conn, r qmptest.Request) { c.Reply(r, r.Arguments) },
		"text": qmptest.Value("a\tb"),
	}})
	var got map[string]any
	args := map[string]any{"s": "\"}\n<é", "n": 1.5}
	if err := conn.Execute(soon(t), "echo", args, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(args, got); diff != "" {
		t.Error(diff)
	}
	var text string
	if err := conn.Execute(soon(t), "text", map[string]any(nil), &text); err != nil || text != "a\tb" {
		t.Error(text, err)
	}
	last := server.Requests()[2]
	if last.Command != "text" || last.Arguments != nil {
		t.Errorf("%+v", last)
	}
	var number int
	err := conn.Execute(soon(t), "text", nil, &number)
	if err == nil || !strings.HasPrefix(err.Error(), "qmp: text: decode the answer: ") {
		t.Error(err)
	}
	err = conn.Execute(soon(t), "text", make(chan int), nil)
	if err == nil || !strings.HasPrefix(err.Error(), "qmp: text: encode the arguments: ") {
		t.Error(err)
	}
}

func TestExecuteRefused(t *testing.T) {
	_, conn := open(t, qmptest.Script{Handlers: handlers{
		"stop":       qmptest.Refusal("GenericError", "not now"),
		"device_del": qmptest.Refusal("DeviceNotFound", "Device 'x' not found"),
	}})
	for command, want := range map[string]*qmp.Error{
		"stop":       {Class: "GenericError", Desc: "not now", Command: "stop"},
		"device_del": {Class: "DeviceNotFound", Desc: "Device 'x' not found", Command: "device_del"},
		"nonsense":   {Class: "CommandNotFound", Desc: "The command nonsense has not been found", Command: "nonsense"},
	} {
		err := conn.Execute(soon(t), command, nil, nil)
		var got *qmp.Error
		if !errors.As(err, &got) {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	err := conn.Execute(soon(t), "device_del", nil, nil)
	if err.Error() != "qmp: device_del: DeviceNotFound: Device 'x' not found" {
		t.Error(err)
	}
}

// Replies that come in another order than the commands, as QEMU's out-of-band
// ones may, reach those who asked.
func TestExecuteConcurrently(t *testing.T) {
	var mu sync.Mutex
	var held []qmptest.Request
	_, conn := open(t, qmptest.Script{Handlers: handlers{
		"echo": func(c *qmptest.Conn, r qmptest.Request) {
			mu.Lock()
			defer mu.Unlock()
			if held = append(held, r); len(held) < 10 {
				return
			}
			for i := len(held) - 1; i >= 0; i-- {
				c.Event("RTC_CHANGE", nil)
				c.Reply(held[i], held[i].Arguments)
			}
			held = nil
		},
	}})
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			var got struct{ N int }
			if err := conn.Execute(soon(t), "echo", map[string]int{"N": i}, &got); err != nil || got.N != i {
				t.Error(i, got.N, err)
			}
		})
	}
	wg.Wait()
}

func TestExecuteContext(t *testing.T) {
	late := make(chan func(), 1)
	_, conn := open(t, qmptest.Script{Handlers: handlers{
		"slow": func(c *qmptest.Conn, r qmptest.Request) { late <- func() { c.Reply(r, "late") } },
		"fast": qmptest.Value("fast"),
	}})
	why := errors.New("the machine is gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		answer := <-late
		cancel(why)
		late <- answer
	}()
	err := conn.Execute(ctx, "slow", nil, nil)
	if !errors.Is(err, context.Canceled) || !errors.Is(err, why) {
		t.Fatal(err)
	}
	(<-late)() // must be dropped, and not be taken for the next one's
	var got string
	if err := conn.Execute(soon(t), "fast", nil, &got); err != nil || got != "fast" {
		t.Error(got, err)
	}
	if err := conn.Execute(ctx, "fast", nil, nil); !errors.Is(err, why) {
		t.Error(err)
	}
}

// A server that does not read must not hold anybody beyond their context.
func TestExecuteServerStuck(t *testing.T) {
	release := make(chan struct{})
	_, conn := open(t, qmptest.Script{Handlers: handlers{
		"stuck": func(*qmptest.Conn, qmptest.Request) { <-release },
	}})
	t.Cleanup(func() { close(release) })
	for range 3 {
		if err := conn.Execute(brief(t), "stuck", nil, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	}
}

func TestProtocolErrors(t *testing.T) {
	for name, c := range map[string]struct{ say, want string }{
		"garbage":        {"garbage", "invalid character 'g'"},
		"unknown id":     {`{"return": {}, "id": 99}`, `answers a command that was never sent, id "99"`},
		"text id":        {`{"return": {}, "id": "x"}`, `answers a command that was never sent, id "\"x\""`},
		"no id":          {`{"return": {}}`, `answers a command that was never sent, id ""`},
		"error sans id":  {`{"error": {"class": "GenericError", "desc": "JSON parse error"}}`, "refuses our input: JSON parse error"},
		"empty":          {`{}`, "neither a reply nor an event"},
		"null":           {`null`, "neither a reply nor an event"},
		"a number":       {`7`, "cannot unmarshal number"},
		"deep nesting":   {`{"return":` + strings.Repeat("[", 20000), "exceeded max depth"},
		"endless string": {`{"return": "` + strings.Repeat("x", 17<<20), "message of more than 16 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			_, conn := open(t, qmptest.Script{Handlers: handlers{
				"ask": func(server *qmptest.Conn, _ qmptest.Request) { server.Send(c.say + "\n") },
			}})
			err := conn.Execute(soon(t), "ask", nil, nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
			if conn.Err() == nil {
				t.Error("the connection lives on")
			}
		})
	}
}

func TestServerHangsUp(t *testing.T) {
	_, conn := open(t, qmptest.Script{})
	events := conn.Subscribe()
	if conn.Err() != nil {
		t.Error(conn.Err())
	}
	// The answer comes right before the end and must not be lost to it.
	if err := conn.Execute(soon(t), "quit", nil, nil); err != nil {
		t.Fatal(err)
	}
	<-conn.Done()
	if !errors.Is(conn.Err(), io.EOF) {
		t.Error(conn.Err())
	}
	var names []string
	for e := range events.C {
		names = append(names, e.Name)
	}
	if diff := cmp.Diff([]string{"SHUTDOWN"}, names); diff != "" {
		t.Error(diff)
	}
	err := conn.Execute(soon(t), "stop", nil, nil)
	if !errors.Is(err, io.EOF) || err.Error() != "qmp: stop: connection closed by the server: EOF" {
		t.Error(err)
	}
	if _, ok := <-conn.Subscribe().C; ok {
		t.Error("event after the end")
	}
}

func TestClose(t *testing.T) {
	arrived := make(chan struct{})
	_, conn := open(t, qmptest.Script{Handlers: handlers{"wait": func(*qmptest.Conn, qmptest.Request) { close(arrived) }}})
	events := conn.Subscribe()
	failed := make(chan error)
	go func() { failed <- conn.Execute(context.Background(), "wait", nil, nil) }()
	<-arrived
	conn.Close()
	if err := <-failed; !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if _, ok := <-events.C; ok {
		t.Error("event after Close")
	}
	if _, ok := <-conn.Subscribe().C; ok {
		t.Error("event after Close")
	}
	events.Close()
	if err := conn.Execute(soon(t), "stop", nil, nil); !errors.Is(err, net.ErrClosed) || !errors.Is(conn.Err(), net.ErrClosed) {
		t.Error(err, conn.Err())
	}
}

func ExampleConn_Execute() {
	server, nc := qmptest.Pipe(qmptest.Script{Handlers: map[string]qmptest.Handler{
		"query-status": qmptest.Value(map[string]any{"status": "running", "running": true}),
	}})
	defer server.Close()
	ctx := context.Background()
	conn, err := qmp.NewConn(ctx, nc)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()

	var status struct{ Status string }
	fmt.Println(conn.Execute(ctx, "query-status", nil, &status), status.Status)
	fmt.Println(conn.Execute(ctx, "eject", nil, nil))
	// Output:
	// <nil> running
	// qmp: eject: CommandNotFound: The command eject has not been found
}

func ExampleConn_Subscribe() {
	server, nc := qmptest.Pipe(qmptest.Script{})
	defer server.Close()
	conn, err := qmp.NewConn(context.Background(), nc)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()

	events := conn.Subscribe()
	server.Event("RESET", map[string]any{"guest": true})
	e := <-events.C
	var data struct{ Guest bool }
	fmt.Println(e.Name, json.Unmarshal(e.Data, &data), data.Guest)
	// Output:
	// RESET <nil> true
}
