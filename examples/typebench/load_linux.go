package main

import "syscall"

// dieWithParent ends a busy loop also when this program is killed.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
