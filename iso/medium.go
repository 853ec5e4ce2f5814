package iso

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// Medium is a file that was found to be what a [Source] asks for. It holds
// nothing open.
type Medium struct {
	Path   string // absolute
	Size   int64  // bytes
	Digest string // "sha256:…" of the whole file, whatever the source's checksum

	// Checksum is the digest that the source pinned and that the file has, or
	// that it was unpacked from, such as "sha512:…"; "" if the source said "none".
	Checksum string

	URL    string // the entry of Source.URLs that it is from, without password and query
	Cached bool   // nothing had to be downloaded

	info fs.FileInfo
}

// Check reports whether the file is still the one that was verified, by its
// identity, size and times, without reading it. Call it after the file was
// opened for use: what was swapped in between is found.
func (m *Medium) Check() error {
	info, err := os.Stat(m.Path)
	if err != nil {
		return fmt.Errorf("iso: check the verified file: %w", err)
	}
	if !sameState(m.info, info) {
		return fmt.Errorf("iso: check %q: the file was replaced or written to after it was verified; fetch it again", m.Path)
	}
	return nil
}

// sameState reports whether two looks at a file saw the same one, unwritten.
func sameState(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() &&
		a.ModTime().Equal(b.ModTime()) && changeTime(a).Equal(changeTime(b))
}

// errNotRegular is why a directory, a device or a pipe is no medium.
var errNotRegular = errors.New("is not a regular file")

// openRegular opens a file to read it, and nothing else: opening a pipe would
// wait for a writer.
func openRegular(path string) (*os.File, fs.FileInfo, error) {
	before, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if !before.Mode().IsRegular() {
		return nil, nil, &fs.PathError{Op: "open", Path: path, Err: errNotRegular}
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil && !os.SameFile(before, info) {
		err = &fs.PathError{Op: "open", Path: path, Err: errors.New("was replaced at that moment")}
	}
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file, info, nil
}

// hashFile reads the file at path into d and tells which file that was. A
// file that is written to meanwhile is an error.
func hashFile(ctx context.Context, path string, d *digests, observe func(Event)) (fs.FileInfo, error) {
	file, before, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := hashReader(ctx, file, before.Size(), path, d, observe); err != nil {
		return nil, err
	}
	after, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !sameState(before, after) {
		return nil, &fs.PathError{Op: "verify", Path: path, Err: errors.New("was written to or replaced while it was read")}
	}
	return after, nil
}

// hashReader hashes what r holds, which should be total bytes, in steps
// between which ctx is looked at.
func hashReader(ctx context.Context, r io.Reader, total int64, path string, d *digests, observe func(Event)) error {
	buf := make([]byte, 1<<20)
	var done int64
	pace := pacer{every: eventPace}
	for {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		n, err := r.Read(buf)
		d.Write(buf[:n])
		done += int64(n)
		if err == io.EOF || pace.due() {
			observe(Verifying{Path: path, Done: done, Total: max(total, done)})
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// eventPace is how far apart two events about progress are at least.
const eventPace = 100 * time.Millisecond

// A pacer thins out events.
type pacer struct {
	every time.Duration
	last  time.Time
}

func (p *pacer) due() bool {
	now := time.Now()
	if now.Sub(p.last) < p.every {
		return false
	}
	p.last = now
	return true
}
