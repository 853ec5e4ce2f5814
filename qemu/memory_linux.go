package qemu

import (
	"fmt"
	"os"
)

// openMemory opens the memory of a process. The kernel allows it for children
// of ours (ptrace(2), PTRACE_MODE_ATTACH), unless a container or Yama forbids
// it. The file stays with this process, whoever has its number later.
func openMemory(pid int) (*os.File, error) { return os.Open(fmt.Sprintf("/proc/%d/mem", pid)) }
