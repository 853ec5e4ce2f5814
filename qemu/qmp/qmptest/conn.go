package qmptest

import (
	"encoding/json"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"sync"
	"time"
)

const greeting = `{"QMP": {"version": {"qemu": {"micro": 0, "minor": 2, "major": 7}, "package": "qmptest"}, "capabilities": ["oob"]}}`

// Conn is one client as a handler sees it. Its methods may be called from any
// goroutine.
type Conn struct {
	server *Server
	nc     net.Conn
	in     io.Reader

	sending sync.Mutex // keeps what is sent in whole pieces

	mu    sync.Mutex
	ready bool       // qmp_capabilities has come
	files []*os.File // came with a command and were not taken yet
}

func newConn(s *Server, nc net.Conn) *Conn {
	c := &Conn{server: s, nc: nc}
	c.in = c.reader()
	return c
}

// Reply answers r with v, encoded as JSON; nil is the empty object, QEMU's
// usual answer.
func (c *Conn) Reply(r Request, v any) error {
	if v == nil {
		v = struct{}{}
	}
	return c.sendJSON(map[string]any{"return": v}, r.ID)
}

// Refuse answers r with an error.
func (c *Conn) Refuse(r Request, class, desc string) error {
	return c.sendJSON(map[string]any{"error": map[string]string{"class": class, "desc": desc}}, r.ID)
}

// Event sends an event; a nil data sends none.
func (c *Conn) Event(name string, data any) error {
	now := time.Now()
	m := map[string]any{
		"event":     name,
		"timestamp": map[string]int64{"seconds": now.Unix(), "microseconds": int64(now.Nanosecond() / 1000)},
	}
	if data != nil {
		m["data"] = data
	}
	return c.sendJSON(m, nil)
}

// Send sends text just as it is: a lie, half a message, or several at once.
func (c *Conn) Send(text string) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	_, err := io.WriteString(c.nc, text)
	return err
}

// TakeFile returns the oldest file that the client has sent and nobody took,
// as QEMU's getfd does, or nil if there is none. It is the caller's to close.
func (c *Conn) TakeFile() *os.File {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.files) == 0 {
		return nil
	}
	f := c.files[0]
	c.files = c.files[1:]
	return f
}

// Close hangs up on the client.
func (c *Conn) Close() error { return c.nc.Close() }

func (c *Conn) sendJSON(m map[string]any, id json.RawMessage) error {
	if id != nil {
		m["id"] = id
	}
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return c.Send(string(data) + "\r\n")
}

// run serves the client until it hangs up or sends what is not JSON.
func (c *Conn) run() {
	defer c.closeFiles()
	defer c.nc.Close()
	switch c.server.script.Greeting {
	case "-":
	case "":
		c.Send(greeting + "\r\n")
	default:
		c.Send(c.server.script.Greeting)
	}
	dec := json.NewDecoder(c.in)
	for {
		var r Request
		if err := dec.Decode(&r); err != nil {
			return
		}
		c.server.record(r)
		c.handler(r.Command)(c, r)
	}
}

func (c *Conn) handler(command string) Handler {
	negotiation := command == "qmp_capabilities"
	if !negotiation && !c.isReady() {
		return Refusal("CommandNotFound", "Expecting capabilities negotiation with 'qmp_capabilities'")
	}
	if negotiation {
		c.setReady()
	}
	if h, ok := c.server.script.Handlers[command]; ok {
		return h
	}
	switch command {
	case "qmp_capabilities":
		return func(c *Conn, r Request) { c.Reply(r, nil) }
	case "query-commands":
		return queryCommands
	case "quit":
		return quit
	}
	return Refusal("CommandNotFound", "The command "+command+" has not been found")
}

func queryCommands(c *Conn, r Request) {
	known := map[string]bool{"qmp_capabilities": true, "query-commands": true, "quit": true}
	for name := range c.server.script.Handlers {
		known[name] = true
	}
	var list []map[string]string
	for _, name := range slices.Sorted(maps.Keys(known)) {
		list = append(list, map[string]string{"name": name})
	}
	c.Reply(r, list)
}

func quit(c *Conn, r Request) {
	c.Reply(r, nil)
	c.Event("SHUTDOWN", map[string]any{"guest": false, "reason": "host-qmp-quit"})
	c.Close()
}

func (c *Conn) setReady() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ready = true
}

func (c *Conn) isReady() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ready
}

func (c *Conn) closeFiles() {
	for f := c.TakeFile(); f != nil; f = c.TakeFile() {
		f.Close()
	}
}
