package httpserve_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
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
	_ = c.SetDeadline(time.Now().Add(patience))
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
