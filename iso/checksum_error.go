package iso

import (
	"fmt"
	"strings"
)

// ChecksumError is inside Fetch's error when a URL brought a complete file
// that is not the one that was asked for. Use [errors.As] to find it.
type ChecksumError struct {
	URL  string // without password and query
	Want string // what Source.Checksum asks for, "sha256:…"
	Got  string // what the bytes have, in the same algorithm
	Size int64  // bytes

	// ContentType is what the server called them, "" for a local file.
	ContentType string

	// Kept is where the bytes are, "" if nowhere: the local file itself, or
	// the cache's quarantine, where a Source with the checksum Got finds them
	// without another download.
	Kept string

	coding string // Content-Encoding
}

// Error tells both digests and what the bytes seem to be.
func (e *ChecksumError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "checksum mismatch: expected %s, got %s (%d bytes", e.Want, e.Got, e.Size)
	if e.ContentType != "" {
		fmt.Fprintf(&b, ", content type %s", printable(e.ContentType))
	}
	b.WriteString(")")
	switch {
	case strings.HasPrefix(strings.ToLower(e.ContentType), "text/html"):
		b.WriteString("; the server sent a web page, perhaps an error or a login: open the URL in a browser")
	case e.coding != "" && !strings.EqualFold(e.coding, "identity"):
		fmt.Fprintf(&b, "; the server sent the file encoded as %s, though it was asked not to", printable(e.coding))
	default:
		b.WriteString("; correct Checksum if the file has a new version")
	}
	if e.Kept != "" {
		fmt.Fprintf(&b, "; the bytes are in %s", e.Kept)
	}
	return b.String()
}
