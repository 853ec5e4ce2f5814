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
