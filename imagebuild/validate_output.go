package imagebuild

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

func (b *Build) validateOutput() error {
	o := b.conversion()
	o.Args = nil // ImgArgs.Validate names their field
	errs := []error{o.Validate()}
	if b.Output == "" {
		return errors.Join(append(errs, &ConfigError{"Output", "is empty", "give the path of the image to make"})...)
	}
	free := absent
	if b.Overwrite {
		free = replaceable
	}
	errs = append(errs,
		free("Output", b.Output), directory("Output", b.Output), roomFor("Output", filepath.Dir(b.Output)),
		free("Manifest", b.Manifest), directory("Manifest", b.Manifest),
		free("TPMState", b.TPMState), directory("TPMState", b.TPMState))
	files := map[string]string{filepath.Clean(b.Output): "Output"}
	for _, f := range []struct{ field, path string }{{"Manifest", b.Manifest}, {"TPMState", b.TPMState}} {
		path := filepath.Clean(f.path)
		if other, taken := files[path]; taken && f.path != "" {
			errs = append(errs, &ConfigError{f.field, "is the same file as " + other, "choose another name"})
		}
		files[path] = f.field
	}
	return errors.Join(errs...)
}

// absent checks that nothing is at path.
func absent(field, path string) error {
	if path == "" {
		return nil
	}
	if _, err := os.Lstat(path); err == nil {
		return &ConfigError{field, fmt.Sprintf("%q exists", path), "remove it, choose another name, or set Overwrite"}
	}
	return nil
}

// replaceable checks that a regular file, if anything, is at path.
func replaceable(field, path string) error {
	if path == "" {
		return nil
	}
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return &ConfigError{field, fmt.Sprintf("%q is not a regular file", path), "choose another name"}
	}
	return nil
}

// directory checks that path is in a directory that can be written to.
func directory(field, path string) error {
	if path == "" {
		return nil
	}
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &ConfigError{field, fmt.Sprintf("there is no directory %q", dir), "make it, or choose another one"}
	case err != nil:
		return &ConfigError{field, err.Error(), ""}
	case !info.IsDir():
		return &ConfigError{field, fmt.Sprintf("%q is not a directory", dir), "choose another one"}
	}
	return writable(field, dir)
}
