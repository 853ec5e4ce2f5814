package httpserve_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bootscribe/bootscribe/httpserve"
)

func start(t testing.TB, cfg *httpserve.Config) *httpserve.Server {
	t.Helper()
	s, err := httpserve.Start(t.Context(), "", cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// do sends a request on a connection of its own and returns status and body.
func do(t testing.TB, method, url string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	tr := &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	defer tr.CloseIdleConnections()
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func get(t testing.TB, url string) (int, string) { t.Helper(); return do(t, "GET", url) }

// raw sends bytes as they are and returns what comes back until the end.
func raw(t testing.TB, s *httpserve.Server, request string) string {
	t.Helper()
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	answer, _ := io.ReadAll(c)
	return string(answer)
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestServe(t *testing.T) {
	big := strings.Repeat("0123456789abcdef", 200_000) // 3.2 MB: not kept in memory
	path := filepath.Join(t.TempDir(), "files")
	write(t, filepath.Join(path, "preseed.cfg"), "d-i\n")
	write(t, filepath.Join(path, ".hidden"), "dot")
	write(t, filepath.Join(path, "empty"), "")
	write(t, filepath.Join(path, "sub dir", "index.html"), "index")
	write(t, filepath.Join(path, "big"), big)
	files, err := httpserve.Dir(path)
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, &httpserve.Config{
		Files:     files,
		Templates: httpserve.Text{"ks/a.ks": "user {{.User}}"},
		Data:      struct{ User string }{"root"},
	})
	for _, tt := range []struct {
		method, path, header string
		status               int
		body                 string
	}{
		{"GET", "/preseed.cfg", "", 200, "d-i\n"},
		{"HEAD", "/preseed.cfg", "", 200, ""},
		{"GET", "//preseed.cfg", "", 200, "d-i\n"},
		{"GET", "/.hidden", "", 200, "dot"},
		{"GET", "/empty", "", 200, ""},
		{"GET", "/sub%20dir/index.html", "", 200, "index"},
		{"GET", "/sub%20dir/", "", 404, "not found: \"/sub dir/\"\n"},
		{"GET", "/", "", 404, "not found: \"/\"\n"},
		{"GET", "/big", "", 200, big},
		{"GET", "/big", "Range: bytes=3199996-", 206, "cdef"},
		{"GET", "/preseed.cfg", "Range: bytes=1-2", 206, "-i"},
		{"GET", "/preseed.cfg", "Range: bytes=9-", 416, "invalid range: failed to overlap\n"},
		{"GET", "/preseed.cfg", "If-None-Match: *", 200, "d-i\n"},
		{"GET", "/preseed.cfg", "If-Match: \"x\"", 200, "d-i\n"},
		{"GET", "/ks/a.ks", "", 200, "user root"},
		{"POST", "/preseed.cfg", "", 405, "only GET and HEAD are served\n"},
		{"GET", "/preseed.cgf", "", 404, "not found: \"/preseed.cgf\"; the nearest is \"/preseed.cfg\"\n"},
	} {
		var header []string
		if name, value, ok := strings.Cut(tt.header, ": "); ok {
			header = []string{name, value}
		}
		status, body := do(t, tt.method, s.URL()+tt.path, header...)
		if status != tt.status || body != tt.body {
			t.Errorf("%s %s %s: %d %.80q, want %d %.80q", tt.method, tt.path, tt.header, status, body, tt.status, tt.body)
		}
	}
}

// TestNothingOutside asks for what must not be had, in every spelling, on a
// raw socket, since Go's client would clean the paths.
func TestNothingOutside(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "files")
	write(t, filepath.Join(root, "secret"), "SECRET")
	write(t, filepath.Join(root, "outside", "secret"), "SECRET")
	write(t, filepath.Join(path, "ok"), "ok")
	write(t, filepath.Join(path, "sub", "ok"), "ok")
	for link, target := range map[string]string{
		"link": "../secret", "dirlink": "../outside", "abs": filepath.Join(root, "secret"),
		"inside": "sub/ok", "loop": "loop", "dangling": "nowhere",
	} {
		if err := os.Symlink(target, filepath.Join(path, link)); err != nil {
			t.Fatal(err)
		}
	}
	files, err := httpserve.Dir(path)
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, &httpserve.Config{Files: files})
	for _, tt := range []struct {
		path, status string
	}{
		{"/ok", "200"},
		{"/inside", "200"}, // a link that stays inside
		{"/sub/../ok", "404"},
		{"/../secret", "404"},
		{"/../../../../etc/passwd", "404"},
		{"/%2e%2e/secret", "404"},
		{"/..%2fsecret", "404"},
		{"/%2e%2e%2fsecret", "404"},
		{"/..%5csecret", "404"},
		{`/..\secret`, "404"},
		{"/./ok", "404"},
		{"//etc/passwd", "404"},
		{"/%2fetc/passwd", "404"},
		{"/ok%00", "404"},
		{"/ok%00.cfg", "404"},
		{"/ok/", "404"},
		{"/sub", "404"},
		{"/sub/", "404"},
		{"/link", "404"},
		{"/dirlink/secret", "404"},
		{"/abs", "404"},
		{"/loop", "404"},
		{"/dangling", "404"},
		{"/" + strings.Repeat("a", 5000), "404"},
		{"/" + strings.Repeat("a/", 2500), "404"},
		{"/" + strings.Repeat("a", 30_000), "431"},
		{"http://elsewhere/../secret", "404"},
		{"/%zz", "400"},
		{"/ok\x00", "400"},
		{"ok", "400"},
		{"*", "404"},
	} {
		answer := raw(t, s, "GET "+tt.path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if !strings.HasPrefix(answer, "HTTP/1.1 "+tt.status) || strings.Contains(answer, "SECRET") || strings.Contains(answer, "Location:") {
			t.Errorf("%.60q: %.200q, want status %s", tt.path, answer, tt.status)
		}
	}
}

func TestOtherFSLeavesLinksOut(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "secret"), "SECRET")
	write(t, filepath.Join(root, "files", "ok"), "ok")
	if err := os.Symlink("../secret", filepath.Join(root, "files", "link")); err != nil {
		t.Fatal(err)
	}
	s := start(t, &httpserve.Config{Files: os.DirFS(filepath.Join(root, "files"))})
	if status, _ := get(t, s.URL()+"/link"); status != 404 {
		t.Errorf("a link in os.DirFS: status %d, want 404", status)
	}
	if status, body := get(t, s.URL()+"/ok"); status != 200 || body != "ok" {
		t.Errorf("a file in os.DirFS: %d %q", status, body)
	}
}

// TestSymlinkRace swaps a file for a link to a secret while it is opened.
func TestSymlinkRace(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "files")
	write(t, filepath.Join(root, "secret"), "SECRET")
	write(t, filepath.Join(path, "file"), "public")
	files, err := httpserve.Dir(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../secret", filepath.Join(path, "evil")); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var swapping sync.WaitGroup
	swapping.Go(func() {
		file, evil, spare := filepath.Join(path, "file"), filepath.Join(path, "evil"), filepath.Join(path, "spare")
		for {
			select {
			case <-stop:
				return
			default:
			}
			_, _ = os.Rename(file, spare), os.Rename(evil, file)
			_, _ = os.Rename(file, evil), os.Rename(spare, file)
		}
	})
	defer swapping.Wait()
	defer close(stop)
	opened := 0
	for range 20_000 {
		f, err := files.Open("file")
		if err != nil {
			continue
		}
		body, _ := io.ReadAll(f)
		f.Close()
		if string(body) != "public" {
			t.Fatalf("read %q through a swapped link", body)
		}
		opened++
	}
	t.Logf("opened the file %d times in 20000", opened)
}

func TestChange(t *testing.T) {
	path := t.TempDir()
	big := filepath.Join(path, "big")
	write(t, big, strings.Repeat("x", 2<<20))
	write(t, filepath.Join(path, "small"), "before")
	files, err := httpserve.Dir(path)
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, &httpserve.Config{Files: files})
	write(t, filepath.Join(path, "small"), "after")
	write(t, filepath.Join(path, "new"), "new")
	if _, body := get(t, s.URL()+"/small"); body != "before" {
		t.Errorf("a small file edited after the start: %q, want what it was", body)
	}
	if status, _ := get(t, s.URL()+"/new"); status != 404 {
		t.Errorf("a file made after the start: status %d, want 404", status)
	}
	write(t, big, strings.Repeat("y", 2<<20+1))
	if status, body := get(t, s.URL()+"/big"); status != 500 || strings.Contains(body, "yy") {
		t.Errorf("a large file edited after the start: %d %.40q, want 500", status, body)
	}
	last := waitRequests(t, s, 3)[2]
	if last.Err == nil || last.Complete {
		t.Errorf("its event does not say that it changed: %v", last)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.WaitFetch(ctx, "/big"); err == nil || !strings.Contains(err.Error(), "changed since") {
		t.Errorf("WaitFetch does not say that it changed: %v", err)
	}
}

func TestRequests(t *testing.T) {
	var mu sync.Mutex
	var seen []httpserve.Request
	s := start(t, &httpserve.Config{
		Files:  fstest.MapFS{"preseed.cfg": {Data: []byte("d-i\n")}},
		Prefix: "k7",
		Observe: func(r httpserve.Request) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, r)
		},
	})
	base := strings.TrimSuffix(s.URL(), "/k7")
	do(t, "GET", s.URL()+"/preseed.cfg", "User-Agent", "debian-installer")
	waitRequests(t, s, 1)
	do(t, "HEAD", s.URL()+"/preseed.cfg", "User-Agent", "wget")
	waitRequests(t, s, 2)
	do(t, "GET", s.URL()+"/Preseed.txt", "User-Agent", "")
	waitRequests(t, s, 3)
	do(t, "GET", base+"/preseed.cfg", "User-Agent", strings.Repeat("x", 1000))
	waitRequests(t, s, 4)
	do(t, "PUT", s.URL()+"/%1b[31m", "User-Agent", "curl")
	waitRequests(t, s, 5)
	want := []httpserve.Request{
		{Method: "GET", Path: "/preseed.cfg", Status: 200, Bytes: 4, Complete: true, UserAgent: "debian-installer"},
		{Method: "HEAD", Path: "/preseed.cfg", Status: 200, UserAgent: "wget"},
		{Method: "GET", Path: "/Preseed.txt", Status: 404, Bytes: 57, Nearest: "/preseed.cfg"},
		{Method: "GET", Path: "/preseed.cfg", Status: 404, Bytes: 10, UserAgent: strings.Repeat("x", 512) + "…"},
		{Method: "PUT", Path: "/\x1b[31m", Status: 405, Bytes: 29, UserAgent: "curl"},
	}
	opt := cmpopts.IgnoreFields(httpserve.Request{}, "Time", "Took", "Remote")
	if diff := cmp.Diff(want, s.Requests(), opt); diff != "" {
		t.Errorf("Requests (-want +got):\n%s", diff)
	}
	s.Close()
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff(want, seen, opt); diff != "" {
		t.Errorf("Observe (-want +got):\n%s", diff)
	}
	if seen[0].Time.IsZero() || seen[0].Took <= 0 || !strings.HasPrefix(seen[0].Remote, "127.0.0.1:") {
		t.Errorf("times or remote missing: %+v", seen[0])
	}
	if got := seen[2].String(); got != `"GET" "/Preseed.txt": 404, 57 bytes, nearest is "/preseed.cfg"` {
		t.Errorf("String() = %s", got)
	}
}

func TestWaitFetch(t *testing.T) {
	s := start(t, &httpserve.Config{Files: httpserve.Text{"a.cfg": "0123456789", "b.cfg": "b"}})
	t.Run("later", func(t *testing.T) {
		type result struct {
			r   httpserve.Request
			err error
		}
		got := make(chan result)
		go func() {
			r, err := s.WaitFetch(t.Context(), "a.cfg")
			got <- result{r, err}
		}()
		do(t, "HEAD", s.URL()+"/a.cfg")
		do(t, "GET", s.URL()+"/a.cfg", "Range", "bytes=4-")
		select {
		case r := <-got:
			t.Fatalf("returned after part of the file: %v", r)
		case <-time.After(50 * time.Millisecond):
		}
		do(t, "GET", s.URL()+"/a.cfg", "Range", "bytes=0-5")
		if r := <-got; r.err != nil || r.r.Status != 206 || !r.r.Complete {
			t.Errorf("after both parts: %+v", r)
		}
	})
	t.Run("before", func(t *testing.T) {
		get(t, s.URL()+"/b.cfg")
		if r, err := s.WaitFetch(t.Context(), "/b.cfg"); err != nil || r.Path != "/b.cfg" {
			t.Errorf("got %v, %v", r, err)
		}
	})
	t.Run("not served", func(t *testing.T) {
		_, err := s.WaitFetch(t.Context(), "/a.cgf")
		if err == nil || !strings.Contains(err.Error(), `nearest is "/a.cfg"`) {
			t.Errorf("got %v", err)
		}
	})
}

func TestWaitFetchSaysWhatWasAskedInstead(t *testing.T) {
	s := start(t, &httpserve.Config{Files: httpserve.Text{"preseed.cfg": "d-i"}})
	died := errors.New("the machine died")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(died)
	_, err := s.WaitFetch(ctx, "/preseed.cfg")
	if !errors.Is(err, died) || !strings.Contains(err.Error(), "asked for nothing") {
		t.Errorf("got %v", err)
	}
	get(t, s.URL()+"/presed.cfg")
	waitRequests(t, s, 1)
	_, err = s.WaitFetch(ctx, "/preseed.cfg")
	if err == nil || !strings.Contains(err.Error(), `"GET" "/presed.cfg": 404`) {
		t.Errorf("got %v", err)
	}
	s.Close()
	if _, err = s.WaitFetch(t.Context(), "/preseed.cfg"); err == nil || !strings.Contains(err.Error(), "server closed") {
		t.Errorf("after Close: %v", err)
	}
}

// TestBrokenFetch closes the connection in the middle of a large file.
func TestBrokenFetch(t *testing.T) {
	s := start(t, &httpserve.Config{
		Files: fstest.MapFS{"big": {Data: make([]byte, 32<<20)}},
	})
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(c, "GET /big HTTP/1.0\r\n\r\n")
	if _, err := io.CopyN(io.Discard, c, 100_000); err != nil {
		t.Fatal(err)
	}
	c.Close()
	r := waitRequests(t, s, 1)[0]
	if r.Status != 200 || r.Complete || r.Bytes >= 32<<20 {
		t.Errorf("got %v, want an incomplete answer", r)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := s.WaitFetch(ctx, "/big"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("WaitFetch: %v, want DeadlineExceeded", err)
	}
}

// waitRequests returns when the server has answered n requests.
func waitRequests(t *testing.T, s *httpserve.Server, n int) []httpserve.Request {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if r := s.Requests(); len(r) >= n {
			return r
		}
	}
	t.Fatalf("no %d requests after 5 s: %v", n, s.Requests())
	return nil
}

func TestSlowReaderIsCut(t *testing.T) {
	s := start(t, &httpserve.Config{
		Files:        fstest.MapFS{"big": {Data: make([]byte, 64<<20)}},
		StallTimeout: 200 * time.Millisecond,
	})
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
	if r := waitRequests(t, s, 1)[0]; r.Complete || r.Took < 200*time.Millisecond {
		t.Errorf("got %v after %v, want it cut after the stall", r, r.Took)
	}
}

// TestSlowReaderIsServed reads steadily for longer than StallTimeout.
func TestSlowReaderIsServed(t *testing.T) {
	const size = 24 << 20
	s := start(t, &httpserve.Config{
		Files:        fstest.MapFS{"big": {Data: make([]byte, size)}},
		StallTimeout: 300 * time.Millisecond,
	})
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET /big HTTP/1.0\r\n\r\n")
	var n int64
	for {
		m, err := io.CopyN(io.Discard, c, 1<<20)
		n += m
		if err != nil {
			break
		}
		time.Sleep(25 * time.Millisecond)
	}
	if r := waitRequests(t, s, 1)[0]; !r.Complete || n < size || r.Took < 300*time.Millisecond {
		t.Errorf("read %d bytes, event %v after %v; want all of %d", n, r, r.Took, size)
	}
}

// TestSlowHeaders has many clients that never finish their request.
func TestSlowHeaders(t *testing.T) {
	s := start(t, &httpserve.Config{
		Files:         httpserve.Text{"a": "a"},
		MaxConns:      8,
		HeaderTimeout: 100 * time.Millisecond,
	})
	var conns []net.Conn
	for range 40 {
		c, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprint(c, "GET /a HT")
		conns = append(conns, c)
	}
	if status, _ := get(t, s.URL()+"/a"); status != 200 {
		t.Errorf("a request behind 40 stuck ones: status %d", status)
	}
	for _, c := range conns {
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("a stuck connection stays open")
		}
	}
}

// TestMaxConns holds both places and looks that the next client waits.
func TestMaxConns(t *testing.T) {
	s := start(t, &httpserve.Config{Files: httpserve.Text{"a": "a"}, MaxConns: 2})
	var holders []net.Conn
	for range 2 {
		c, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprint(c, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		holders = append(holders, c)
	}
	next, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	fmt.Fprint(next, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
	_ = next.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if n, err := next.Read(make([]byte, 1)); err == nil {
		t.Fatalf("a third connection is served: %d bytes", n)
	}
	holders[0].Close()
	_ = next.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := next.Read(make([]byte, 1)); err != nil {
		t.Errorf("the third connection is not served when a place is free: %v", err)
	}
}

// TestBodyIsNotAwaited sends the header of a POST and never its body.
func TestBodyIsNotAwaited(t *testing.T) {
	s := start(t, &httpserve.Config{HeaderTimeout: 100 * time.Millisecond})
	begin := time.Now()
	answer := raw(t, s, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
	if !strings.Contains(answer, "405") || time.Since(begin) > 3*time.Second {
		t.Errorf("%.40q after %v", answer, time.Since(begin))
	}
}

func TestKeepAlive(t *testing.T) {
	s := start(t, &httpserve.Config{Files: httpserve.Text{"a": "aa", "b": "bb"}})
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in := bufio.NewReader(c)
	for _, path := range []string{"/a", "/none", "/b"} {
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(path, err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
	}
	waitRequests(t, s, 3)
}

// TestClose leaves connections in every state and looks for what stays.
func TestClose(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 3 {
		s, err := httpserve.Start(t.Context(), "", &httpserve.Config{
			Files: fstest.MapFS{"big": {Data: make([]byte, 32<<20)}},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"", "GET /big HT", "GET /big HTTP/1.1\r\nHost: x\r\n\r\n"} {
			c, err := net.Dial("tcp", s.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			fmt.Fprint(c, text)
		}
		begin := time.Now()
		var both sync.WaitGroup
		both.Go(func() { s.Close() })
		both.Go(func() { s.Close() })
		both.Wait()
		if took := time.Since(begin); took > 3*time.Second {
			t.Errorf("Close took %v", took)
		}
		if c, err := net.Dial("tcp", s.Addr().String()); err == nil {
			c.Close()
			t.Error("the port is still open")
		}
	}
	for end := time.Now().Add(3 * time.Second); runtime.NumGoroutine() > before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
	}
}

// TestCloseWaits closes the server while its observer is at work.
func TestCloseWaits(t *testing.T) {
	called := make(chan struct{})
	var returned atomic.Bool
	s := start(t, &httpserve.Config{Observe: func(httpserve.Request) {
		close(called)
		time.Sleep(1500 * time.Millisecond) // longer than Close waits for answers
		returned.Store(true)
	}})
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET /a HTTP/1.0\r\n\r\n")
	<-called
	s.Close()
	if !returned.Load() {
		t.Error("Close returned before Observe")
	}
}

func TestObserverPanics(t *testing.T) {
	s, err := httpserve.Start(t.Context(), "", &httpserve.Config{
		Files:   httpserve.Text{"a": "a"},
		Observe: func(httpserve.Request) { panic("mine") },
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if status, _ := get(t, s.URL()+"/a"); status != 200 {
			t.Errorf("status %d", status)
		}
	}
	func() {
		defer func() {
			if p := recover(); p != "mine" {
				t.Errorf("Close panicked with %v, want the observer's value", p)
			}
		}()
		s.Close()
	}()
	if err := s.Close(); err != nil {
		t.Error("second Close:", err)
	}
}

type panicFS struct{ httpserve.Text }

func (p panicFS) Open(name string) (fs.File, error) {
	f, err := p.Text.Open(name)
	if name == "big" {
		return panicFile{f}, err
	}
	return f, err
}

type panicFile struct{ fs.File }

func (panicFile) Read([]byte) (int, error) { panic("broken disk") }

func TestFilesPanic(t *testing.T) {
	s := start(t, &httpserve.Config{Files: panicFS{httpserve.Text{"big": strings.Repeat("x", 2<<20)}}})
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET /big HTTP/1.0\r\n\r\n")
	_, _ = io.Copy(io.Discard, c)
	if r := waitRequests(t, s, 1)[0]; r.Err == nil || r.Complete {
		t.Errorf("got %v, want the panic as its error", r)
	}
}

func TestUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "h")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := httpserve.Serve(ln, &httpserve.Config{Files: httpserve.Text{"a": "a"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET /a HTTP/1.0\r\n\r\n")
	var answer bytes.Buffer
	_, _ = io.Copy(&answer, c)
	if !strings.HasSuffix(answer.String(), "\r\n\r\na") {
		t.Errorf("got %q", answer.String())
	}
	if got := s.URLFor("10.0.2.100"); got != "http://10.0.2.100" {
		t.Errorf("URLFor = %s", got)
	}
}
