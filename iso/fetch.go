package iso

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"
)

// userAgent is how requests introduce themselves.
const userAgent = "bootscribe"

// Fetcher brings media into a cache directory and verifies them. The zero
// value works. It must not be changed while a Fetch runs; any number of
// Fetches may run at once, in any number of processes: what several want is
// downloaded by one of them.
type Fetcher struct {
	// Dir is the cache; "" means bootscribe/iso in [os.UserCacheDir]. It is
	// made when it is needed, for its owner alone. One that every user can
	// write to is refused. One that is read-only serves what it holds.
	Dir string

	// Client sends the requests. Its CheckRedirect is called after Fetch's
	// own checks. nil, or a nil Transport, means a transport of Fetch's own
	// that takes its proxy from the environment and is closed at the end.
	Client *http.Client

	// Observe is told what happens; nil means nobody is. It is called from
	// goroutines of Fetch, in order, one call at a time and none after Fetch
	// returned, and it holds up the transfer until it returns. Two Fetches at
	// once of the same Fetcher may call it at once.
	Observe func(Event)

	// MaxBytes is the largest file that is accepted from a server, and the
	// largest that a compressed one may become; 0 means 64 GiB.
	MaxBytes int64

	// StallTimeout is how long a server may be silent, before the answer or
	// within it, until the try is given up; 0 means 30 s. How long a whole
	// download takes is limited by Fetch's context only.
	StallTimeout time.Duration

	// Tries is how often in a row a URL may fail before the next one's turn
	// comes; 0 means 5. Tries that bring a MiB more than any before do not
	// count. What cannot get better is not tried again: a 404, a bad
	// certificate, a full disk.
	Tries int

	// RetryDelay is the time between the first try and the second; it doubles
	// up to 30 s, less up to a half by chance. 0 means 500 ms. A server that
	// sends Retry-After is left alone for so long, but for 2 minutes at most.
	RetryDelay time.Duration
}

const (
	defaultMaxBytes     = 64 << 30
	defaultStallTimeout = 30 * time.Second
	defaultTries        = 5
	defaultRetryDelay   = 500 * time.Millisecond
)

// Validate reports everything that is wrong with f's fields, joined.
func (f *Fetcher) Validate() error {
	var errs []error
	check := func(ok bool, field string, value any) {
		if !ok {
			errs = append(errs, fmt.Errorf("iso: Fetcher.%s is %v; it cannot be negative, and 0 means the default", field, value))
		}
	}
	check(f.MaxBytes >= 0, "MaxBytes", f.MaxBytes)
	check(f.StallTimeout >= 0, "StallTimeout", f.StallTimeout)
	check(f.Tries >= 0, "Tries", f.Tries)
	check(f.RetryDelay >= 0, "RetryDelay", f.RetryDelay)
	return errors.Join(errs...)
}

// Fetch returns a file that is what s asks for. It takes the first of s.URLs
// that has it: a local file where it is, a file from a server out of the cache
// if it is there, or else into it. Every byte is hashed on every call,
// whatever the cache says.
//
// A download that broke off is continued, by the next try, the next mirror or
// the next process. Only a pinned digest makes bytes of an earlier process
// trustworthy: where s.Checksum is "none" a download continues only within one
// Fetch and only if the server vouches for it with a strong ETag or
// Last-Modified, and a file in the cache is used only if the server says that
// it has no newer one.
//
// The error tells for each URL why it did not do; it wraps all of them, and
// [*ChecksumError] where bytes were wrong. After the context ended it wraps
// the context's cause.
func (f *Fetcher) Fetch(ctx context.Context, s Source) (*Medium, error) {
	if err := errors.Join(f.Validate(), s.Validate()); err != nil {
		return nil, err
	}
	r, err := f.newRun()
	if err != nil {
		return nil, err
	}
	defer r.web.close()
	from, sum := s.parsed()
	p, err := r.resolve(ctx, sum, from)
	if err != nil {
		return nil, fmt.Errorf("iso: Source.Checksum: checksum file %s: %w", sum.file, err)
	}
	r.web.downward = !p.isNone()
	m, err := r.anyOf(ctx, from, p)
	if err != nil {
		return nil, fmt.Errorf("iso: fetch: %w", err)
	}
	if s.Unpack {
		if m, err = r.unpacked(ctx, m); err != nil {
			return nil, fmt.Errorf("iso: %w", err)
		}
	}
	r.observe(Verified{Path: m.Path, Size: m.Size, Digest: m.Digest, Cached: m.Cached})
	return m, nil
}

// parsed is what Validate has found to be right.
func (s Source) parsed() ([]location, checksum) {
	var from []location
	for _, u := range s.URLs {
		loc, _ := parseLocation(u)
		from = append(from, loc)
	}
	sum, _ := parseChecksum(s.Checksum)
	return from, sum
}

// A fetchRun is one Fetch, with all defaults filled in.
type fetchRun struct {
	cache    cache
	web      *web
	maxBytes int64
	tries    int
	first    time.Duration
	observe  func(Event)
}

func (f *Fetcher) newRun() (*fetchRun, error) {
	c, err := openCache(f.Dir)
	if err != nil {
		return nil, err
	}
	r := &fetchRun{
		cache:    c,
		web:      newWeb(f.Client, orDefault(f.StallTimeout, defaultStallTimeout)),
		maxBytes: orDefault(f.MaxBytes, defaultMaxBytes),
		tries:    orDefault(f.Tries, defaultTries),
		first:    orDefault(f.RetryDelay, defaultRetryDelay),
		observe:  f.Observe,
	}
	if r.observe == nil {
		r.observe = func(Event) {}
	}
	return r, nil
}

func orDefault[T ~int | ~int64](v, or T) T {
	if v == 0 {
		return or
	}
	return v
}

// anyOf takes the first location that has the file.
func (r *fetchRun) anyOf(ctx context.Context, from []location, p pin) (*Medium, error) {
	var errs []error
	for _, loc := range from {
		get := r.remote
		if loc.url == nil {
			get = r.local
		}
		m, err := get(ctx, loc, p)
		if err == nil {
			m.URL = loc.String()
			return m, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%s: %w", loc, context.Cause(ctx))
		}
		r.observe(GivenUp{URL: loc.String(), Err: err})
		errs = append(errs, fmt.Errorf("%s: %w", loc, err))
	}
	return nil, errors.Join(errs...)
}

// local verifies a file where it is.
func (r *fetchRun) local(ctx context.Context, loc location, p pin) (*Medium, error) {
	path, err := filepath.Abs(loc.path)
	if err != nil {
		return nil, err
	}
	sums := newDigests(p)
	info, err := hashFile(ctx, path, sums, r.observe)
	if err != nil {
		return nil, err
	}
	if !sums.match() {
		return nil, &ChecksumError{
			URL: loc.String(), Want: p.String(), Got: sums.pinned().String(), Size: info.Size(), Kept: path,
		}
	}
	m := mediumOf(path, info, sums)
	m.Cached = true
	return m, nil
}
