//go:build !linux

package qemuimg

// renameNoReplace renames temp to path unless path exists.
func renameNoReplace(temp, path string) error { return linkAndRemove(temp, path) }
