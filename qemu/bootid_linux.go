package qemu

import (
	"os"
	"strings"
)

// bootID returns a name of the time since the host was started, or "".
func bootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}
