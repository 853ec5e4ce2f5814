package qemu

import "syscall"

// processAttr gives the child a session of its own, and has the kernel kill it
// when this program dies. A terminal's Ctrl-C does not reach another session;
// and a kernel that shares its processors between sessions, as Linux does by
// default (sched(7), autogrouping), gives the guest its part beside whatever
// else was started from that terminal: typing beside 16 busy processes is eight
// times as fast.
func processAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
}
