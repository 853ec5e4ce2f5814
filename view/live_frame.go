package view

import (
	"context"
	"fmt"
	"image"
	"net/http"
	"sync"
	"time"

	"github.com/bootscribe/bootscribe/screen"
	"github.com/bootscribe/bootscribe/vnc"
)

// frameGap is the shortest time between two pictures that are encoded.
const frameGap = 40 * time.Millisecond

// version names a picture: the connection that it came on, counted from 1, and
// its number there.
type version struct {
	conn int
	seq  uint64
}

func (v version) String() string { return fmt.Sprintf("%d-%d", v.conn, v.seq) }

// glass is what viewers see the screen through. Each picture is encoded when the
// first of them asks for it.
type glass struct {
	mu    sync.Mutex
	conn  *vnc.Conn // the newest; nil before the first
	count int
	fresh chan struct{} // closed when there is a new connection; nil if nobody waits

	encoding sync.Mutex // held only for as long as a picture takes
	newest   encoded
	encoder  encoder
}

// encoded is a picture as it is sent.
type encoded struct {
	version version
	hash    uint64
	data    []byte
	mime    string
	at      time.Time
}

func (g *glass) open(conn *vnc.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.conn = conn
	g.count++
	if g.fresh != nil {
		close(g.fresh)
		g.fresh = nil
	}
}

// now returns the connection, its count, and a channel that is closed when there
// is another.
func (g *glass) now() (*vnc.Conn, int, <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.fresh == nil {
		g.fresh = make(chan struct{})
	}
	return g.conn, g.count, g.fresh
}

// after returns a picture that is newer than one, as soon as there is one; false
// when ctx ends.
func (g *glass) after(ctx context.Context, seen version) (encoded, bool, error) {
	for {
		conn, count, fresh := g.now()
		if conn != nil {
			var seq uint64
			if seen.conn == count {
				seq = seen.seq
			}
			_, _ = conn.WaitUpdate(ctx, seq)
			if conn.Seq() > seq {
				e, err := g.encode(ctx, conn, version{count, seq})
				return e, err == nil, err
			}
		}
		select { // the connection has ended, or is not there yet
		case <-fresh:
		case <-ctx.Done():
			return encoded{}, false, nil
		}
	}
}

// encode returns the newest picture of a connection, which is newer than seen.
func (g *glass) encode(ctx context.Context, conn *vnc.Conn, seen version) (encoded, error) {
	if wait := g.pause(); wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	g.encoding.Lock()
	defer g.encoding.Unlock()
	last := g.newest
	if last.version.conn == seen.conn && last.version.seq > seen.seq && time.Since(last.at) < frameGap {
		return last, nil // another viewer was first
	}
	next := encoded{version: version{seen.conn, conn.Seq()}, at: time.Now()}
	if next.version == last.version {
		return last, nil
	}
	var err error
	conn.Look(func(frame *image.RGBA, seq uint64) {
		next.version.seq = seq
		if next.hash = screen.Hash(frame); next.hash == last.hash && last.data != nil {
			next.data, next.mime = last.data, last.mime
			return
		}
		next.data, next.mime, err = g.encoder.quickly(frame)
	})
	if err != nil {
		return encoded{}, err
	}
	g.newest = next
	return next, nil
}

// pause returns how long to wait before the next picture.
func (g *glass) pause() time.Duration {
	g.encoding.Lock()
	defer g.encoding.Unlock()
	return frameGap - time.Since(g.newest.at)
}

// serveFrame answers with the picture that follows a version, when there is one.
func (l *Live) serveFrame(w http.ResponseWriter, r *http.Request) {
	var seen version
	if after := r.FormValue("after"); after != "" {
		if _, err := fmt.Sscanf(after, "%d-%d", &seen.conn, &seen.seq); err != nil {
			http.Error(w, "after: want a version of a picture", http.StatusBadRequest)
			return
		}
	}
	ctx, cancel := l.poll(r)
	defer cancel()
	picture, ok, err := l.glass.after(ctx, seen)
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	case !ok:
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Content-Type", picture.mime)
		w.Header().Set("Version", picture.version.String())
		_, _ = w.Write(picture.data)
	}
}
