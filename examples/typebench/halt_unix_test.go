//go:build unix

package main

import (
	"os"
	"syscall"
)

// halt stops a process, or lets it go on.
func halt(p *os.Process, stop bool) error {
	if stop {
		return p.Signal(syscall.SIGSTOP)
	}
	return p.Signal(syscall.SIGCONT)
}
