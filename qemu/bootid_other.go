//go:build !linux

package qemu

// bootID returns a name of the time since the host was started, or "" where
// there is none; nothing is then remembered beyond the process.
func bootID() string { return "" }
