//go:build unix && !linux

package qemuimg

import (
	"os/exec"
	"syscall"
)

// prepare makes cmd a group of its own, which Ctrl-C in our terminal does not
// reach, and kills all of it when the context ends.
func prepare(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return killGroup(cmd.Process.Pid) }
}
