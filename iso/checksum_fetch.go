package iso

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// maxSumsSize is the largest checksum file that is read, in bytes.
const maxSumsSize = 1 << 20

// resolve turns Source.Checksum into a pin, reading the checksum file if it
// names one.
func (r *fetchRun) resolve(ctx context.Context, c checksum, from []location) (pin, error) {
	if c.file == nil {
		return c.pin, nil
	}
	text, err := r.readSums(ctx, *c.file)
	if err != nil {
		return pin{}, err
	}
	sums, err := parseSums(text)
	if err != nil {
		return pin{}, err
	}
	var paths []string
	for _, loc := range from {
		paths = append(paths, loc.filePath())
	}
	return findSum(sums, paths)
}

func (r *fetchRun) readSums(ctx context.Context, loc location) ([]byte, error) {
	if loc.url == nil {
		file, _, err := openRegular(loc.path)
		if err != nil {
			return nil, fmt.Errorf("%w; for one on a server write file:https://…", err)
		}
		defer file.Close()
		return readCapped(file)
	}
	for failed := 1; ; failed++ {
		text, err := r.getSums(ctx, loc)
		if err == nil || ctx.Err() != nil || isPermanent(err) || failed >= r.tries {
			return text, err
		}
		after := delay(r.first, failed, err)
		r.observe(Retrying{URL: loc.String(), Err: err, After: after})
		if err := pause(ctx, after); err != nil {
			return nil, err
		}
	}
}

// getSums asks for a checksum file once.
func (r *fetchRun) getSums(ctx context.Context, loc location) ([]byte, error) {
	tryCtx, dog, stop := newWatchdog(ctx, r.web.stall)
	defer stop()
	text, err := r.readURL(tryCtx, loc, dog)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil && tryCtx.Err() != nil:
		return nil, context.Cause(tryCtx)
	}
	return text, err
}

func (r *fetchRun) readURL(ctx context.Context, loc location, dog *watchdog) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, loc.url.String(), nil)
	if err != nil {
		return nil, permanent(bareError(err))
	}
	req.Header.Set("User-Agent", userAgent)
	r.observe(Trying{URL: loc.String()})
	resp, err := r.web.clientFor(loc, dog).Do(req)
	if err != nil {
		return nil, bareError(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, newStatusError(resp)
	}
	dog.arm() // for all of it: the file is small
	return readCapped(resp.Body)
}

func readCapped(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSumsSize+1))
	if err == nil && len(text) > maxSumsSize {
		err = permanent(errors.New("it is larger than 1 MiB and so no checksum file"))
	}
	return text, err
}
