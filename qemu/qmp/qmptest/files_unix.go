//go:build unix

package qmptest

import (
	"io"
	"net"
	"os"
	"syscall"
)

// reader returns the client's stream. On a Unix socket it also collects the
// files that come with it.
func (c *Conn) reader() io.Reader {
	if u, ok := c.nc.(*net.UnixConn); ok {
		return &fileReader{u, c}
	}
	return c.nc
}

type fileReader struct {
	*net.UnixConn
	c *Conn
}

func (r *fileReader) Read(p []byte) (int, error) {
	oob := make([]byte, syscall.CmsgSpace(16*4)) // QEMU takes 16 files at once
	n, oobn, _, _, err := r.ReadMsgUnix(p, oob)
	r.c.addFiles(oob[:oobn])
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

func (c *Conn) addFiles(oob []byte) {
	messages, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range messages {
		fds, err := syscall.ParseUnixRights(&m)
		if err != nil {
			continue
		}
		for _, fd := range fds {
			syscall.CloseOnExec(fd)
			c.files = append(c.files, os.NewFile(uintptr(fd), "received"))
		}
	}
}
