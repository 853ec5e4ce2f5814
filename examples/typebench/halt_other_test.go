//go:build !unix

package main

import (
	"errors"
	"os"
)

func halt(*os.Process, bool) error { return errors.ErrUnsupported }
