//go:build unix

package main

import (
	"os"
	"syscall"
)

// become replaces this process by the program, so that signals and exit codes
// are its own.
func become(program string, args []string) error {
	return syscall.Exec(program, append([]string{program}, args...), os.Environ())
}
