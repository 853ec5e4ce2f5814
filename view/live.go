package view

import (
	"context"
	"crypto/rand"
	_ "embed"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bootscribe/bootscribe/imagebuild"
)

//go:embed page/live.html
var liveHTML string

//go:embed page/live.js
var liveJS string

// LiveConfig says what a live page shows and permits. A nil *LiveConfig and the
// zero LiveConfig are the same.
type LiveConfig struct {
	// Title is what the build is called; empty means "Build".
	Title string

	// Input lets viewers press keys and move the pointer of the guest. False
	// means that they can only look. What they type comes between what the
	// build types.
	Input bool

	// Hosts are the names, without a port, under which the page may be asked
	// for besides "localhost" and IP addresses. Others are refused, so that no
	// site can give its own name the address of the page and read it.
	Hosts []string
}

// Live is the page of a running build. It is an http.Handler for a server of
// yours, at its root or, with http.StripPrefix, at a path that ends with a
// slash. Who can reach the server can see the build: listen on 127.0.0.1, or put
// a login before it. Give Observe to the build, and call Finish when Run has
// returned: the page then stays, with the verdict and the last picture, until
// Close.
type Live struct {
	title  string
	input  bool
	hosts  []string
	token  string // what a page must send along with input
	routes *http.ServeMux
	cross  *http.CrossOriginProtection

	life  context.Context // of waiting viewers
	close context.CancelFunc
	feed  feed
	glass glass
}

// NewLive returns a page. The configuration is copied.
func NewLive(config *LiveConfig) *Live {
	var c LiveConfig
	if config != nil {
		c = *config
	}
	l := &Live{title: title(c.Title), input: c.Input, hosts: slices.Clone(c.Hosts), token: rand.Text(),
		routes: http.NewServeMux(), cross: http.NewCrossOriginProtection()}
	l.life, l.close = context.WithCancel(context.Background())
	l.routes.HandleFunc("GET /{$}", l.servePage)
	l.routes.HandleFunc("GET /view.css", asset("text/css; charset=utf-8", styleCSS))
	l.routes.HandleFunc("GET /live.js", asset("text/javascript; charset=utf-8", liveJS))
	l.routes.HandleFunc("GET /events", l.serveEvents)
	l.routes.HandleFunc("GET /frame", l.serveFrame)
	l.routes.HandleFunc("POST /input", l.serveInput)
	return l
}

// Observe shows an event. It is for imagebuild.Build.Observe, may be called
// from any goroutine, and waits for no viewer.
func (l *Live) Observe(e imagebuild.Event) {
	l.feed.add(describe(e))
	if opened, ok := e.(imagebuild.ScreenOpened); ok && opened.VNC != nil {
		l.glass.open(opened.VNC)
	}
}

// Finish shows how the build has ended: nil means that it has succeeded.
func (l *Live) Finish(failed error) {
	l.feed.add(entry{Kind: kindEnd, Err: errText(failed), Fail: newFailure(failed)})
}

// Close ends all requests that wait for something to happen, and has others
// refused. It may be called twice. Live itself has no goroutine; those of the
// server end with their requests.
func (l *Live) Close() error {
	l.close()
	return nil
}

// longestPoll is how long a request waits for something to happen. Proxies
// give up later.
const longestPoll = 20 * time.Second

// slowest is how long a viewer may take to accept an answer.
const slowest = 30 * time.Second

// ServeHTTP serves the page and what it asks for.
func (l *Live) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !l.knows(r.Host) {
		http.Error(w, "this page is not served under that name; see LiveConfig.Hosts", http.StatusMisdirectedRequest)
		return
	}
	if l.life.Err() != nil {
		http.Error(w, "the program shows this build no more", http.StatusGone)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; img-src 'self' blob: data:; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	// A server without deadlines is common, and not every one can have them.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(longestPoll + slowest))
	l.routes.ServeHTTP(w, r)
}

// knows tells whether the page may be asked for under a name. A name that
// somebody else owns may lead here; an address and "localhost" are nobody's.
func (l *Live) knows(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	return strings.EqualFold(host, "localhost") || net.ParseIP(host) != nil ||
		slices.ContainsFunc(l.hosts, func(h string) bool { return strings.EqualFold(h, host) })
}

var livePage = template.Must(template.New("live").Parse(liveHTML))

func (l *Live) servePage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	// That the viewer has gone is no news.
	_ = livePage.Execute(w, map[string]any{"Title": l.title, "Input": l.input, "Token": l.token, "Begun": l.feed.begun()})
}

func asset(kind, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = fmt.Fprint(w, text)
	}
}

// poll returns a context for waiting on behalf of a request.
func (l *Live) poll(r *http.Request) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(r.Context(), longestPoll)
	stop := context.AfterFunc(l.life, cancel)
	return ctx, func() { stop(); cancel() }
}
