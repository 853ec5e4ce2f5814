package qmp

import (
	"io"
	"net"
	"testing"
)

// lastWordConn is a server that answers its second command and hangs up, with
// no time between the two.
type lastWordConn struct {
	net.Conn
	words chan string
	n     int
}

func (c *lastWordConn) Close() error { return nil }

func (c *lastWordConn) Write(p []byte) (int, error) {
	switch c.n++; c.n {
	case 1:
		c.words <- `{"return": {}, "id": 1}`
	case 2:
		c.words <- `{"return": {}, "id": 2}`
		close(c.words)
	}
	return len(p), nil
}

func (c *lastWordConn) Read(p []byte) (int, error) {
	if s, ok := <-c.words; ok {
		return copy(p, s), nil
	}
	return 0, io.EOF
}

// An answer is not lost to the end of the connection, however close they are.
func TestAnswerThenEnd(t *testing.T) {
	for range 3000 {
		nc := &lastWordConn{words: make(chan string, 3)}
		nc.words <- `{"QMP": {}}`
		conn, err := NewConn(t.Context(), nc)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Execute(t.Context(), "quit", nil, nil); err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
}
