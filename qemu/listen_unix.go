//go:build unix

package qemu

import (
	"net"
	"os"
	"syscall"
)

// listenUnix listens on a new socket that only this user can open.
func listenUnix(path string) (*os.File, error) {
	syscall.ForkLock.RLock()
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	f := os.NewFile(uintptr(fd), path)
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		f.Close()
		return nil, &os.PathError{Op: "bind", Path: path, Err: err}
	}
	// Nobody can connect before it listens.
	if err = os.Chmod(path, 0o600); err == nil {
		err = os.NewSyscallError("listen", syscall.Listen(fd, 8))
	}
	if err != nil {
		f.Close()
		os.Remove(path)
		return nil, err
	}
	return f, nil
}

// listenTCP listens on a loopback address, and returns it with its port.
func listenTCP(addr string) (*os.File, string, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, "", err
	}
	defer l.Close() // the file duplicates it
	f, err := l.(*net.TCPListener).File()
	return f, l.Addr().String(), err
}
