package iso

import (
	"context"
	"errors"
	"time"
)

// A download brings one file from one URL into a part, in as many tries as it
// takes. Whoever runs it holds the lock of the part's key.
type download struct {
	web      *web
	loc      location
	name     string // the URL as it is shown
	pin      pin
	part     *part
	dir      string // of the cache
	known    record // of the same URL, from an earlier Fetch
	maxBytes int64
	tries    int
	first    time.Duration
	observe  func(Event)

	continued bool   // the part is made of several answers
	kind      string // Content-Type
	coding    string // Content-Encoding
}

// progressStep is how much further a try must have got for the tries to be
// counted anew.
const progressStep = 1 << 20

// run downloads the file. It returns nil when the part is all there and is
// what the pin asks for, and errNotModified when d.known still holds.
func (d *download) run(ctx context.Context) error {
	if err := d.resume(ctx); err != nil {
		return err
	}
	err := d.complete(ctx)
	if err == nil && !d.part.sums.match() && d.continued {
		// What was there may have been another file's beginning.
		d.observe(Retrying{URL: d.name, Err: errSpliced})
		if err := d.part.rewind(); err != nil {
			return err
		}
		err = d.complete(ctx)
	}
	if err == nil && !d.part.sums.match() {
		return errMismatch
	}
	return err
}

// errMismatch says that the part is complete and is not what was asked for.
var errMismatch = errors.New("checksum mismatch")

// resume decides whether bytes of an earlier process are worth anything. They
// are where a digest will judge them in the end. Without one they are not,
// whatever the server's validator says: a power cut may have left holes.
func (d *download) resume(ctx context.Context) error {
	if d.pin.isNone() {
		return d.part.rewind()
	}
	if err := d.part.hash(ctx, d.observe); err != nil {
		return err
	}
	d.continued = d.part.size > 0
	return nil
}

// validator is what proves that the server still has the file that the part is
// the beginning of; "" if there is no such thing.
func (d *download) validator() string {
	switch m := d.part.meta; {
	case m.URL != d.name:
		return "" // a mirror's
	case m.ETag != "":
		return m.ETag
	default:
		return m.Modified
	}
}

// complete tries until every byte is there.
func (d *download) complete(ctx context.Context) error {
	best := d.part.size
	for failed := 1; ; failed++ {
		if done, err := d.whole(); done || err != nil {
			return err
		}
		err := d.attempt(ctx)
		switch {
		case err == nil || errors.Is(err, errComplete):
			return nil
		case errors.Is(err, errNotModified), ctx.Err() != nil, isPermanent(err):
			return err
		}
		if d.part.size >= best+progressStep {
			best, failed = d.part.size, 1
		}
		if failed >= d.tries {
			return err
		}
		if err := d.again(ctx, failed, err); err != nil {
			return err
		}
	}
}

// whole reports whether the part needs no request, and rewinds it where it
// cannot be continued.
func (d *download) whole() (bool, error) {
	size, total := d.part.size, d.part.meta.Total
	if size > 0 && size == total && !d.pin.isNone() {
		return true, nil
	}
	if total >= 0 && size > total || d.pin.isNone() && size > 0 && (d.validator() == "" || size == total) {
		return false, d.part.rewind()
	}
	return false, nil
}

// again waits for the next try. One that the server could not continue starts
// over at once.
func (d *download) again(ctx context.Context, failed int, err error) error {
	after := delay(d.first, failed, err)
	if errors.Is(err, errRestart) {
		if err := d.part.rewind(); err != nil {
			return err
		}
		after = 0
	}
	d.observe(Retrying{URL: d.name, Err: err, After: after})
	return pause(ctx, after)
}
