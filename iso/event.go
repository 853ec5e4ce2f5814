package iso

import "time"

// An Event is something that happened during [Fetcher.Fetch]: one of [Trying],
// [Progress], [Waiting], [Retrying], [GivenUp], [Verifying], [Unpacking] and
// [Verified].
// URLs in events are without password and query.
type Event interface{ isEvent() }

// Trying says that a request is about to be sent.
type Trying struct {
	URL    string // without password and query
	Offset int64  // bytes that are already there; the rest is asked for
}

// Progress tells how much of the file is there. It comes at most ten times a
// second while bytes arrive, and once when they are all there.
type Progress struct {
	URL   string // without password and query
	Done  int64  // bytes, with those of earlier tries
	Total int64  // bytes, -1 if the server did not say
	Rate  int64  // bytes a second, over the last seconds
}

// Waiting says that another process or goroutine is fetching the same file.
// It comes when the wait begins and when the other has got further.
type Waiting struct {
	Done  int64 // bytes that the other has
	Total int64 // bytes, -1 if not known
}

// Retrying says that a try failed and the same URL will be tried again.
type Retrying struct {
	URL   string        // without password and query
	Err   error         // why the last try has failed
	After time.Duration // how long from now
}

// GivenUp says that a URL failed for good. The next one follows, if there is
// one; if not, Fetch returns an error with Err in it.
type GivenUp struct {
	URL string // without password and query
	Err error  // why the last try has failed
}

// Verifying tells how much of a file that was there before has been hashed. A
// file that arrives is hashed on the way and has no such event.
type Verifying struct {
	Path  string // of the file that is read
	Done  int64  // bytes
	Total int64  // bytes
}

// Unpacking tells how much of a compressed file has been unpacked.
type Unpacking struct {
	Path  string // of the compressed file
	Done  int64  // bytes of it
	Total int64  // bytes
}

// Verified says that the file is what the source asks for. It is the last
// event of a Fetch that succeeds.
type Verified struct {
	Path   string // of the file
	Size   int64  // bytes
	Digest string // "sha256:…"
	Cached bool   // no byte of it was downloaded by this Fetch
}

func (Trying) isEvent()    {}
func (Progress) isEvent()  {}
func (Waiting) isEvent()   {}
func (Retrying) isEvent()  {}
func (GivenUp) isEvent()   {}
func (Verifying) isEvent() {}
func (Unpacking) isEvent() {}
func (Verified) isEvent()  {}
