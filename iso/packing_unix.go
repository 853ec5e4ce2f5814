//go:build unix

package iso

import (
	"os/exec"
	"syscall"
)

// ownGroup makes cmd a group of its own, which Ctrl-C in our terminal does not
// reach. If we are killed, it ends when it next writes.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
