package httpserve

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"
)

const (
	// keepFile and keepTotal bound what is held in memory: answer files, not
	// kernels and archives.
	keepFile  = 1 << 20
	keepTotal = 8 << 20

	// maxProblems bounds how many unreadable files one error names.
	maxProblems = 20
)

var (
	errChanged      = errors.New("changed since the server started; start the build again after editing it")
	errTooManyFiles = errors.New("too many files")
)

// snapshot is the allow-list: what is served, by name without leading slash.
type snapshot struct {
	files map[string]*file
	names []string // sorted, for the search of the nearest
	kept  int64    // bytes in memory
	max   int      // number of files allowed
}

// file is one served file. Its content is in data, or, where that is nil, in
// name of fsys as long as size and mod are the same there.
type file struct {
	name string
	data []byte
	fsys fs.FS
	size int64
	mod  time.Time
}

// take makes the allow-list of cfg, reading what is small enough to keep.
func take(cfg *Config) (*snapshot, error) {
	s := &snapshot{files: map[string]*file{}, max: cfg.MaxFiles}
	var errs []error
	if cfg.Files != nil {
		errs = s.addFiles(cfg.Files)
	}
	if cfg.Templates != nil {
		errs = append(errs, s.addTemplates(cfg.Templates, cfg.Data)...)
	}
	s.names = make([]string, 0, len(s.files))
	for name := range s.files {
		s.names = append(s.names, name)
	}
	slices.Sort(s.names)
	return s, errors.Join(errs...)
}

func (s *snapshot) addFiles(fsys fs.FS) []error {
	return walk("Files", fsys, func(name string) error {
		if len(s.files) >= s.max {
			return fmt.Errorf("more than %d files; name a smaller directory or raise MaxFiles: %w", s.max, errTooManyFiles)
		}
		f, err := s.read(fsys, name)
		if err == nil {
			s.files[name] = f
		}
		return err
	})
}

// walk calls add for each regular file and returns what went wrong, prefixed
// with the name of the field.
func walk(field string, fsys fs.FS, add func(name string) error) []error {
	_, contained := fsys.(dir)
	var errs []error
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && isFile(fsys, name, d, contained) {
			err = add(name)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("httpserve: %s: %q: %w", field, name, err))
		}
		if len(errs) >= maxProblems || errors.Is(err, errTooManyFiles) {
			return fs.SkipAll
		}
		return nil
	})
	if err != nil {
		errs = append(errs, fmt.Errorf("httpserve: %s: %w", field, err))
	}
	return errs
}

// isFile reports whether d is a regular file, or a symbolic link to one in an
// FS that keeps links inside.
func isFile(fsys fs.FS, name string, d fs.DirEntry, contained bool) bool {
	if d.Type()&fs.ModeSymlink == 0 {
		return d.Type().IsRegular()
	}
	if !contained {
		return false
	}
	fi, err := fs.Stat(fsys, name)
	return err == nil && fi.Mode().IsRegular()
}

// read opens a file to learn that it can be read, and keeps a small one.
func (s *snapshot) read(fsys fs.FS, name string) (*file, error) {
	in, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	fi, err := in.Stat()
	if err != nil {
		return nil, err
	}
	f := &file{name: name, fsys: fsys, size: fi.Size(), mod: fi.ModTime()}
	if f.size > keepFile || s.kept+f.size > keepTotal {
		return f, nil
	}
	if f.data, err = readAll(in, f.size); err != nil {
		return nil, err
	}
	s.kept += f.size
	return f, nil
}

func readAll(in io.Reader, size int64) ([]byte, error) {
	data := make([]byte, size)
	if n, err := io.ReadFull(in, data); err != nil {
		return nil, fmt.Errorf("read %d of %d bytes: %w", n, size, err)
	}
	return data, nil
}

// open returns the content as it was when the snapshot was taken.
func (f *file) open() (fs.File, error) {
	if f.data != nil {
		return keptFile{bytes.NewReader(f.data)}, nil
	}
	in, err := f.fsys.Open(f.name)
	if err != nil {
		return nil, err
	}
	if err := f.unchanged(in); err != nil {
		in.Close()
		return nil, err
	}
	return in, nil
}

// unchanged compares what is open with what was there at the start.
func (f *file) unchanged(in fs.File) error {
	if f.data != nil {
		return nil
	}
	fi, err := in.Stat()
	if err != nil {
		return err
	}
	if !fi.Mode().IsRegular() || fi.Size() != f.size || !fi.ModTime().Equal(f.mod) {
		return errChanged
	}
	return nil
}

// keptFile gives the bytes in memory the shape of an open file; nobody asks
// it for its FileInfo.
type keptFile struct{ *bytes.Reader }

func (keptFile) Stat() (fs.FileInfo, error) { return nil, fs.ErrInvalid }
func (keptFile) Close() error               { return nil }
