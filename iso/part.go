package iso

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// A part is the beginning of a file that is being downloaded. Its user holds
// the lock of its key.
type part struct {
	path string
	file *os.File
	size int64    // bytes in the file, all of them hashed
	sums *digests // of those bytes
	meta partMeta
}

// partMeta is kept beside a part, as JSON.
type partMeta struct {
	URL      string `json:"url"`                     // the bytes are from here, redacted
	ETag     string `json:"etag,omitempty"`          // strong, or ""
	Modified string `json:"last-modified,omitempty"` // strong, or ""
	Total    int64  `json:"total"`                   // bytes, -1 if not known
}

// openPart opens the part at path, or begins one. Nothing is known of its
// bytes before [part.hash].
func openPart(path string, p pin) (*part, error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	t := &part{path: path, file: file, sums: newDigests(p)}
	if !readJSON(path+".json", &t.meta) {
		t.meta = partMeta{Total: -1}
	}
	return t, nil
}

// close may be called twice.
func (t *part) close() { t.file.Close() }

// hash brings size and sums up to date with the file. It reads only if they
// are not.
func (t *part) hash(ctx context.Context, observe func(Event)) error {
	info, err := t.file.Stat()
	if err != nil || info.Size() == t.size {
		return err
	}
	t.sums.reset()
	t.size = 0
	r := io.NewSectionReader(t.file, 0, info.Size())
	if err := hashReader(ctx, r, info.Size(), t.path, t.sums, observe); err != nil {
		return err
	}
	t.size = info.Size()
	return nil
}

// rewind throws the bytes away.
func (t *part) rewind() error {
	t.sums.reset()
	t.size = 0
	t.meta = partMeta{Total: -1}
	return t.file.Truncate(0)
}

// note keeps the description of what the server is about to send.
func (t *part) note(m partMeta) error {
	if t.meta == m {
		return nil
	}
	t.meta = m
	return writeJSON(t.path+".json", m)
}

// seal makes the bytes durable and the file read-only, and closes it. An error
// means that they may not be on disk, and a second sync would not tell: they
// are removed.
func (t *part) seal() error {
	if err := errors.Join(t.file.Sync(), t.file.Close()); err != nil {
		return errors.Join(fmt.Errorf("the disk did not take the file: %w", err), t.remove())
	}
	return os.Chmod(t.path, 0o444)
}

// forget removes the description of a part that has moved on.
func (t *part) forget() error {
	err := os.Remove(t.path + ".json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (t *part) remove() error {
	return errors.Join(os.Remove(t.path), t.forget())
}
