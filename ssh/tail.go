package ssh

import "sync"

// maxTail is how much of a command's standard error is kept for its error.
const maxTail = 64 << 10

// tail keeps the last maxTail bytes written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

// Write keeps p, and never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	// Cutting only at twice the size makes it cheap for many small writes.
	if len(t.buf) > 2*maxTail {
		t.buf = append(t.buf[:0], t.buf[len(t.buf)-maxTail:]...)
	}
	return len(p), nil
}

// Bytes returns a copy of what is kept.
func (t *tail) Bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]byte(nil), t.buf[max(0, len(t.buf)-maxTail):]...)
}
