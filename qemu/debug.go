package qemu

import (
	"io"
	"net"
	"time"
)

// debugConsole hands on what the firmware writes for debugging. QEMU writes it
// byte by byte and all of it stands still while one does not fit, so reading
// never waits for the one that it is for.
type debugConsole struct {
	conn net.Conn // nil for a machine without one
	to   io.Writer
	kept tail
	more chan struct{} // holds a value when something came
	read chan struct{} // closed when there is no more to come
	told chan struct{} // closed when all was handed on
}

func newDebugConsole(conn net.Conn, to io.Writer) *debugConsole {
	return &debugConsole{
		conn: conn, to: to,
		kept: tail{limit: consoleLimit},
		more: make(chan struct{}, 1),
		read: make(chan struct{}),
		told: make(chan struct{}),
	}
}

// run reads and hands on until the console is closed.
func (d *debugConsole) run() {
	go d.tell()
	defer close(d.read)
	if d.conn == nil {
		return
	}
	buf := make([]byte, 4<<10)
	for {
		n, err := d.conn.Read(buf)
		if n > 0 {
			d.kept.Write(buf[:n])
			select {
			case d.more <- struct{}{}:
			default:
			}
		}
		if err != nil {
			return
		}
	}
}

// tell hands on what was read.
func (d *debugConsole) tell() {
	defer close(d.told)
	var at int64
	for last := false; !last; {
		select {
		case <-d.more:
		case <-d.read:
			last = true
		}
		text, from := d.kept.from(at)
		at = from + int64(len(text))
		if len(text) == 0 || d.to == nil {
			continue
		}
		if _, err := d.to.Write(text); err != nil {
			d.to = nil
		}
	}
}

// close ends the reading when QEMU is gone. What it has written is there by
// now; a program that it has left behind could hold the line open.
func (d *debugConsole) close() {
	if d.conn != nil {
		d.conn.SetReadDeadline(time.Now().Add(time.Second))
	}
	<-d.read
	if d.conn != nil {
		d.conn.Close()
	}
}
