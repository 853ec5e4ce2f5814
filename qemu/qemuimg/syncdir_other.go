//go:build !unix

package qemuimg

// syncDir does nothing: only Unix systems let a program sync a directory.
func syncDir(string) error { return nil }
