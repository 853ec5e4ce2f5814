package qmp

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
)

// request is one command on its way to the writer, which then owns it.
type request struct {
	id   uint64
	data []byte
	file *os.File // goes with the first byte, closed by the writer; nil for none
}

// reply is what comes back for a request.
type reply struct {
	value json.RawMessage
	err   error
}

// Execute runs a command and stores its answer in what result points to, as
// [json.Unmarshal] does. args becomes the JSON object "arguments"; nil sends
// none. A nil result ignores the answer. A refusal is an [*Error].
//
// ctx bounds the call. It does not undo the command: QEMU may have run it, or
// still run it, when Execute returns early.
func (c *Conn) Execute(ctx context.Context, command string, args, result any) error {
	return c.execute(ctx, command, args, result, nil)
}

// ExecuteFD runs a command that takes a file descriptor, such as getfd or
// add-fd, and sends f with it. The connection must be a Unix socket. f stays
// the caller's, who may close it when ExecuteFD returns.
func (c *Conn) ExecuteFD(ctx context.Context, command string, args any, f *os.File) error {
	if f == nil {
		return fmt.Errorf("qmp: %s: no file given", command)
	}
	dup, err := c.duplicate(f)
	if err != nil {
		return fmt.Errorf("qmp: %s: send file %q: %w", command, f.Name(), err)
	}
	return c.execute(ctx, command, args, nil, dup)
}

// HMP runs a line of the human monitor, such as "info usernet", and returns
// what it prints. A line that fails prints its error: there is no other sign.
func (c *Conn) HMP(ctx context.Context, line string) (string, error) {
	var out string
	args := map[string]string{"command-line": line}
	err := c.Execute(ctx, "human-monitor-command", args, &out)
	return out, err
}

func (c *Conn) execute(ctx context.Context, command string, args, result any, file *os.File) error {
	value, err := c.roundTrip(ctx, command, args, file)
	if err != nil {
		if e, ok := err.(*Error); ok {
			e.Command = command
			return e
		}
		return fmt.Errorf("qmp: %s: %w", command, err)
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(value, result); err != nil {
		return fmt.Errorf("qmp: %s: decode the answer: %w", command, err)
	}
	return nil
}

// roundTrip sends one command and waits for its reply. It takes file over.
func (c *Conn) roundTrip(ctx context.Context, command string, args any, file *os.File) (json.RawMessage, error) {
	id, answer := c.register()
	defer c.forget(id)
	data, err := encode(id, command, args)
	if err != nil {
		closeFile(file)
		return nil, err
	}
	if err := c.send(ctx, &request{id, data, file}); err != nil {
		closeFile(file)
		return nil, err
	}
	select {
	case r := <-answer:
		return r.value, r.err
	case <-ctx.Done():
		return nil, ctxError(ctx)
	case <-c.done:
	}
	select {
	case r := <-answer: // it came just before the end, as for "quit"
		return r.value, r.err
	default:
		return nil, c.err
	}
}

// send gives r to the writer, or returns an error and leaves r to the caller.
func (c *Conn) send(ctx context.Context, r *request) error {
	if ctx.Err() != nil {
		return ctxError(ctx)
	}
	select {
	case c.requests <- r:
		return nil
	case <-ctx.Done():
		return ctxError(ctx)
	case <-c.done:
		return c.err
	}
}

func (c *Conn) register() (uint64, chan reply) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastID++
	answer := make(chan reply, 1)
	c.pending[c.lastID] = answer
	return c.lastID, answer
}

func (c *Conn) forget(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pending, id)
}

// answer gives r to the command with this id. It is false for an id that was
// never used; a reply that nobody waits for any more is dropped.
func (c *Conn) answer(id uint64, r reply) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if id == 0 || id > c.lastID {
		return false
	}
	if answer, ok := c.pending[id]; ok {
		delete(c.pending, id)
		answer <- r
	}
	return true
}

// write sends requests until the reader ends. It is a goroutine of its own so
// that a QEMU that does not read cannot hold a caller beyond its context. After
// a failed write no command is sent any more, since half of one may be on the
// wire, but the reader goes on: a dying QEMU's last events are still to come.
func (c *Conn) write() {
	var broken error
	for {
		select {
		case r := <-c.requests:
			if broken == nil {
				broken = c.writeRequest(r)
			}
			closeFile(r.file)
			if broken != nil {
				c.answer(r.id, reply{err: fmt.Errorf("send: %w", broken)})
			}
		case <-c.done:
			return
		}
	}
}

func (c *Conn) writeRequest(r *request) error {
	rest := r.data
	if r.file != nil {
		n, err := c.writeWithFile(r.data, r.file)
		if err != nil {
			return err
		}
		if rest = r.data[n:]; len(rest) == 0 {
			return nil
		}
	}
	_, err := c.nc.Write(rest)
	return err
}

// encode returns the command as one line of JSON.
func encode(id uint64, command string, args any) ([]byte, error) {
	m := struct {
		Execute   string          `json:"execute"`
		Arguments json.RawMessage `json:"arguments,omitempty"`
		ID        uint64          `json:"id"`
	}{Execute: command, ID: id}
	if args != nil {
		data, err := json.Marshal(args)
		if err != nil {
			return nil, fmt.Errorf("encode the arguments: %w", err)
		}
		if string(data) != "null" { // a nil map or pointer: none
			m.Arguments = data
		}
	}
	data, err := json.Marshal(m)
	return append(data, '\n'), err
}

func closeFile(f *os.File) {
	if f != nil {
		f.Close()
	}
}
