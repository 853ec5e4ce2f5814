package iso

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"syscall"

	"github.com/cavaliergopher/grab/v3"
)

// What a try can end with besides a plain failure.
var (
	errNotModified = errors.New("the server has nothing newer")
	errComplete    = errors.New("the file is there already")
	errRestart     = errors.New("the server cannot continue the download; it starts again")
	errSpliced     = errors.New("the continued file has the wrong checksum; it is fetched again from its first byte")
)

// A try is one request for a download's missing bytes, carried out by grab.
// grab believes its server: it appends whatever a 2xx brings to whatever is in
// the file. So it is given a client, this try, that lets an answer through
// only if it continues the file at exactly the right byte.
type try struct {
	*download
	client *http.Client
	dog    *watchdog
	pipe   *hashPipe
	hashed int64 // bytes that went into the pipe
}

// attempt asks once for the bytes that are missing. It leaves the part with
// its size and digests right, whatever happens.
func (d *download) attempt(ctx context.Context) (err error) {
	if err := d.part.hash(ctx, d.observe); err != nil {
		return err
	}
	tryCtx, dog, stop := newWatchdog(ctx, d.web.stall)
	defer stop()
	t := &try{download: d, dog: dog, client: d.web.clientFor(d.loc, dog), pipe: newHashPipe(d.part.sums)}
	d.observe(Trying{URL: d.name, Offset: d.part.size})
	err = t.run(tryCtx)
	t.pipe.close()
	d.part.size += t.hashed
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err == nil:
		return t.checkLength()
	case tryCtx.Err() != nil:
		err = context.Cause(tryCtx)
	}
	return t.explain(bareError(err))
}

// run lets grab do the transfer and waits for its end.
func (t *try) run(ctx context.Context) error {
	req, err := grab.NewRequest(t.part.path, t.loc.url.String())
	if err != nil {
		return permanent(err)
	}
	req.IgnoreRemoteTime = true
	req.NoCreateDirectories = true
	g := grab.Client{HTTPClient: t, UserAgent: userAgent, BufferSize: hashChunk}
	return g.Do(req.WithContext(ctx)).Err()
}

// Do answers grab's requests. Before it continues a file grab sends a HEAD,
// whose failure it takes for the end and whose redirect it follows with all
// headers; what it wants to know is only whether it may continue.
func (t *try) Do(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodHead {
		return &http.Response{
			StatusCode: http.StatusOK, Request: req, ContentLength: -1,
			Header: http.Header{"Accept-Ranges": {"bytes"}}, Body: http.NoBody,
		}, nil
	}
	t.setHeaders(req.Header)
	resp, err := t.client.Do(req)
	if err != nil {
		return nil, err
	}
	t.kind, t.coding = resp.Header.Get("Content-Type"), resp.Header.Get("Content-Encoding")
	if err := t.accept(resp); err != nil {
		return nil, errors.Join(err, resp.Body.Close())
	}
	resp.Body = t.newBody(resp.Body)
	return resp, nil
}

// setHeaders asks for the bytes from part.size on, as they are stored.
func (t *try) setHeaders(h http.Header) {
	h.Set("Accept-Encoding", "identity")
	if t.part.size > 0 {
		h.Set("Range", fmt.Sprintf("bytes=%d-", t.part.size))
		if v := t.validator(); v != "" {
			h.Set("If-Range", v)
		}
		return
	}
	h.Del("Range")
	if t.known.ETag != "" {
		h.Set("If-None-Match", t.known.ETag)
	} else if t.known.Modified != "" {
		h.Set("If-Modified-Since", t.known.Modified)
	}
}

// accept decides what an answer means for the part.
func (t *try) accept(resp *http.Response) error {
	asked := t.part.size > 0
	switch {
	case resp.StatusCode == http.StatusOK:
		return t.whole(resp)
	case resp.StatusCode == http.StatusPartialContent && asked:
		return t.rest(resp)
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && asked:
		return t.unsatisfiable(resp)
	case resp.StatusCode == http.StatusNotModified && asked:
		return errRestart
	case resp.StatusCode == http.StatusNotModified && t.known.ETag+t.known.Modified != "":
		return errNotModified
	}
	return newStatusError(resp)
}

// whole takes a file from its first byte, though perhaps more was there: the
// server ignores ranges, or the file has changed.
func (t *try) whole(resp *http.Response) error {
	if err := t.part.rewind(); err != nil {
		return err
	}
	t.continued = false
	return t.begin(resp, resp.ContentLength)
}

// rest takes what follows the bytes that are there, and only that.
func (t *try) rest(resp *http.Response) error {
	r, err := parseContentRange(resp.Header.Get("Content-Range"))
	if err != nil || r.first != t.part.size ||
		t.part.meta.Total >= 0 && r.total >= 0 && r.total != t.part.meta.Total ||
		resp.ContentLength >= 0 && resp.ContentLength != r.last-r.first+1 {
		return errRestart
	}
	t.continued = true
	total := r.total
	if total < 0 {
		total = t.part.meta.Total
	}
	return t.begin(resp, total)
}

// unsatisfiable is the answer where nothing follows the bytes that are there:
// they are the whole file, if its length is theirs.
func (t *try) unsatisfiable(resp *http.Response) error {
	r, err := parseContentRange(resp.Header.Get("Content-Range"))
	if err == nil && r.total == t.part.size && !t.pin.isNone() {
		return errComplete
	}
	return errRestart
}

// begin checks that there is room for the file and notes what it is.
func (t *try) begin(resp *http.Response, total int64) error {
	if total > t.maxBytes {
		return t.tooBig(total)
	}
	if err := t.checkRoom(total - t.part.size); err != nil {
		return err
	}
	return t.part.note(partMeta{
		URL: t.name, ETag: strongETag(resp.Header), Modified: strongModified(resp.Header), Total: total,
	})
}

func (t *try) tooBig(size int64) error {
	return permanent(fmt.Errorf("the file has %d bytes or more, the limit is %d; raise Fetcher.MaxBytes if that is right", size, t.maxBytes))
}

// reserve is how much room a download leaves on its file system.
const reserve = 64 << 20

func (t *try) checkRoom(need int64) error {
	free, ok := freeBytes(filepath.Dir(t.part.path))
	if !ok || need <= 0 || need+reserve <= free {
		return nil
	}
	return permanent(fmt.Errorf("%w: %s needs %d MiB, %d MiB are free; make room or set Fetcher.Dir",
		syscall.ENOSPC, t.dir, (need+reserve)>>20, free>>20))
}

// checkLength finds a transfer that ended early without an error.
func (t *try) checkLength() error {
	if total := t.part.meta.Total; total >= 0 && t.part.size != total {
		return t.explain(io.ErrUnexpectedEOF)
	}
	return nil
}

// explain says where a transfer broke off, and what became of a full disk.
func (t *try) explain(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC) && !errors.As(err, new(permanentError)):
		free, _ := freeBytes(t.dir)
		missing := ""
		if t.part.meta.Total >= 0 {
			missing = fmt.Sprintf(" needs %d bytes,", t.part.meta.Total)
		}
		err = fmt.Errorf("%w:%s %d bytes were free; make room or set Fetcher.Dir", err, missing, free+t.part.size)
		return permanent(errors.Join(err, t.part.remove()))
	case t.hashed == 0 && !errors.Is(err, io.ErrUnexpectedEOF):
		return err
	case isPermanent(err):
		return err
	}
	of := ""
	if t.part.meta.Total >= 0 {
		of = fmt.Sprintf(" of %d", t.part.meta.Total)
	}
	return fmt.Errorf("connection lost at byte %d%s: %w", t.part.size, of, err)
}
