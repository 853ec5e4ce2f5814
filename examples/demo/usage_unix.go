//go:build unix

package main

import (
	"runtime"
	"syscall"
	"time"
)

// usage returns the processor time that this process has had and the most
// memory that it has held, in bytes.
func usage() (busy time.Duration, most int64, ok bool) {
	var self syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &self) != nil {
		return 0, 0, false
	}
	most = int64(self.Maxrss)
	if runtime.GOOS != "darwin" { // which alone counts in bytes
		most <<= 10
	}
	return time.Duration(self.Utime.Nano() + self.Stime.Nano()), most, true
}
