//go:build unix

package qemuimg

import (
	"os"
	"syscall"
)

// killGroup kills the process group that pid leads.
func killGroup(pid int) error {
	err := syscall.Kill(-pid, syscall.SIGKILL)
	if err == syscall.ESRCH {
		return os.ErrProcessDone
	}
	return err
}
