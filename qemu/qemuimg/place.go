package qemuimg

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// placement is how a new file gets its name.
type placement struct {
	overwrite bool
	durable   bool        // survives a power cut once place has returned
	mode      fs.FileMode // 0 is 0600, or with public
	public    bool        // what the umask leaves of 0666
	dir       string      // of the private directory; "" is beside the file
	finished  func(temp string) error
}

// place lets fill write a private file and then gives it the name path.
// Whatever fails, path is as it was and the private file is gone.
//
// The private file is in a directory of its own, beside path or in p.dir: on
// the same file system, closed to others, and with its final base name, which
// vmdk images contain.
func place(path string, p placement, fill func(temp string) error) error {
	if err := p.check(path); err != nil {
		return err
	}
	dir := filepath.Dir(path)
	private, err := os.MkdirTemp(p.privateDir(dir), ".bootscribe-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(private)
	temp := filepath.Join(private, filepath.Base(path))
	usual, err := touch(temp)
	if err != nil {
		return err
	}
	if p.mode == 0 && p.public {
		p.mode = usual
	}
	if err := fill(temp); err != nil {
		return err
	}
	if err := p.settle(temp); err != nil {
		return err
	}
	if p.finished != nil {
		if err := p.finished(temp); err != nil {
			return err
		}
	}
	if err := p.rename(temp, path); err != nil {
		return err
	}
	if !p.durable {
		return nil
	}
	// The file is in place and whole; all that may fail now is the promise
	// that its name survives a power cut.
	return syncDir(dir)
}

func (p placement) privateDir(beside string) string {
	if p.dir == "" {
		return beside
	}
	return p.dir
}

// touch makes an empty file that only its owner may read: qemu-img itself
// would make one that everybody may. It returns the mode that the file had at
// first, as any other would: a process cannot read its umask otherwise without
// changing it. The directory around the file is closed meanwhile.
func touch(path string) (usual fs.FileMode, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err == nil {
		usual = info.Mode().Perm()
		err = os.Chmod(path, 0o600)
	}
	return usual, errors.Join(err, f.Close())
}

// check refuses early what rename would refuse in the end.
func (p placement) check(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !p.overwrite:
		return existsError(path)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%q is not a regular file and is not overwritten; remove it first", path)
	}
	return nil
}

func existsError(path string) error {
	return fmt.Errorf("%q: %w; remove it, choose another name, or allow Overwrite where there is such an option", path, fs.ErrExist)
}

// settle gives the finished file its mode and, where asked for, brings it to
// the disk. After a failed fsync its pages may be lost, so there is no retry.
func (p placement) settle(temp string) error {
	if p.mode != 0 {
		if err := os.Chmod(temp, p.mode.Perm()); err != nil {
			return err
		}
	}
	if !p.durable {
		return nil
	}
	f, err := os.OpenFile(temp, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (p placement) rename(temp, path string) error {
	if p.overwrite {
		return os.Rename(temp, path)
	}
	err := renameNoReplace(temp, path)
	if errors.Is(err, fs.ErrExist) {
		return existsError(path)
	}
	return err
}

// linkAndRemove is a rename that fails where path exists, for systems that
// have no such call. Between its steps the file has both names.
func linkAndRemove(temp, path string) error {
	if err := os.Link(temp, path); err != nil {
		return err
	}
	return os.Remove(temp)
}
