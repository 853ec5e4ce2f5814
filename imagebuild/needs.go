package imagebuild

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// What the steps of this package need of a Build, and would else miss only when
// their turn comes.

func needsSSH(b *Build) error {
	if b.SSH.User == "" {
		return errors.New("needs SSH, and SSH.User is empty; set it")
	}
	return nil
}

func needsScreen(b *Build) error {
	if b.VM.VGA == "none" {
		return errors.New("needs a screen, and VM.VGA is none; leave it empty")
	}
	return nil
}

// offers checks that the guest can fetch a file.
func (b *Build) offers(path string) error {
	if !b.serves() {
		return errors.New("there are no Files and no Templates to fetch; set one of them")
	}
	name := strings.TrimPrefix(path, "/")
	for _, fsys := range []fs.FS{b.Files, b.Templates} {
		if fsys == nil {
			continue
		}
		if info, err := fs.Stat(fsys, name); err == nil && !info.IsDir() {
			return nil
		}
	}
	return fmt.Errorf("neither Files nor Templates hold %q; add it or check the path", name)
}
