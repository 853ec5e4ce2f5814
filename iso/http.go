package iso

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// maxRedirects is how many hops a request may take.
const maxRedirects = 10

// A web is what one Fetch talks HTTP with.
type web struct {
	client   http.Client // its Transport is replaced for each request
	base     http.RoundTripper
	stall    time.Duration
	downward bool // https may lead to http, since the bytes are pinned
	own      *http.Transport
}

// newWeb takes over what client sets and fills in what it leaves open. The
// proxy comes from the environment.
func newWeb(client *http.Client, stall time.Duration) *web {
	w := &web{stall: stall}
	if client != nil {
		w.client = *client
		w.base = client.Transport
	}
	if w.base == nil {
		w.own = &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: stall}).DialContext,
			TLSHandshakeTimeout: stall,
			ForceAttemptHTTP2:   true,
			DisableCompression:  true,
		}
		w.base = w.own
	}
	return w
}

// close ends the connections that w made itself.
func (w *web) close() {
	if w.own != nil {
		w.own.CloseIdleConnections()
	}
}

// clientFor returns a client for requests to one location: credentials go to
// its host alone, and dog bites when a hop does not answer.
func (w *web) clientFor(loc location, dog *watchdog) *http.Client {
	c := w.client
	theirs := c.CheckRedirect
	c.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if err := w.checkRedirect(req, via); err != nil || theirs == nil {
			return err
		}
		return theirs(req, via)
	}
	c.Transport = &guardedTransport{base: w.base, loc: loc, dog: dog}
	return &c
}

func (w *web) checkRedirect(req *http.Request, via []*http.Request) error {
	from := via[len(via)-1].URL
	switch {
	case len(via) > maxRedirects:
		return permanent(fmt.Errorf("more than %d redirects, the last to %s", maxRedirects, redact(req.URL)))
	case req.URL.Scheme != "http" && req.URL.Scheme != "https":
		return permanent(fmt.Errorf("redirect to %s: only http and https are followed", redact(req.URL)))
	case from.Scheme == "https" && req.URL.Scheme == "http" && !w.downward:
		return permanent(fmt.Errorf("redirect from https to %s is refused; pin the file's digest in Checksum to allow it", redact(req.URL)))
	}
	return nil
}

// A guardedTransport decides hop by hop what a server gets to see.
type guardedTransport struct {
	base http.RoundTripper
	loc  location
	dog  *watchdog
}

// RoundTrip sends one hop of a request.
func (t *guardedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.URL.User = nil
	req.Header.Del("Authorization")
	req.Header.Del("Referer") // would show a signed URL to the next host
	if t.loc.user != nil && sameOrigin(req.URL, t.loc.url) {
		password, _ := t.loc.user.Password()
		req.SetBasicAuth(t.loc.user.Username(), password)
	}
	t.dog.arm()
	defer t.dog.disarm()
	return t.base.RoundTrip(req)
}

func sameOrigin(a, b *url.URL) bool { return a.Scheme == b.Scheme && a.Host == b.Host }

// errStalled is why a request was given up whose server fell silent.
var errStalled = errors.New("the server sent nothing")

// A watchdog ends a context when it stays armed for too long.
type watchdog struct {
	after time.Duration
	timer *time.Timer
}

// newWatchdog returns a context that ends when the dog bites. stop releases
// both.
func newWatchdog(ctx context.Context, after time.Duration) (_ context.Context, dog *watchdog, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(after, func() { cancel(fmt.Errorf("%w for %v", errStalled, after)) })
	timer.Stop()
	return ctx, &watchdog{after, timer}, func() { timer.Stop(); cancel(nil) }
}

func (w *watchdog) arm()    { w.timer.Reset(w.after) }
func (w *watchdog) disarm() { w.timer.Stop() }
