package imagebuild

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// scratchPattern names scratch directories, and is how those are found that a
// program has left which was killed.
const scratchPattern = ".bootscribe-build-*"

// scratch is a private directory for the files of one build. A lock in it says
// that its owner lives: the kernel takes it away however the owner ends.
type scratch struct {
	dir  string
	lock *flock.Flock
}

func newScratch(parent string) (*scratch, error) {
	parent, err := filepath.Abs(parent)
	if err != nil {
		return nil, fmt.Errorf("imagebuild: %w", err)
	}
	sweep(parent)
	dir, err := os.MkdirTemp(parent, scratchPattern)
	if err != nil {
		return nil, fmt.Errorf("imagebuild: %w", err)
	}
	s := &scratch{dir: dir, lock: flock.New(filepath.Join(dir, "lock"))}
	if locked, err := s.lock.TryLock(); err != nil || !locked {
		return nil, errors.Join(fmt.Errorf("imagebuild: lock the scratch directory: %w", err), s.remove())
	}
	return s, nil
}

func (s *scratch) path(name string) string { return filepath.Join(s.dir, name) }

func (s *scratch) remove() error {
	return errors.Join(os.RemoveAll(s.dir), s.lock.Close())
}

// sweep removes the scratch directories of builds that were killed. One without
// a lock file is left alone: its owner may be about to make it. What cannot be
// removed stays, and is not this build's concern.
func sweep(parent string) {
	found, _ := filepath.Glob(filepath.Join(escape(parent), scratchPattern))
	for _, dir := range found {
		if info, err := os.Lstat(filepath.Join(dir, "lock")); err != nil || !info.Mode().IsRegular() {
			continue
		}
		s := &scratch{dir: dir, lock: flock.New(filepath.Join(dir, "lock"))}
		if locked, err := s.lock.TryLock(); err == nil && locked {
			_ = s.remove()
		}
		_ = s.lock.Close()
	}
}

// escape makes of a path a pattern that matches it alone.
func escape(path string) string {
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
