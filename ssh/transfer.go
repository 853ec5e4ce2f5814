package ssh

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"
)

// Transfer holds the settings of an upload or a download. A nil *Transfer means
// the zero value.
type Transfer struct {
	// Mode is the permission of the files that are written. Zero means that
	// of the source, or 0644 where it has none. For a download it is the
	// source's made harmless: 0755 where the guest's owner may execute the
	// file, else 0644.
	Mode fs.FileMode

	// Overwrite lets a download replace files that exist here. An upload
	// always replaces files in the guest.
	Overwrite bool

	// MaxBytes limits what a download writes, since a guest may send
	// without end. Zero means 8 GiB, negative means no limit.
	MaxBytes int64

	// MaxFiles limits the files and directories of a download. Zero means
	// 100 000, negative means no limit.
	MaxFiles int

	// Progress is told how many bytes have been moved and how many there
	// are, -1 where that is not known. Calls come one at a time, from
	// goroutines of the transfer, which waits for them. Nil means nobody.
	Progress func(done, total int64)

	// Skipped is told of each thing that a tree's download leaves out, with
	// the reason: symbolic links, devices, names that cannot be a file
	// here. The name is the guest's, free of control characters. Nil means
	// nobody.
	Skipped func(name, reason string)
}

const (
	defaultMaxBytes = 8 << 30
	defaultMaxFiles = 100_000
)

func (t *Transfer) withDefaults() *Transfer {
	var d Transfer
	if t != nil {
		d = *t
	}
	if d.MaxBytes == 0 {
		d.MaxBytes = defaultMaxBytes
	}
	if d.MaxFiles == 0 {
		d.MaxFiles = defaultMaxFiles
	}
	return &d
}

// upMode is the mode of a file in the guest.
func (t *Transfer) upMode(source fs.FileMode) fs.FileMode {
	switch {
	case t.Mode != 0:
		return t.Mode.Perm()
	case source.Perm() != 0:
		return source.Perm()
	}
	return 0o644
}

// downMode is the mode of a file from the guest.
func (t *Transfer) downMode(source fs.FileMode) fs.FileMode {
	switch {
	case t.Mode != 0:
		return t.Mode.Perm()
	case source&0o100 != 0:
		return 0o755
	}
	return 0o644
}

// copying is one transfer under way. It counts the bytes of all its files, and
// stands between the guest's side and what the caller handed in.
type copying struct {
	*Transfer
	done   int64
	total  int64
	single bool // one file, whose size is the total once it is known

	caller sync.Mutex // held while something of the caller's is called
	over   atomic.Bool
}

func newCopying(t *Transfer, total int64) *copying {
	return &copying{Transfer: t.withDefaults(), total: total}
}

// moved counts n more bytes. The caller holds the lock.
func (c *copying) moved(n int) {
	c.done += int64(n)
	if c.Progress != nil && n > 0 {
		c.Progress(c.done, c.total)
	}
}

// reader is a source of the caller's.
type reader struct {
	ctx  context.Context
	from io.Reader
	copy *copying
	n    int64
}

// Read reads and counts, until the transfer is over.
func (r *reader) Read(p []byte) (int, error) {
	r.copy.caller.Lock()
	defer r.copy.caller.Unlock()
	if r.copy.over.Load() || r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	n, err := r.from.Read(p)
	r.n += int64(n)
	r.copy.moved(n)
	return n, err
}

// writer is a destination of the caller's.
type writer struct {
	ctx  context.Context
	to   io.Writer
	copy *copying
	n    int64
}

// Write writes and counts, until the transfer is over or too large.
func (w *writer) Write(p []byte) (int, error) {
	w.copy.caller.Lock()
	defer w.copy.caller.Unlock()
	if w.copy.over.Load() || w.ctx.Err() != nil {
		return 0, io.ErrClosedPipe
	}
	if limit := w.copy.MaxBytes; limit >= 0 && w.copy.done+int64(len(p)) > limit {
		return 0, fmt.Errorf("the guest sends more than %d bytes; raise Transfer.MaxBytes if that is right", limit)
	}
	n, err := w.to.Write(p)
	w.n += int64(n)
	w.copy.moved(n)
	return n, err
}

// guard runs do, and returns soon after ctx ends even if do does not: abort is
// called for it to end, and the connection is closed if that does not help.
func (c *Client) guard(ctx context.Context, op string, x *copying, abort func(), do func() error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("ssh: %s: %w", op, context.Cause(ctx))
	}
	defer x.over.Store(true)
	finished := make(chan error, 1)
	go func() { finished <- do() }()
	select {
	case err := <-finished:
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return c.transferError(op, err)
	case <-ctx.Done():
	}
	c.spawn(abort)
	if _, ok := await(finished, cancelGrace); !ok && x.caller.TryLock() {
		x.caller.Unlock() // else it is the caller's own reader or writer that hangs
		c.release(op, finished)
	}
	return fmt.Errorf("ssh: %s: %w", op, context.Cause(ctx))
}

func (c *Client) transferError(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case c.Err() != nil:
		return c.lost(op, err)
	}
	return fmt.Errorf("ssh: %s: %w", op, err)
}
