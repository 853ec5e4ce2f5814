package iso

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
)

// Where in a tar archive its magic is, that of its first file.
const (
	tarMagic   = "ustar"
	tarMagicAt = 257
)

// zipEncrypted is the flag of a file in a zip archive that needs a password.
const zipEncrypted = 1

var errNoFile = errors.New("the archive holds no file")

// severalError is about an archive of which nobody says which file is meant.
func severalError(one, other string) error {
	return fmt.Errorf("the archive holds several files, such as %q and %q, of which nobody says which is meant; unpack it and give the path of one", one, other)
}

// openZip returns the one file of a zip archive.
func openZip(_ context.Context, in *packed) (io.ReadCloser, error) {
	z, err := zip.NewReader(in, in.event.Total)
	if err != nil {
		return nil, err
	}
	var only *zip.File
	for _, f := range z.File {
		switch {
		case !f.Mode().IsRegular():
		case only != nil:
			return nil, severalError(only.Name, f.Name)
		default:
			only = f
		}
	}
	switch {
	case only == nil:
		return nil, errNoFile
	case only.Flags&zipEncrypted != 0:
		return nil, fmt.Errorf("%q in the archive is encrypted; unpack it and give its path", only.Name)
	}
	return only.Open()
}

// inTar returns the one file of a tar archive, and what is no such archive as
// it is.
func inTar(in io.ReadCloser) (io.ReadCloser, error) {
	b := bufio.NewReaderSize(in, 64<<10)
	head, _ := b.Peek(tarMagicAt + len(tarMagic)) // an error is there for the next read too
	if string(head[min(len(head), tarMagicAt):]) != tarMagic {
		return plainFile{b, in}, nil
	}
	t := &tarFile{in: in, archive: tar.NewReader(b)}
	name, err := t.next()
	if err == io.EOF {
		err = errNoFile
	}
	if err != nil {
		_ = in.Close()
		return nil, err
	}
	t.name = name
	return t, nil
}

// plainFile is a file that is read through a buffer.
type plainFile struct {
	io.Reader
	io.Closer
}

// tarFile is the one file of a tar archive.
type tarFile struct {
	in      io.ReadCloser
	archive *tar.Reader
	name    string
}

// next goes to the next file and returns its name.
func (t *tarFile) next() (string, error) {
	for {
		h, err := t.archive.Next()
		if err != nil {
			return "", err
		}
		if h.FileInfo().Mode().IsRegular() {
			return h.Name, nil
		}
	}
}

// Read reads the file. At its end it looks at the rest of the archive, in which
// no other may be.
func (t *tarFile) Read(p []byte) (int, error) {
	n, err := t.archive.Read(p)
	if err == io.EOF {
		other, rest := t.next()
		switch {
		case rest == nil:
			return n, severalError(t.name, other)
		case rest != io.EOF:
			return n, rest
		}
		_, rest = io.Copy(io.Discard, t.in) // for the checksum of what it is compressed by
		if rest != nil {
			return n, rest
		}
	}
	return n, err
}

func (t *tarFile) Close() error { return t.in.Close() }
