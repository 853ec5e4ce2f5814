package ssh

import (
	"bytes"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"
)

// maxPreamble is how much a server may send before its version line. RFC 4253
// §4.2 allows other lines there, and sets no limit.
const maxPreamble = 8 << 10

// errNotSSH ends the reading of a preamble that cannot become SSH.
var errNotSSH = errors.New("what it sent is not SSH")

// wire is the connection below SSH. It remembers how the server introduced
// itself, since the protocol library does not say on what it failed, and
// counts what arrives, which is the surest sign of a living guest.
type wire struct {
	net.Conn
	received atomic.Int64

	mu      sync.Mutex
	head    []byte
	version string
}

// Read reads from the connection and looks at the preamble on the way.
func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	w.received.Add(int64(n))
	if n > 0 && !w.note(p[:n]) {
		return 0, errNotSSH // not n: a reader that has enough ignores the error
	}
	return n, err
}

// note looks for the version line, and reports false where there is no hope.
func (w *wire) note(p []byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.version != "" {
		return true
	}
	w.head = append(w.head, p...)
	for line := range bytes.Lines(w.head) {
		if bytes.HasPrefix(line, []byte("SSH-")) && bytes.HasSuffix(line, []byte("\n")) {
			w.version = printable(string(bytes.TrimSpace(line)))
			w.head = nil
			return true
		}
	}
	return len(w.head) <= maxPreamble && !bytes.HasPrefix(w.head, []byte("HTTP/"))
}

// introduction returns the server's version line, "" before it is complete,
// and what else it sent first.
func (w *wire) introduction() (version, head string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.version, string(w.head)
}

// maxQuoted is how much of a peer's own words an error repeats.
const maxQuoted = 512

// printable returns s without control characters and not too long, for words
// of a peer that end up on somebody's terminal.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > maxQuoted {
		s = strings.ToValidUTF8(s[:maxQuoted], "") + "…"
	}
	return strings.TrimSpace(s)
}
