//go:build unix

package qmp

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// duplicate returns a copy of f that the writer may use and close whatever
// the caller does with f meanwhile.
func (c *Conn) duplicate(f *os.File) (*os.File, error) {
	if _, ok := c.nc.(*net.UnixConn); !ok {
		return nil, errors.New("only a Unix socket carries files; this connection is " + c.nc.LocalAddr().Network())
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	var fd int
	var dupErr error
	err = raw.Control(func(old uintptr) {
		syscall.ForkLock.RLock() // no child may be born before close-on-exec is set
		defer syscall.ForkLock.RUnlock()
		if fd, dupErr = syscall.Dup(int(old)); dupErr == nil {
			syscall.CloseOnExec(fd)
		}
	})
	if err := errors.Join(err, dupErr); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// writeWithFile writes some of data, and f with its first byte.
func (c *Conn) writeWithFile(data []byte, f *os.File) (int, error) {
	n, _, err := c.nc.(*net.UnixConn).WriteMsgUnix(data, syscall.UnixRights(int(f.Fd())), nil)
	return n, err
}
