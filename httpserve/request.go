package httpserve

import (
	"fmt"
	"strings"
	"time"
)

// maxLogged bounds the memory that a guest's requests can take: how many are
// remembered, and how long a string of the guest's may be in each.
const (
	maxLogged    = 4096
	maxLoggedLen = 512
)

// Request is one request that was answered. Path, UserAgent and Method are the
// guest's own words, cut at 512 bytes: quote them where they are printed.
type Request struct {
	// Time is when the request's header had been read.
	Time time.Time

	// Took is from Time to the last byte of the answer.
	Took time.Duration

	// Method is as it was sent; only GET and HEAD are served.
	Method string

	// Path is what was asked for, decoded and without the server's prefix.
	// It begins with a slash.
	Path string

	// Status is the HTTP status of the answer.
	Status int

	// Bytes is the length of the body that was sent.
	Bytes int64

	// Complete tells that the operating system took the whole body that
	// Status and the header promised to a GET of a file.
	Complete bool

	// UserAgent is what the client calls itself, such as
	// "debian-installer". Empty if it did not say.
	UserAgent string

	// Remote is the client's address, host and port. QEMU's user network
	// makes it an address of this host.
	Remote string

	// Nearest is, after a 404, the path of the served file that was probably
	// meant. Empty if none is near.
	Nearest string

	// Err is why a file could not be sent as it was when the server started.
	// Nil if it was sent, and if there is no such file.
	Err error
}

// String returns the request in one line, with what the guest said quoted.
func (r Request) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q %q: %d, %d bytes", r.Method, r.Path, r.Status, r.Bytes)
	if r.fetch() && !r.Complete {
		b.WriteString(", incomplete")
	}
	if r.Nearest != "" {
		fmt.Fprintf(&b, ", nearest is %q", r.Nearest)
	}
	if r.Err != nil {
		fmt.Fprintf(&b, ", %v", r.Err)
	}
	return b.String()
}

// fetch reports whether the answer was to carry a file's content.
func (r Request) fetch() bool {
	return r.Method == "GET" && (r.Status == 200 || r.Status == 206)
}

// clip cuts a string of the guest's for the log.
func clip(s string) string {
	if len(s) > maxLoggedLen {
		return strings.ToValidUTF8(s[:maxLoggedLen], "") + "…"
	}
	return s
}
