package imagebuild

import (
	"fmt"
	"os"
	"path/filepath"
)

// companion is a file beside the image, on its way to its name. A nil one
// stands for none.
type companion struct{ what, temp, path string }

// accompany writes a file without giving it its name. Who may read the image,
// which is still at another path, may read it.
func (r *run) accompany(what, path, image string, write func(*os.File) error) (_ *companion, err error) {
	info, err := os.Stat(image)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	// A rename does not leave the file system, and another directory may be
	// on another one.
	dir := r.scratch.dir
	if filepath.Dir(path) != filepath.Dir(r.b.Output) {
		dir = filepath.Dir(path)
	}
	temp, err := os.CreateTemp(dir, ".bootscribe-"+what+"-*")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	c := &companion{what, temp.Name(), path}
	err = write(temp)
	if err == nil {
		err = os.Chmod(c.temp, info.Mode().Perm())
	}
	if err == nil {
		err = temp.Sync()
	}
	if closed := temp.Close(); err == nil {
		err = closed
	}
	if err != nil {
		c.discard()
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return c, nil
}

// name gives the file its name, and replaces one only if that is allowed: a
// link, unlike a rename, fails where there is one.
func (c *companion) name(overwrite bool) error {
	if c == nil {
		return nil
	}
	give := os.Link
	if overwrite {
		give = os.Rename
	}
	if err := give(c.temp, c.path); err != nil {
		return fmt.Errorf("imagebuild: %s: %w", c.what, err)
	}
	return nil
}

// discard removes the file's temporary name.
func (c *companion) discard() {
	if c != nil {
		_ = os.Remove(c.temp)
	}
}

// companions are files beside the image, in the order of their naming.
type companions []*companion

func (c companions) discard() {
	for _, f := range c {
		f.discard()
	}
}

// name gives all files their names, or, where none may be replaced, none of
// them.
func (c companions) name(overwrite bool) error {
	for i, f := range c {
		if err := f.name(overwrite); err != nil {
			for _, named := range c[:i] {
				if !overwrite && named != nil {
					_ = os.Remove(named.path) // a moment ago there was no such file
				}
			}
			return err
		}
	}
	return nil
}
