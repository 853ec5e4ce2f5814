package iso

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// remote takes a file from a server by way of the cache.
func (r *fetchRun) remote(ctx context.Context, loc location, p pin) (*Medium, error) {
	key := keyOf(p, loc)
	if !p.isNone() { // without the lock, so that a read-only cache serves too
		m, err := r.cache.lookup(ctx, key, p, r.observe)
		if err == nil {
			m.Cached = true
		}
		if !errors.Is(err, errAbsent) {
			return m, err
		}
	}
	if err := r.cache.prepare(); err != nil {
		return nil, err
	}
	unlock, err := r.cache.lock(ctx, key, r.observe)
	if err != nil {
		return nil, err
	}
	defer unlock()
	return r.locked(ctx, key, loc, p)
}

// locked is remote for the one whose turn it is: the file may have come while
// it waited.
func (r *fetchRun) locked(ctx context.Context, key string, loc location, p pin) (*Medium, error) {
	m, err := r.cache.adopt(ctx, key, p, r.observe)
	if err != nil && !errors.Is(err, errAbsent) {
		return nil, err
	}
	if err == nil {
		m.Cached = true
		if !p.isNone() {
			return m, nil
		}
	}
	var known record
	if m != nil {
		known, _ = r.cache.record(key)
	}
	fresh, err := r.download(ctx, key, loc, p, known)
	if errors.Is(err, errNotModified) {
		return m, nil
	}
	return fresh, err
}

func (r *fetchRun) download(ctx context.Context, key string, loc location, p pin, known record) (_ *Medium, err error) {
	t, err := openPart(r.cache.partPath(key), p)
	if err != nil {
		return nil, err
	}
	defer t.close()
	d := &download{
		web: r.web, loc: loc, name: loc.String(), pin: p, part: t, dir: r.cache.dir, known: known,
		maxBytes: r.maxBytes, tries: r.tries, first: r.first, observe: r.observe,
	}
	switch err = d.run(ctx); {
	case err == nil:
		return r.take(key, t)
	case errors.Is(err, errMismatch):
		return nil, r.refuse(d)
	case t.size == 0 || p.isNone(): // nothing that a later Fetch could use
		t.close()
		os.Remove(t.path)
		return nil, errors.Join(err, t.forget())
	}
	return nil, err
}

// take makes a verified part a medium.
func (r *fetchRun) take(key string, t *part) (*Medium, error) {
	path, err := r.cache.commit(key, t)
	if err != nil {
		return nil, fmt.Errorf("keep the verified file: %w", err)
	}
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	return mediumOf(path, info, t.sums), nil
}

// refuse files a complete part that is not what was asked for.
func (r *fetchRun) refuse(d *download) error {
	e := &ChecksumError{
		URL: d.name, Want: d.pin.String(), Got: d.part.sums.pinned().String(), Size: d.part.size,
		ContentType: d.kind, coding: d.coding,
	}
	kept, err := r.cache.quarantine(d.part)
	if err != nil {
		return errors.Join(e, fmt.Errorf("the wrong bytes could not be put aside: %w", err))
	}
	e.Kept = kept
	return e
}
