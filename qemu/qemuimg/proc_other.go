//go:build !unix

package qemuimg

import "os/exec"

// prepare leaves cmd as it is: it is killed when the context ends.
func prepare(*exec.Cmd) {}
