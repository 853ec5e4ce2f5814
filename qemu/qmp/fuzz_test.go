package qmp

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"
)

// byteConn is a server that has said all it will say.
type byteConn struct {
	net.Conn
	r io.Reader
}

func (c byteConn) Read(p []byte) (int, error)  { return c.r.Read(p) }
func (c byteConn) Write(p []byte) (int, error) { return len(p), nil }
func (c byteConn) Close() error                { return nil }

// FuzzReader feeds a server's words to a connection: whatever they are, it
// ends with an error, and never hangs, panics or leaves an answer unread.
func FuzzReader(f *testing.F) {
	hello := `{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": ""}, "capabilities": ["oob"]}}`
	for _, s := range []string{
		hello + `{"return": {}, "id": 1}` + "\r\n" + `{"event": "STOP", "timestamp": {"seconds": 1, "microseconds": 2}}`,
		hello + `{"error": {"class": "GenericError", "desc": "no"}, "id": 1}`,
		hello + `{"error": {"class": "GenericError", "desc": "no"}}`,
		hello + `{"return": {}, "id": -1}`,
		hello + `{"event": "X", "data": `,
		"garbage", `{"QMP": null}`, `{"QMP": []}`, "",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, words []byte) {
		conn, err := NewConn(t.Context(), byteConn{r: bytes.NewReader(words)})
		if err != nil {
			return
		}
		defer conn.Close()
		events := conn.Subscribe()
		timeout := time.After(time.Minute)
		for {
			select {
			case e, ok := <-events.C:
				if ok && e.Name == "" {
					t.Error("event without a name")
				}
				if !ok && conn.Err() == nil {
					t.Error("ended without an error")
				}
				if !ok {
					return
				}
			case <-timeout:
				t.Fatal("does not end")
			}
		}
	})
}
