//go:build unix && !linux

package qemu

import "syscall"

// processAttr puts the child into a process group of its own, out of reach of
// a terminal's Ctrl-C. There is no way here to have it die with this program;
// it ends when it is closed.
func processAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
