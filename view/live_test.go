package view

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/httpserve"
	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/vnc"
	"github.com/bootscribe/bootscribe/vnc/vnctest"
)

// plain returns a picture of one colour.
func plain(c color.Color) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, 640, 400))
	draw.Draw(img, img.Rect, image.NewUniform(c), image.Point{}, draw.Src)
	return img
}

// machine returns a VNC server with a picture and a connection to it.
func machine(t *testing.T) (*vnctest.Server, *vnc.Conn) {
	t.Helper()
	server, err := vnctest.NewServer(&vnctest.Config{Screen: plain(color.RGBA{0, 0, 0xff, 0xff})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	conn, err := vnc.Dial(t.Context(), "tcp", server.Addr(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return server, conn
}

// ask sends a request for a path to the page and returns its answer.
func ask(l *Live, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://127.0.0.1:80"+path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	l.ServeHTTP(w, r)
	return w
}

// What happens comes to the page in order, with what came before it was opened.
func TestLiveEvents(t *testing.T) {
	l := NewLive(&LiveConfig{Title: "<debian>"})
	defer l.Close()
	if got := ask(l, "GET", "/", "").Body.String(); !strings.Contains(got, "&lt;debian&gt;") || strings.Contains(got, l.token) {
		t.Errorf("the page: %.500s", got)
	}
	l.Observe(imagebuild.PhaseStarted{Phase: imagebuild.PhaseFetch})
	l.Observe(imagebuild.Requested{Request: httpserve.Request{Method: "GET", Path: "/a", Status: 404}})
	l.Finish(errGivenUp)
	var got struct {
		Now     int64
		Entries []entry
	}
	if err := json.Unmarshal(ask(l, "GET", "/events?after=1", "").Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if e := got.Entries; len(e) != 2 || e[0].Seq != 2 || e[0].Status != 404 || e[1].Kind != kindEnd || e[1].Err != errGivenUp.Error() {
		t.Errorf("%+v", got)
	}
}

func TestLiveRefuses(t *testing.T) {
	l := NewLive(&LiveConfig{Hosts: []string{"builds.example.org"}})
	for host, want := range map[string]int{
		"127.0.0.1": 200, "127.0.0.1:8080": 200, "[::1]:8080": 200, "localhost:1": 200, "builds.example.org:443": 200,
		"attacker.example": 421, "127.0.0.1.attacker.example:80": 421, "": 421,
	} {
		r := httptest.NewRequest("GET", "http://127.0.0.1/view.css", nil)
		r.Host = host
		w := httptest.NewRecorder()
		if l.ServeHTTP(w, r); w.Code != want {
			t.Errorf("host %q: %d, want %d", host, w.Code, want)
		}
	}
	for path, want := range map[string]int{"/live.js": 200, "/events": 400, "/events?after=x": 400, "/frame?after=x": 400, "/../live.go": 307, "/none": 404} {
		if w := ask(l, "GET", path, ""); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
	l.Close()
	l.Close()
	if w := ask(l, "GET", "/", ""); w.Code != http.StatusGone {
		t.Errorf("after Close: %d", w.Code)
	}
}

// All viewers get the same bytes, which are encoded when somebody asks.
func TestLiveFrames(t *testing.T) {
	server, conn := machine(t)
	l := NewLive(nil)
	defer l.Close()
	l.Observe(imagebuild.ScreenOpened{VNC: conn})
	if _, err := conn.WaitUpdate(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if l.glass.newest.data != nil {
		t.Error("a picture was encoded, and nobody is there")
	}
	first := ask(l, "GET", "/frame?after=", "")
	sent := first.Body.Bytes()
	checkPicture(t, first, color.RGBA{0, 0, 0xff, 0xff})
	if again := ask(l, "GET", "/frame?after=9-9", ""); !bytes.Equal(again.Body.Bytes(), sent) {
		t.Error("a second viewer gets something else")
	}
	answers := make(chan *httptest.ResponseRecorder)
	for range 3 {
		go func() { answers <- ask(l, "GET", "/frame?after="+first.Header().Get("Version"), "") }()
	}
	server.SetScreen(plain(color.RGBA{0xff, 0, 0, 0xff}))
	for range 3 {
		checkPicture(t, <-answers, color.RGBA{0xff, 0, 0, 0xff})
	}
	// The last picture stays when the machine is gone.
	conn.Close()
	checkPicture(t, ask(l, "GET", "/frame?after=", ""), color.RGBA{0xff, 0, 0, 0xff})
}

func checkPicture(t *testing.T, w *httptest.ResponseRecorder, want color.Color) {
	t.Helper()
	if w.Code != 200 || w.Header().Get("Content-Type") != "image/png" || w.Header().Get("Version") == "" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	img, err := png.Decode(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := color.RGBAModel.Convert(img.At(5, 5)); got != want {
		t.Errorf("a pixel is %v, want %v", got, want)
	}
}

// stuck is a viewer who takes nothing.
type stuck struct {
	httptest.ResponseRecorder
	began, end chan struct{}
}

func (s *stuck) Write([]byte) (int, error) {
	close(s.began)
	<-s.end
	return 0, io.ErrClosedPipe
}

// A viewer who takes nothing holds up neither the build nor other viewers.
func TestLiveSlowViewer(t *testing.T) {
	_, conn := machine(t)
	l := NewLive(nil)
	defer l.Close()
	l.Observe(imagebuild.ScreenOpened{VNC: conn})
	var viewers sync.WaitGroup
	end := make(chan struct{})
	for _, path := range []string{"/frame?after=", "/events?after=0"} {
		s := &stuck{ResponseRecorder: *httptest.NewRecorder(), began: make(chan struct{}), end: end}
		viewers.Go(func() { l.ServeHTTP(s, httptest.NewRequest("GET", "http://127.0.0.1"+path, nil)) })
		<-s.began
	}
	l.Observe(imagebuild.ConsoleLine{Line: "hello"})
	if w := ask(l, "GET", "/frame?after=", ""); w.Code != 200 {
		t.Errorf("another viewer gets %d", w.Code)
	}
	if w := ask(l, "GET", "/events?after=1", ""); !strings.Contains(w.Body.String(), "hello") {
		t.Errorf("another viewer gets %s", w.Body)
	}
	close(end)
	viewers.Wait()
}

// Close ends the requests that wait, and so does a viewer who goes.
func TestLiveClose(t *testing.T) {
	_, conn := machine(t)
	before := runtime.NumGoroutine()
	l := NewLive(nil)
	server := httptest.NewServer(l)
	var waiting sync.WaitGroup
	asked := make(chan struct{}, 8)
	get := func(ctx context.Context, path string) {
		r, _ := http.NewRequestWithContext(ctx, "GET", server.URL+path, nil)
		asked <- struct{}{}
		if answer, err := server.Client().Do(r); err == nil {
			answer.Body.Close()
		}
	}
	gone, leave := context.WithCancel(t.Context())
	for _, path := range []string{"/frame?after=", "/events?after=0"} {
		waiting.Go(func() { get(t.Context(), path) })
		waiting.Go(func() { get(gone, path) })
	}
	for range 4 {
		<-asked
	}
	leave()
	l.Observe(imagebuild.ScreenOpened{VNC: conn})
	waiting.Go(func() { get(t.Context(), "/events?after=99") })
	for !l.feed.waiting() {
		time.Sleep(time.Millisecond)
	}
	closed := time.Now()
	l.Close()
	waiting.Wait()
	if took := time.Since(closed); took > longestPoll*3/4 {
		t.Errorf("the requests went on for %v", took)
	}
	server.Close()
	for end := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before {
		stack := make([]byte, 1<<16)
		t.Errorf("%d goroutines, %d before:\n%s", n, before, stack[:runtime.Stack(stack, true)])
	}
}

// waiting tells whether a request waits for an entry.
func (f *feed) waiting() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.more != nil
}

// Only the page itself can type, and only where that is allowed.
func TestLiveInput(t *testing.T) {
	server, conn := machine(t)
	looking, typing := NewLive(nil), NewLive(&LiveConfig{Input: true})
	defer looking.Close()
	defer typing.Close()
	const press = `{"keys":[{"code":"KeyA","down":true},{"code":"KeyA","down":false}],"pointer":{"x":7,"y":9000,"buttons":1}}`
	ok := []string{"Token", typing.token, "Sec-Fetch-Site", "same-origin"}
	if w := ask(typing, "POST", "/input", press, ok...); w.Code != http.StatusConflict {
		t.Errorf("before the machine runs: %d", w.Code)
	}
	looking.Observe(imagebuild.ScreenOpened{VNC: conn})
	typing.Observe(imagebuild.ScreenOpened{VNC: conn})
	if _, err := conn.WaitUpdate(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		l      *Live
		body   string
		header []string
		want   int
	}{
		{looking, press, []string{"Token", looking.token}, 403},
		{typing, press, nil, 403},
		{typing, press, []string{"Token", "guessed"}, 403},
		{typing, press, []string{"Token", typing.token, "Sec-Fetch-Site", "cross-site"}, 403},
		{typing, press, []string{"Token", typing.token, "Origin", "http://attacker.example"}, 403},
		{typing, "x", ok, 400},
		{typing, `{"keys":[{"code":"Any","down":true}]}`, ok, 400},
		{typing, `{"keys":[` + strings.Repeat(" ", longestInput) + `]}`, ok, 400},
	} {
		if w := ask(tt.l, "POST", "/input", tt.body, tt.header...); w.Code != tt.want {
			t.Errorf("%.60s with %v: %d %s, want %d", tt.body, tt.header, w.Code, w.Body, tt.want)
		}
	}
	if n := conn.KeysSent(); n != 0 {
		t.Errorf("%d keys were sent by those who may not", n)
	}
	if w := ask(typing, "POST", "/input", press, ok...); w.Code != http.StatusNoContent {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := server.WaitTyped(ctx, "a"); err != nil {
		t.Error(err)
	}
}

// What is shown to those who come late is bounded, and has the steps.
func TestFeedTrim(t *testing.T) {
	var f feed
	f.add(entry{Kind: kindStep, Name: "the first"})
	for i := range 10 * feedMost {
		f.add(entry{Kind: kindSerial, Text: fmt.Sprint(i)})
	}
	list, _ := f.after(0)
	if len(list) > feedMost || list[0].Name != "the first" || list[len(list)-1].Text != fmt.Sprint(10*feedMost-1) {
		t.Errorf("%d entries, from %+v to %+v", len(list), list[0], list[len(list)-1])
	}
	for i := range 10 * feedMost {
		f.add(entry{Kind: kindStep, Index: i})
	}
	if list, _ := f.after(0); len(list) > feedMost {
		t.Errorf("%d steps", len(list))
	}
	if list, _ := f.after(f.seq - 3); len(list) != 3 {
		t.Errorf("%d entries after the last but three", len(list))
	}
}
