package iso

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A contentRange is what a Content-Range header says (RFC 9110 §14.4).
type contentRange struct {
	first, last int64 // -1 both where the range was not satisfiable
	total       int64 // -1 if not known
}

var errContentRange = errors.New("malformed Content-Range")

// parseContentRange reads "bytes 5-9/10", "bytes 5-9/*" and "bytes */10".
func parseContentRange(s string) (contentRange, error) {
	unit, rest, ok := strings.Cut(s, " ")
	span, total, slash := strings.Cut(rest, "/")
	if !ok || !slash || !strings.EqualFold(unit, "bytes") {
		return contentRange{}, errContentRange
	}
	r := contentRange{-1, -1, -1}
	if total != "*" && !decimal(total, &r.total) {
		return contentRange{}, errContentRange
	}
	if span == "*" {
		if r.total < 0 {
			return contentRange{}, errContentRange
		}
		return r, nil
	}
	first, last, dash := strings.Cut(span, "-")
	if !dash || !decimal(first, &r.first) || !decimal(last, &r.last) ||
		r.last < r.first || r.total >= 0 && r.last >= r.total {
		return contentRange{}, errContentRange
	}
	return r, nil
}

// decimal reads digits and nothing but digits.
func decimal(s string, n *int64) bool {
	u, err := strconv.ParseUint(s, 10, 63)
	if err != nil || s[0] == '+' {
		return false
	}
	*n = int64(u)
	return true
}

// strongETag is the entity tag if it stands for exact bytes (RFC 9110 §8.8.3),
// else "".
func strongETag(h http.Header) string {
	tag := h.Get("ETag")
	if len(tag) < 3 || tag[0] != '"' || tag[len(tag)-1] != '"' {
		return ""
	}
	return tag
}

// strongModified is Last-Modified if the file had been left alone for a while
// when it was served, so that the same second cannot stand for two contents
// (RFC 9110 §8.8.2.2), else "".
func strongModified(h http.Header) string {
	modified, err := http.ParseTime(h.Get("Last-Modified"))
	if err != nil {
		return ""
	}
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil || date.Sub(modified) < time.Minute {
		return ""
	}
	return h.Get("Last-Modified")
}
