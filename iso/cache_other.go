//go:build !unix

package iso

import "io/fs"

// anyoneMayReplace cannot be told from mode bits here.
func anyoneMayReplace(fs.FileInfo) bool { return false }

// syncDir has no counterpart here.
func syncDir(string) error { return nil }
