package iso

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// unpacked returns what is in a file that is compressed, and the file itself if
// it is not. Like all that the cache holds, what is in it is filed by its own
// digest; the index tells which file it is from, so that it is unpacked once.
func (r *fetchRun) unpacked(ctx context.Context, m *Medium) (*Medium, error) {
	p, err := packingOf(m.Path)
	if err != nil || p == nil {
		return m, err
	}
	if p.open == nil {
		return nil, fmt.Errorf("%q is a %s, which is not read here; unpack it and give the path of the file in it", m.Path, p.name)
	}
	u, err := r.unpackOnce(ctx, m, p)
	if err != nil {
		return nil, fmt.Errorf("unpack %q (%s): %w", m.Path, p.name, err)
	}
	u.Checksum, u.URL, u.Cached = m.Checksum, m.URL, m.Cached
	return u, m.Check()
}

func (r *fetchRun) unpackOnce(ctx context.Context, m *Medium, p *packing) (*Medium, error) {
	key := "unpacked-" + strings.TrimPrefix(m.Digest, "sha256:")
	if u, err := r.cache.lookup(ctx, key, pin{}, r.observe); !errors.Is(err, errAbsent) {
		return u, err
	}
	if err := r.cache.prepare(); err != nil {
		return nil, err
	}
	unlock, err := r.cache.lock(ctx, key, r.observe)
	if err != nil {
		return nil, err
	}
	defer unlock()
	// Another may have unpacked it meanwhile.
	if u, err := r.cache.adopt(ctx, key, pin{}, r.observe); !errors.Is(err, errAbsent) {
		return u, err
	}
	return r.unpack(ctx, key, m, p)
}

// unpack unpacks m into the cache. Its caller holds the lock of the key.
func (r *fetchRun) unpack(ctx context.Context, key string, m *Medium, p *packing) (_ *Medium, err error) {
	t, err := openPart(r.cache.partPath(key), pin{})
	if err != nil {
		return nil, err
	}
	defer func() {
		t.close()
		if err != nil {
			_ = os.Remove(t.path) // if it still has that name
		}
	}()
	if err := t.rewind(); err != nil {
		return nil, err
	}
	if err := r.fill(ctx, t, m, p); err != nil {
		return nil, err
	}
	if inner, err := packingOf(t.path); err == nil && inner != nil {
		return nil, fmt.Errorf("what is in it is packed again (%s); unpack it and give the path of the file in it", inner.name)
	}
	return r.take(key, t)
}

// fill unpacks m into a part.
func (r *fetchRun) fill(ctx context.Context, t *part, m *Medium, p *packing) error {
	file, info, err := openRegular(m.Path)
	if err != nil {
		return err
	}
	defer file.Close()
	unpacking, cancel := context.WithCancel(ctx)
	defer cancel()
	// What is skipped in an archive can be much more than the archive.
	stop := context.AfterFunc(unpacking, func() { file.Close() })
	defer stop()
	in := &packed{file: file, event: Unpacking{Path: m.Path, Total: info.Size()}, observe: r.observe, pace: pacer{every: eventPace}}
	out, err := p.open(unpacking, in)
	if err != nil {
		return err
	}
	if out, err = inTar(out); err != nil {
		return err
	}
	err = t.copySparsely(ctx, out, r.maxBytes)
	if err != nil {
		cancel() // a program that unpacks need not go on
	}
	closed := out.Close()
	switch {
	case ctx.Err() != nil: // which ends a program with an error of its own
		return context.Cause(ctx)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w; make room or set Fetcher.Dir", err)
	case err != nil:
		return err
	}
	return closed
}

// copySparsely writes what is in out, with holes where there are zeros: images
// of disks are mostly empty.
func (t *part) copySparsely(ctx context.Context, out io.Reader, most int64) error {
	buf, zeros := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := readFull(out, buf)
		if err := t.put(buf[:n], zeros[:n]); err != nil {
			return err
		}
		if t.size > most {
			return fmt.Errorf("what is in it has more than %d bytes, which is the limit; raise Fetcher.MaxBytes if that is right", most)
		}
		if err == io.EOF {
			return t.file.Truncate(t.size)
		}
		if err != nil {
			return err
		}
	}
}

// put appends b to the part.
func (t *part) put(b, zeros []byte) error {
	t.sums.Write(b)
	t.size += int64(len(b))
	if bytes.Equal(b, zeros) {
		_, err := t.file.Seek(t.size, io.SeekStart)
		return err
	}
	_, err := t.file.Write(b)
	return err
}

// readFull reads until buf is full or there is an error. [io.ReadFull] would
// not tell a file's end from one that was cut off.
func readFull(r io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var more int
		more, err = r.Read(buf[n:])
		n += more
	}
	return n, err
}

// packed is a compressed file that tells how far it has been read.
type packed struct {
	file    *os.File
	event   Unpacking
	observe func(Event)
	pace    pacer
}

func (p *packed) Read(b []byte) (int, error) {
	n, err := p.file.Read(b)
	p.read(n, err)
	return n, err
}

// ReadAt is for archives with a table of contents.
func (p *packed) ReadAt(b []byte, at int64) (int, error) {
	n, err := p.file.ReadAt(b, at)
	p.read(n, err)
	return n, err
}

func (p *packed) read(n int, err error) {
	p.event.Done = min(p.event.Done+int64(n), p.event.Total)
	if err == io.EOF || p.pace.due() {
		p.observe(p.event)
	}
}
