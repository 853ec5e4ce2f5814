package qemu

import "syscall"

// processAttr puts the child into a process group of its own, out of reach of
// a terminal's Ctrl-C, and has the kernel kill it when this program dies.
func processAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
