package qemuimg

import (
	"os/exec"
	"syscall"
)

// prepare makes cmd a group of its own, which Ctrl-C in our terminal does not
// reach, kills all of it when the context ends, and lets it die with us.
func prepare(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return killGroup(cmd.Process.Pid) }
}
