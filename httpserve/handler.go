package httpserve

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// handler answers requests from a snapshot and records each.
type handler struct {
	cfg   *Config
	files *snapshot
	log   *requestLog
}

// answer is one request while it is answered.
type answer struct {
	http.ResponseWriter
	req    Request
	file   *file
	failed error // of a write
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := &answer{ResponseWriter: w, req: Request{
		Time:      time.Now(),
		Method:    clip(r.Method),
		UserAgent: clip(r.UserAgent()),
		Remote:    r.RemoteAddr,
	}}
	defer func() {
		// The caller's FS may panic; net/http would swallow that silently.
		if p := recover(); p != nil {
			a.req.Err = fmt.Errorf("panic: %v", p)
			a.fail()
		}
		h.finish(a)
	}()
	if r.ContentLength != 0 {
		// net/http reads a body that nobody wants to its end, with no limit
		// of time unless there is this one.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(h.cfg.HeaderTimeout))
	}
	h.serve(a, r)
}

func (h *handler) serve(a *answer, r *http.Request) {
	name, inside := h.name(r.URL.Path)
	a.req.Path = clip("/" + name)
	if !inside {
		a.req.Path = clip(r.URL.Path)
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		a.Header().Set("Allow", "GET, HEAD")
		a.say(http.StatusMethodNotAllowed, "only GET and HEAD are served")
		return
	}
	if !inside {
		a.say(http.StatusNotFound, "not found")
		return
	}
	f := h.files.files[name]
	if f == nil {
		h.notFound(a, name)
		return
	}
	a.file = f
	a.req.Err = a.send(f, r)
	if a.req.Err != nil {
		a.fail()
	}
}

// name returns which file a path asks for, and whether it is below the prefix.
// Doubled slashes count as one, since "http://host/" + "/file" is what boot
// commands often make. Nothing else is cleaned: a name is on the list or not.
func (h *handler) name(path string) (string, bool) {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	name := strings.TrimPrefix(path, "/")
	if h.cfg.Prefix == "" {
		return name, true
	}
	return strings.CutPrefix(name, h.cfg.Prefix+"/")
}

func (h *handler) notFound(a *answer, name string) {
	text := fmt.Sprintf("not found: %q", a.req.Path)
	if near := h.files.nearest(name); near != "" {
		a.req.Nearest = "/" + near
		text += fmt.Sprintf("; the nearest is %q", a.req.Nearest)
	}
	a.say(http.StatusNotFound, text)
}

// say answers with a line of text.
func (a *answer) say(status int, text string) {
	a.Header().Set("Content-Type", "text/plain; charset=utf-8")
	a.Header().Set("Content-Length", strconv.Itoa(len(text)+1))
	a.WriteHeader(status)
	_, _ = io.WriteString(a, text+"\n")
}

// fail answers with 500 if nothing has been answered yet. The reason is the
// host's business, so the guest is not told.
func (a *answer) fail() {
	if a.req.Status == 0 {
		a.Header().Del("Content-Range")
		a.say(http.StatusInternalServerError, "the file cannot be read")
	}
}

func (a *answer) send(f *file, r *http.Request) error {
	in, err := f.open()
	if err != nil {
		return err
	}
	defer in.Close()
	a.Header().Set("X-Content-Type-Options", "nosniff")
	seeker, ok := in.(io.ReadSeeker)
	if !ok {
		a.sendAll(in, f.size, r.Method)
		return f.unchanged(in)
	}
	if err := a.setType(seeker); err != nil {
		return err
	}
	// A file never changes while the server runs, so there is nothing for a
	// condition to compare; a 304 would leave an installer without its file.
	for _, name := range []string{"If-None-Match", "If-Match", "If-Unmodified-Since"} {
		r.Header.Del(name)
	}
	http.ServeContent(a, r, "", time.Time{}, seeker)
	return f.unchanged(in)
}

// setType guesses the type from the content alone: by the name it would depend
// on the tables of the host.
func (a *answer) setType(in io.ReadSeeker) error {
	var head [512]byte
	n, err := io.ReadFull(in, head[:])
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return err
	}
	a.Header().Set("Content-Type", http.DetectContentType(head[:n]))
	_, err = in.Seek(0, io.SeekStart)
	return err
}

// sendAll is for the FS whose files cannot seek, such as a zip archive's.
func (a *answer) sendAll(in fs.File, size int64, method string) {
	a.Header().Set("Content-Type", "application/octet-stream")
	a.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	a.WriteHeader(http.StatusOK)
	if method != http.MethodHead {
		_, _ = io.CopyN(a, in, size)
	}
}

// WriteHeader notes the status.
func (a *answer) WriteHeader(status int) {
	if a.req.Status == 0 {
		a.req.Status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write counts what the connection took.
func (a *answer) Write(p []byte) (int, error) {
	if a.req.Status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	n, err := a.ResponseWriter.Write(p)
	a.req.Bytes += int64(n)
	if err != nil {
		a.failed = err
	}
	return n, err
}

// finish waits until the operating system has the whole answer, which only
// then counts as complete, and records the request.
func (h *handler) finish(a *answer) {
	if err := http.NewResponseController(a.ResponseWriter).Flush(); err != nil {
		a.failed = err
	}
	a.req.Took = time.Since(a.req.Time)
	from := int64(-1)
	if a.file != nil && a.req.fetch() {
		promised, err := strconv.ParseInt(a.Header().Get("Content-Length"), 10, 64)
		a.req.Complete = err == nil && a.failed == nil && a.req.Err == nil && a.req.Bytes == promised
		if at, ok := start(a.req.Status, a.Header().Get("Content-Range")); ok {
			from = at
		}
	}
	h.log.add(a.req, a.file, from)
}
