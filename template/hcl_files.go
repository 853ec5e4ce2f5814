package template

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// fileLimit is the largest file that expressions read.
const fileLimit = 64 << 20

// readLimited reads a file that may have no end, such as a device.
func readLimited(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, fileLimit+1))
	if err == nil && len(text) > fileLimit {
		return nil, fmt.Errorf("%s has more than %d MiB", path, fileLimit>>20)
	}
	return text, err
}

// filesUnder returns the files in and under a directory whose paths match a
// pattern, in which ** stands for any directories, and for none.
func filesUnder(dir, pattern string) ([]string, error) {
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, fmt.Errorf("%q: %w", pattern, err)
	}
	parts := strings.Split(path.Clean(pattern), "/")
	if !slices.Contains(parts, "**") {
		return filesIn(dir, pattern)
	}
	var found []string
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // what cannot be read has no files
		}
		name, err := filepath.Rel(dir, file)
		if name = filepath.ToSlash(name); err == nil && matches(parts, strings.Split(name, "/")) && regular(file) {
			found = append(found, name)
		}
		return nil
	})
	return found, err
}

// filesIn is filesUnder for patterns without **.
func filesIn(dir, pattern string) ([]string, error) {
	all, err := filepath.Glob(filepath.Join(dir, pattern))
	var found []string
	for _, f := range all {
		if name, err := filepath.Rel(dir, f); err == nil && regular(f) {
			found = append(found, filepath.ToSlash(name))
		}
	}
	return found, err
}

func regular(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// matches matches the parts of a path one by one.
func matches(pattern, name []string) bool {
	if len(pattern) == 0 {
		return len(name) == 0
	}
	if pattern[0] == "**" {
		return matches(pattern[1:], name) || len(name) > 0 && matches(pattern, name[1:])
	}
	if len(name) == 0 {
		return false
	}
	ok, _ := path.Match(pattern[0], name[0])
	return ok && matches(pattern[1:], name[1:])
}
