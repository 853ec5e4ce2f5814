package ssh

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"

	xssh "golang.org/x/crypto/ssh"
)

// HostKeys remembers which keys a guest may identify itself with. The zero
// value pins the key of the first connection that succeeds, and demands it
// from then on. It may be shared by configurations, and used by goroutines at
// the same time.
type HostKeys struct {
	mu       sync.Mutex
	expected []xssh.PublicKey
	change   bool
}

// ExpectHostKeys returns host keys that accept the given ones only: lines as
// in authorized_keys or in ssh_host_*_key.pub. Use it when the host key was
// made beforehand and handed to the guest: an installer's sshd cannot then be
// taken for the installed system's.
func ExpectHostKeys(lines ...string) (*HostKeys, error) {
	h := new(HostKeys)
	for _, line := range lines {
		key, _, _, _, err := xssh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			return nil, fmt.Errorf("ssh: parse host key %q: %w", line, err)
		}
		h.expected = append(h.expected, key)
	}
	if len(h.expected) == 0 {
		return nil, fmt.Errorf("ssh: expect host keys: none given; use new(HostKeys) to pin the first one seen")
	}
	return h, nil
}

// AllowChange lets the next connection that succeeds show another key, which
// is pinned in place of the present ones. Call it when the machine is known to
// have been reset into another system, and not merely because the key changed.
func (h *HostKeys) AllowChange() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.change = true
}

// Pinned returns the accepted keys as lines of ssh_host_*_key.pub; none where
// the first connection is still to come.
func (h *HostKeys) Pinned() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var lines []string
	for _, key := range h.expected {
		lines = append(lines, publicLine(key))
	}
	return lines
}

// check says whether key may be connected to.
func (h *HostKeys) check(key xssh.PublicKey) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.change || len(h.expected) == 0 || slices.ContainsFunc(h.expected, equalTo(key)) {
		return nil
	}
	var want []string
	for _, e := range h.expected {
		want = append(want, e.Type()+" "+xssh.FingerprintSHA256(e))
	}
	return fmt.Errorf("the host key is %s %s, not %s as pinned; it is another system, or somebody in between",
		key.Type(), xssh.FingerprintSHA256(key), strings.Join(want, " or "))
}

// accept pins the key of a connection that succeeded, if a key is to be pinned.
func (h *HostKeys) accept(key xssh.PublicKey) {
	h.mu.Lock()
	defer h.mu.Unlock()
	known := slices.ContainsFunc(h.expected, equalTo(key))
	if len(h.expected) == 0 || h.change && !known {
		h.expected = []xssh.PublicKey{key}
		h.change = false
	}
}

// algorithms returns the signature algorithms of the accepted keys, or nil for
// any. Without that limit, a server with several keys may choose to show one
// of another type than the pinned one, and look as if it had changed.
func (h *HostKeys) algorithms() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.change {
		return nil
	}
	var algorithms []string
	for _, key := range h.expected {
		if key.Type() == xssh.KeyAlgoRSA {
			algorithms = append(algorithms, xssh.KeyAlgoRSASHA512, xssh.KeyAlgoRSASHA256)
			continue
		}
		algorithms = append(algorithms, key.Type())
	}
	return algorithms
}

func equalTo(key xssh.PublicKey) func(xssh.PublicKey) bool {
	marshaled := key.Marshal()
	return func(other xssh.PublicKey) bool { return bytes.Equal(other.Marshal(), marshaled) }
}
