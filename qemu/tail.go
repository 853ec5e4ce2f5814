package qemu

import "sync"

// tail keeps the last bytes of a stream, however much is written. The zero
// tail keeps 4 KiB: enough for QEMU's last words.
type tail struct {
	mu    sync.Mutex
	limit int
	buf   []byte
	total int64 // bytes ever written
}

func (t *tail) max() int {
	if t.limit == 0 {
		return 4 << 10
	}
	return t.limit
}

// Write keeps the end of p. It never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(p)
	t.total += int64(n)
	if n > t.max() {
		p = p[n-t.max():]
	}
	// The buffer grows to twice the limit before it is cut, so that a byte
	// is moved once on average.
	t.buf = append(t.buf, p...)
	if len(t.buf) > 2*t.max() {
		t.buf = append(t.buf[:0], t.buf[len(t.buf)-t.max():]...)
	}
	return n, nil
}

// String returns what is kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept())
}

func (t *tail) kept() []byte { return t.buf[max(0, len(t.buf)-t.max()):] }

// from returns a copy of what is kept from the given offset of the stream on,
// and the offset of its first byte, which is later if that was lost.
func (t *tail) from(offset int64) ([]byte, int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept := t.kept()
	first := t.total - int64(len(kept))
	if offset < first {
		offset = first
	}
	return append([]byte(nil), kept[offset-first:]...), offset
}

// end returns how many bytes were ever written.
func (t *tail) end() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.total
}
