//go:build unix

package httpserve

import (
	"os"
	"syscall"
)

// openFlags keeps the open of a FIFO without a writer from waiting for one.
const openFlags = os.O_RDONLY | syscall.O_NONBLOCK
