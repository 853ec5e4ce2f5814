//go:build !unix

package qmp

import (
	"errors"
	"os"
)

var errNoFiles = errors.New("files can be sent to QEMU on Unix systems only")

func (c *Conn) duplicate(*os.File) (*os.File, error) { return nil, errNoFiles }

func (c *Conn) writeWithFile([]byte, *os.File) (int, error) { return 0, errNoFiles }
