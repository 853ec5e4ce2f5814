//go:build !linux

package qemu

import (
	"errors"
	"os"
)

var errNoVirtioFS = errors.New("virtiofs is for hosts with Linux")

func connectedSocket(string) (listener, line *os.File, err error) {
	return nil, nil, errNoVirtioFS
}

func maxFiles() uint64 { return 0 }

func fsSandbox() string { return "" }
