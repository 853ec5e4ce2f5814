//go:build !linux

package qemu

import (
	"errors"
	"os"
)

// openMemory is for Linux alone.
func openMemory(int) (*os.File, error) { return nil, errors.ErrUnsupported }
