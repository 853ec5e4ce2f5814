package httpserve

import (
	"cmp"
	"fmt"
	"slices"
)

// maxSpans bounds what a guest that fetches in pieces can make us remember.
const maxSpans = 1024

// coverage is which bytes of one file the guest was sent, in spans that are
// sorted and do not touch. A download that broke and was resumed by a Range
// request is complete when the spans have become one.
type coverage []span

type span struct{ from, to int64 }

func (c coverage) add(s span) coverage {
	if s.from >= s.to {
		return c
	}
	c = append(c, s)
	slices.SortFunc(c, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	merged := c[:1]
	for _, next := range c[1:] {
		if last := &merged[len(merged)-1]; next.from <= last.to {
			last.to = max(last.to, next.to)
		} else {
			merged = append(merged, next)
		}
	}
	return merged[:min(len(merged), maxSpans)]
}

// whole reports whether all of size bytes are covered.
func (c coverage) whole(size int64) bool {
	return size == 0 || len(c) == 1 && c[0].from == 0 && c[0].to >= size
}

// start returns the offset of the first byte of an answer from its
// Content-Range header, RFC 9110 §14.4. An answer of several ranges has no
// such header; it is not counted.
func start(status int, contentRange string) (int64, bool) {
	if status == 200 {
		return 0, true
	}
	var from int64
	_, err := fmt.Sscanf(contentRange, "bytes %d-", &from)
	return from, err == nil
}
