package imagebuild

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// scratchPattern names scratch directories, and is how those are found that a
// program has left which was killed.
const scratchPattern = ".bootscribe-build-*"

const lockName = "lock"

// scratch is a private directory for the files of one build. A lock in it says
// that its owner lives: the kernel takes it away however the owner ends.
type scratch struct {
	dir  string
	lock *flock.Flock
}

func newScratch(parent string) (*scratch, error) {
	sweep(parent)
	for {
		dir, err := os.MkdirTemp(parent, scratchPattern)
		if err != nil {
			return nil, fmt.Errorf("imagebuild: %w", err)
		}
		s := &scratch{dir: dir, lock: flock.New(filepath.Join(dir, lockName))}
		locked, err := s.lock.TryLock()
		// Another build's sweep may have taken a directory without a lock for
		// one that was left behind.
		if _, there := os.Lstat(s.path(lockName)); errors.Is(there, fs.ErrNotExist) || err == nil && !locked {
			_ = s.lock.Close()
			continue
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("imagebuild: lock the scratch directory: %w", err), s.remove())
		}
		return s, nil
	}
}

func (s *scratch) path(name string) string { return filepath.Join(s.dir, name) }

func (s *scratch) remove() error {
	return errors.Join(os.RemoveAll(s.dir), s.lock.Close())
}

// sweep removes the scratch directories of builds that were killed. What cannot
// be removed stays, and is not this build's concern.
func sweep(parent string) {
	found, _ := filepath.Glob(filepath.Join(literally(parent), scratchPattern))
	for _, dir := range found {
		if link, err := os.Lstat(dir); err != nil || !link.IsDir() {
			continue // not made by a build
		}
		lock := filepath.Join(dir, lockName)
		info, err := os.Lstat(lock)
		if errors.Is(err, fs.ErrNotExist) {
			_ = os.Remove(dir) // only if it is empty: killed before it had a lock
		}
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		// Not created: its owner may be removing the directory at this moment.
		s := &scratch{dir: dir, lock: flock.New(lock, flock.SetFlag(os.O_RDWR))}
		if locked, err := s.lock.TryLock(); err == nil && locked {
			_ = s.remove()
		}
		_ = s.lock.Close()
	}
}

// literally makes of a path a pattern that matches it alone.
func literally(path string) string {
	var pattern []byte
	for i := range len(path) {
		switch path[i] {
		case '*', '?', '[', '\\':
			pattern = append(pattern, '\\')
		}
		pattern = append(pattern, path[i])
	}
	return string(pattern)
}
