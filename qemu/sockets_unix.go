//go:build unix

package qemu

import (
	"net"
	"os"
	"syscall"
)

// terminate is the signal that asks a program to end.
var terminate os.Signal = syscall.SIGTERM

// endSignal returns the signal that ended a program, or "".
func endSignal(state *os.ProcessState) string {
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return ws.Signal().String()
	}
	return ""
}

// socketPair returns two ends of a connection that has no name or number that
// anyone else could find: one for this program, and a file for QEMU.
func socketPair(name string) (net.Conn, *os.File, error) {
	ours, theirs, err := filePair(name)
	if err != nil {
		return nil, nil, err
	}
	defer ours.Close() // FileConn duplicates it
	conn, err := net.FileConn(ours)
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return conn, theirs, nil
}

// filePair is socketPair for two programs.
func filePair(name string) (a, b *os.File, err error) {
	// Without a flag for it on every system, the lock keeps programs that
	// start meanwhile from inheriting the ends.
	syscall.ForkLock.RLock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	return os.NewFile(uintptr(fds[0]), name), os.NewFile(uintptr(fds[1]), name), nil
}

// makeFIFO makes a pipe with a name, which only this user can open.
func makeFIFO(path string) error {
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		return &os.PathError{Op: "mkfifo", Path: path, Err: err}
	}
	return nil
}

// openFIFO opens an end of a pipe whose other end is open, and never waits. It
// is no matter of os.OpenFile, whose pipes have no deadlines on macOS.
func openFIFO(path string, mode int) (*os.File, error) {
	fd, err := syscall.Open(path, mode|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}
