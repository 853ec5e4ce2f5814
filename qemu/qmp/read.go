package qmp

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
)

// maxMessage bounds one message of the server. The largest known one, the
// answer to query-qmp-schema, has about 200 KB.
const maxMessage = 16 << 20

// message is any of the four things that a server says (QEMU's
// docs/interop/qmp-spec).
type message struct {
	Greeting *struct {
		Version struct {
			QEMU    struct{ Major, Minor, Micro int } `json:"qemu"`
			Package string                            `json:"package"`
		} `json:"version"`
		Capabilities []string `json:"capabilities"`
	} `json:"QMP"`
	Return json.RawMessage `json:"return"`
	Error  *struct {
		Class string `json:"class"`
		Desc  string `json:"desc"`
	} `json:"error"`
	ID        json.RawMessage `json:"id"`
	Event     string          `json:"event"`
	Data      json.RawMessage `json:"data"`
	Timestamp *timestamp      `json:"timestamp"`
}

// read takes messages until the connection ends, and then ends all that
// depends on it.
func (c *Conn) read() {
	err := c.readAll(newReader(c.nc))
	c.nc.Close() // frees a writer that a silent server has blocked
	c.mu.Lock()
	if c.closing {
		err = fmt.Errorf("connection %w", net.ErrClosed)
	}
	c.err = err
	close(c.done)
	for s := range c.subs {
		s.queue.finish()
	}
	c.mu.Unlock()
}

func (c *Conn) readAll(r *reader) error {
	m, err := r.next()
	if err != nil {
		return err
	}
	if m.Greeting == nil {
		return errors.New("the server does not greet as QMP does; is this a QMP socket with mode=control?")
	}
	c.greeted <- m.greeting()
	for {
		m, err := r.next()
		if err != nil {
			return err
		}
		if err := c.handle(m); err != nil {
			return err
		}
	}
}

func (c *Conn) handle(m *message) error {
	switch {
	case m.Event != "":
		c.publish(m.event())
		return nil
	case m.Error != nil && m.ID == nil:
		// QEMU could not even parse what we sent, so nobody can be told.
		return fmt.Errorf("the server refuses our input: %s", m.Error.Desc)
	case m.Error != nil:
		return c.deliver(m.ID, reply{err: &Error{Class: m.Error.Class, Desc: m.Error.Desc}})
	case m.Return != nil:
		return c.deliver(m.ID, reply{value: m.Return})
	}
	return errors.New("message from the server is neither a reply nor an event")
}

func (c *Conn) deliver(id json.RawMessage, r reply) error {
	n, err := strconv.ParseUint(string(id), 10, 64)
	if err != nil || !c.answer(n, r) {
		return fmt.Errorf("the server answers a command that was never sent, id %.40q", id)
	}
	return nil
}

func (m *message) greeting() Greeting {
	v := m.Greeting.Version
	return Greeting{
		Version:      Version{v.QEMU.Major, v.QEMU.Minor, v.QEMU.Micro, v.Package},
		Capabilities: m.Greeting.Capabilities,
	}
}

// reader splits the server's stream into messages.
type reader struct {
	limit *limitReader
	json  *json.Decoder
}

func newReader(r io.Reader) *reader {
	limit := &limitReader{r: r}
	return &reader{limit, json.NewDecoder(limit)}
}

// next returns the next message. An end between messages is "closed by the
// server: EOF", an end inside one io.ErrUnexpectedEOF.
func (r *reader) next() (*message, error) {
	r.limit.left = maxMessage
	m := new(message)
	err := r.json.Decode(m)
	if err == io.EOF {
		return nil, fmt.Errorf("connection closed by the server: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("read from the server: %w", err)
	}
	return m, nil
}

// limitReader fails when more is read than left, which is reset for each
// message: a server that never ends one must not fill the memory.
type limitReader struct {
	r    io.Reader
	left int
}

func (l *limitReader) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, fmt.Errorf("message of more than %d MiB", maxMessage>>20)
	}
	n, err := l.r.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}
