package iso_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/iso"
)

// rawServer answers every connection's one request with what reply writes:
// things that net/http refuses to send.
func rawServer(t *testing.T, reply func(n int, req *http.Request, w io.Writer)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.SetDeadline(time.Now().Add(patience))
			if req, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				reply(n, req, c)
			}
			c.Close()
		}
	}()
	return "http://" + l.Addr().String()
}

// I-02: servers that lie about the length.
func TestFetchLengthLies(t *testing.T) {
	body := noise(10_000, 8)
	for _, tc := range []struct {
		name, header string
		extra        []byte
		pinned, none string // words of the error, "" for success
	}{
		{"right", "Content-Length: 10000\r\n", nil, "", ""},
		{"too long", "Content-Length: 10001\r\n", nil, "connection lost at byte 10000 of 10001", "connection lost"},
		{"too short", "Content-Length: 9999\r\n", nil, "checksum mismatch", "cut"},
		{"trailing bytes", "Content-Length: 10000\r\n", []byte("junk"), "", ""},
		{"none", "", nil, "", ""},
		{"none, too much", "", []byte("junk"), "checksum mismatch", "more"},
		{"negative", "Content-Length: -1\r\n", nil, "bad Content-Length", "bad Content-Length"},
		{"huge", "Content-Length: 9223372036854775807\r\n", nil, "the limit is 50000", "the limit is 50000"},
		{"over the limit", "Content-Length: 50001\r\n", nil, "raise Fetcher.MaxBytes", "raise Fetcher.MaxBytes"},
		{"endless", "", noise(100_000, 9), "the limit is 50000", "the limit is 50000"},
	} {
		for _, checksum := range []string{sha(body), "none"} {
			t.Run(fmt.Sprintf("%s/%.4s", tc.name, checksum), func(t *testing.T) {
				url := rawServer(t, func(_ int, req *http.Request, w io.Writer) {
					if req.Header.Get("Accept-Encoding") != "identity" {
						t.Errorf("Accept-Encoding is %q", req.Header.Get("Accept-Encoding"))
					}
					if off := 0; req.Header.Get("Range") == "" || off > 0 {
						fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nConnection: close\r\n%s\r\n%s%s", tc.header, body, tc.extra)
					} else {
						fmt.Fprintf(w, "HTTP/1.1 503 Busy\r\nConnection: close\r\n\r\n")
					}
				})
				f := quick(t)
				f.Tries = 1
				f.MaxBytes = 50_000
				got, err := f.Fetch(t.Context(), iso.Source{URLs: []string{url + "/disc.iso"}, Checksum: checksum})
				want := tc.pinned
				if checksum == "none" {
					want = tc.none
				}
				switch want {
				case "":
					wantFile(t, got, err, body)
				case "cut": // nobody can tell
					wantFile(t, got, err, body[:9999])
				case "more":
					wantFile(t, got, err, append(bytes.Clone(body), tc.extra...))
				default:
					wantError(t, err, want)
					absent(t, f.Dir, sha(body))
				}
				soundCache(t, f.Dir)
			})
		}
	}
}

// A server that compresses although it was asked not to is named.
func TestFetchEncoded(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write([]byte("medium"))
	z.Close()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(zipped.Bytes())
	}))
	defer s.Close()
	_, err := quick(t).Fetch(t.Context(), iso.Source{URLs: []string{s.URL + "/x.iso"}, Checksum: sha([]byte("medium"))})
	wantError(t, err, "checksum mismatch", "encoded as gzip")
	got, err := quick(t).Fetch(t.Context(), iso.Source{URLs: []string{s.URL + "/x.iso.gz"}, Checksum: sha(zipped.Bytes())})
	wantFile(t, got, err, zipped.Bytes())
}

// plant leaves a part of a download behind, as a killed process does.
func plant(t *testing.T, dir, key string, part []byte, meta string) {
	t.Helper()
	for name, text := range map[string][]byte{key: part, key + ".json": []byte(meta)} {
		if err := os.MkdirAll(filepath.Join(dir, "part"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "part", name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// rangeAnswers are what servers send when they are asked for the bytes of a
// file of 1000 bytes from one on.
func rangeAnswers(body []byte) map[string]func(w http.ResponseWriter, from int) {
	return map[string]func(w http.ResponseWriter, from int){
		"200": func(w http.ResponseWriter, from int) { w.Write(body) },
		"206": func(w http.ResponseWriter, from int) {
			if from >= len(body) {
				w.Header().Set("Content-Range", "bytes */1000")
				w.WriteHeader(416)
				return
			}
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-999/1000", from))
			w.WriteHeader(206)
			w.Write(body[from:])
		},
		"206 short": func(w http.ResponseWriter, from int) {
			if from >= len(body) {
				w.WriteHeader(416)
				return
			}
			last := max(from, 998)
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/1000", from, last))
			w.WriteHeader(206)
			w.Write(body[from : last+1])
		},
		"206 wrong offset": func(w http.ResponseWriter, from int) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-998/1000", from-1))
			w.WriteHeader(206)
			w.Write(body[max(0, min(from-1, 999)):999])
		},
		"206 other total": func(w http.ResponseWriter, from int) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-1000/1001", from))
			w.WriteHeader(206)
			w.Write(append(bytes.Clone(body[min(from, 1000):]), 'x'))
		},
		"206 without range": func(w http.ResponseWriter, from int) {
			w.WriteHeader(206)
			w.Write(body[min(from, 1000):])
		},
		"206 multipart": func(w http.ResponseWriter, from int) {
			w.Header().Set("Content-Type", "multipart/byteranges; boundary=x")
			w.WriteHeader(206)
			fmt.Fprintf(w, "--x\r\nContent-Range: bytes %d-999/1000\r\n\r\n%s\r\n--x--\r\n", from, body[min(from, 1000):])
		},
		"416": func(w http.ResponseWriter, from int) {
			w.Header().Set("Content-Range", "bytes */1000")
			w.WriteHeader(416)
		},
		"416 bare": func(w http.ResponseWriter, from int) { w.WriteHeader(416) },
		"304":      func(w http.ResponseWriter, from int) { w.WriteHeader(304) },
		"500":      nil, // once, then 206
	}
}

// I-03: what servers answer to a request for the rest of a file, and what was
// there before. The result is always the right file.
func TestFetchRangeAnswers(t *testing.T) {
	body := noise(1000, 10)
	answers := rangeAnswers(body)
	parts := map[string][]byte{
		"partial": body[:400], "empty": {}, "full": body, "partial garbage": noise(400, 11), "full garbage": noise(1000, 11),
		"oversize": append(bytes.Clone(body), body[:400]...),
	}
	metas := map[string]string{"known": `{"url":"%s","etag":"\"e\"","total":1000}`, "unknown": ``, "damaged": `{"total"`}
	for name, answer := range answers {
		for kind, part := range parts {
			for mkind, meta := range metas {
				t.Run(name+"/"+kind+"/"+mkind, func(t *testing.T) {
					failed := false
					s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						from, answer := 0, answer
						fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
						if answer == nil {
							answer = answers["206"]
							if !failed {
								failed = true
								w.WriteHeader(500)
								return
							}
						}
						if r.Header.Get("Range") == "" {
							answer = answers["200"]
						}
						answer(w, from)
					}))
					defer s.Close()
					f := quick(t)
					url := s.URL + "/disc.iso"
					if strings.Contains(meta, "%s") {
						meta = fmt.Sprintf(meta, url)
					}
					plant(t, f.Dir, "sha256-"+sha(body), part, meta)
					got, err := f.Fetch(t.Context(), iso.Source{URLs: []string{url}, Checksum: sha(body)})
					wantFile(t, got, err, body)
					soundCache(t, f.Dir)
				})
			}
		}
	}
}

// I-03 where no digest would find a splice: what does not fit is not used.
func TestFetchRangeAnswersUnpinned(t *testing.T) {
	body := noise(1000, 15)
	for name, answer := range rangeAnswers(body) {
		if answer == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			ranged, requests := 0, 0
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("ETag", `"strong"`)
				requests++
				from := 0
				if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); n == 1 {
					ranged++
					answer(w, from)
					return
				}
				w.Header().Set("Content-Length", "1000")
				if ranged == 0 {
					w.Write(body[:400])
					w.(http.Flusher).Flush()
					panic(http.ErrAbortHandler)
				}
				w.Write(body)
			}))
			defer s.Close()
			got, err := quick(t).Fetch(t.Context(), iso.Source{URLs: []string{s.URL + "/disc.iso"}, Checksum: "none"})
			wantFile(t, got, err, body)
			want := map[string]int{"200": 2, "206": 2, "206 short": 3}[name]
			if want == 0 {
				want = 3 // broken, refused, whole
			}
			if requests != want {
				t.Errorf("%d requests, %d of them for a range; want %d", requests, ranged, want)
			}
		})
	}
}

// Whatever an answer to a range is, bytes without a pinned digest come from
// one file only.
func TestFetchUnpinnedNeverSplices(t *testing.T) {
	body, other := noise(1000, 12), noise(1000, 13)
	for name, header := range map[string]string{
		"no validator": "", "weak": "ETag: W/\"a\"\r\n", "fresh date": "Last-Modified: Mon, 02 Jan 2006 15:04:05 GMT\r\nDate: Mon, 02 Jan 2006 15:04:30 GMT\r\n",
		"strong": "ETag: \"a\"\r\n", "old date": "Last-Modified: Mon, 02 Jan 2006 15:04:05 GMT\r\nDate: Mon, 02 Jan 2006 16:04:30 GMT\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			var ranged atomic.Int32
			url := rawServer(t, func(n int, req *http.Request, w io.Writer) {
				if n == 0 {
					fmt.Fprintf(w, "HTTP/1.1 200 OK\r\n%sContent-Length: 1000\r\n\r\n%s", header, body[:500])
					return
				}
				if req.Header.Get("Range") != "" {
					ranged.Add(1)
					if req.Header.Get("If-Range") == "" {
						t.Error("a range is asked for without If-Range")
					}
				}
				fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n%s", other)
			})
			f := quick(t)
			got, err := f.Fetch(t.Context(), iso.Source{URLs: []string{url + "/disc.iso"}, Checksum: "none"})
			wantFile(t, got, err, other)
			strong := name == "strong" || name == "old date"
			if (ranged.Load() > 0) != strong {
				t.Errorf("%d ranged requests, strong validator is %v", ranged.Load(), strong)
			}
		})
	}
}

// I-06: statuses, and how often they are tried.
func TestFetchStatus(t *testing.T) {
	for _, tc := range []struct {
		status, tries int
	}{
		{400, 1}, {401, 1}, {403, 1}, {404, 1}, {410, 1}, {451, 1}, {501, 1}, {204, 1}, {304, 1},
		{408, 3}, {429, 3}, {500, 3}, {502, 3}, {503, 3}, {504, 3},
	} {
		t.Run(fmt.Sprint(tc.status), func(t *testing.T) {
			var n atomic.Int32
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n.Add(1)
				w.WriteHeader(tc.status)
				io.WriteString(w, "no \x1b[31msuch\x07\r\nfile "+strings.Repeat("x", 1000))
			}))
			defer s.Close()
			f := quick(t)
			_, err := f.Fetch(t.Context(), iso.Source{URLs: []string{s.URL + "/gone.iso"}, Checksum: "none"})
			wantError(t, err, fmt.Sprintf("answered %d", tc.status), "/gone.iso")
			if tc.status != 204 && tc.status != 304 {
				wantError(t, err, "no [31msuch file xxx")
			}
			if len(err.Error()) > 400 || strings.ContainsAny(err.Error(), "\x1b\x07\r") {
				t.Errorf("the error is not fit to print: %q", err)
			}
			if int(n.Load()) != tc.tries {
				t.Errorf("tried %d times, want %d", n.Load(), tc.tries)
			}
			if parts, _ := filepath.Glob(filepath.Join(f.Dir, "part", "*")); len(parts) > 0 {
				t.Errorf("left behind: %v", parts)
			}
		})
	}
}

func TestFetchRetryAfter(t *testing.T) {
	var n atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(503)
			return
		}
		io.WriteString(w, "ok")
	}))
	defer s.Close()
	f := quick(t)
	var after time.Duration
	f.Observe = func(e iso.Event) {
		if r, ok := e.(iso.Retrying); ok {
			after = r.After
		}
	}
	got, err := f.Fetch(t.Context(), iso.Source{URLs: []string{s.URL + "/x.iso"}, Checksum: "none"})
	wantFile(t, got, err, []byte("ok"))
	if after != time.Second {
		t.Errorf("waited %v, the server asked for 1s", after)
	}
}

func TestFetchMirrorsAllFail(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/portal.iso" {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			io.WriteString(w, "<html>please log in</html>")
			return
		}
		http.NotFound(w, r)
	}))
	defer s.Close()
	f := quick(t)
	var given []string
	f.Observe = func(e iso.Event) {
		if g, ok := e.(iso.GivenUp); ok {
			given = append(given, g.URL)
		}
	}
	_, err := f.Fetch(t.Context(), iso.Source{
		URLs:     []string{filepath.Join(t.TempDir(), "no.iso"), s.URL + "/a.iso?sig=secret", s.URL + "/portal.iso", "http://127.0.0.1:1/refused.iso"},
		Checksum: sha([]byte("medium")),
	})
	wantError(t, err, "no.iso: no such file", "/a.iso?xxxxx: the server answered 404", "text/html", "sent a web page", "connection refused")
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the error shows a query: %v", err)
	}
	var mismatch *iso.ChecksumError
	if !errors.As(err, &mismatch) || mismatch.URL != s.URL+"/portal.iso" || len(given) != 4 {
		t.Errorf("mismatch is %+v, given up were %v", mismatch, given)
	}
}

// I-07: redirects.
func TestFetchRedirects(t *testing.T) {
	body := []byte("medium")
	var heard http.Header
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		heard = r.Header.Clone()
		w.Write(body)
	}))
	defer plain.Close()
	var auth []string
	mux := http.NewServeMux()
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		auth = append(auth, r.URL.Path+" "+user+":"+password)
		mux.ServeHTTP(w, r)
	}))
	defer secure.Close()
	to := func(path, url string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, url, http.StatusFound) })
	}
	to("/loop.iso", "/loop.iso?again=secret")
	to("/file.iso", "file:///etc/passwd")
	to("/down.iso", plain.URL+"/medium.iso")
	to("/here.iso", "/medium.iso")
	mux.HandleFunc("/medium.iso", func(w http.ResponseWriter, r *http.Request) { w.Write(body) })
	base := strings.Replace(secure.URL, "https://", "https://me:hush@", 1)
	for _, tc := range []struct{ path, checksum, want string }{
		{"/loop.iso", sha(body), "more than 10 redirects"},
		{"/file.iso", sha(body), "only http and https are followed"},
		{"/down.iso", "none", "redirect from https to " + plain.URL},
		{"/down.iso?sig=1", sha(body), ""},
		{"/here.iso", "none", ""},
	} {
		t.Run(tc.path, func(t *testing.T) {
			auth = nil
			f := quick(t)
			f.Client = secure.Client()
			got, err := f.Fetch(t.Context(), iso.Source{URLs: []string{base + tc.path}, Checksum: tc.checksum})
			if tc.want == "" {
				wantFile(t, got, err, body)
			} else {
				wantError(t, err, tc.want)
			}
			if err != nil && (strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "secret")) {
				t.Errorf("the error tells a secret: %v", err)
			}
			for _, a := range auth {
				if !strings.HasSuffix(a, " me:hush") {
					t.Errorf("the configured host got %q", a)
				}
			}
			if len(auth) == 0 {
				t.Error("the configured host was not asked")
			}
		})
	}
	if heard == nil || heard.Get("Authorization") != "" || heard.Get("Referer") != "" {
		t.Errorf("the other host heard %v", heard)
	}
}

// Where a download is continued the credentials stay at home as well.
func TestFetchResumeRedirected(t *testing.T) {
	body := noise(1000, 14)
	var leaked atomic.Value
	cdn := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a := r.Header.Get("Authorization"); a != "" {
			leaked.Store(a)
		}
		if ref := r.Header.Get("Referer"); ref != "" {
			t.Errorf("the other host is told of %s", ref)
		}
		if r.Method != http.MethodGet {
			t.Errorf("a %s request", r.Method)
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	}))
	defer cdn.Close()
	home := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, p, _ := r.BasicAuth(); p != "hush" {
			w.WriteHeader(401)
			return
		}
		http.Redirect(w, r, cdn.URL+"/x", http.StatusTemporaryRedirect)
	}))
	defer home.Close()
	f := quick(t)
	plant(t, f.Dir, "sha256-"+sha(body), body[:300], "")
	got, err := f.Fetch(t.Context(), iso.Source{
		URLs: []string{strings.Replace(home.URL, "http://", "http://me:hush@", 1) + "/x.iso?sig=secret"}, Checksum: sha(body),
	})
	wantFile(t, got, err, body)
	if l := leaked.Load(); l != nil {
		t.Errorf("the other host was sent %v", l)
	}
	if strings.Contains(got.URL, "hush") || strings.Contains(got.URL, "secret") {
		t.Errorf("the medium tells a secret: %s", got.URL)
	}
}

// I-08: a certificate that is not trusted is not tried again.
func TestFetchBadCertificate(t *testing.T) {
	var n atomic.Int32
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ConnState = func(_ net.Conn, st http.ConnState) {
		if st == http.StateNew {
			n.Add(1)
		}
	}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	_, err := quick(t).Fetch(t.Context(), iso.Source{URLs: []string{s.URL + "/x.iso"}, Checksum: "none"})
	wantError(t, err, "certificate")
	if n.Load() != 1 {
		t.Errorf("%d connections", n.Load())
	}
	f := quick(t)
	late := s.Client()
	late.Transport.(*http.Transport).TLSClientConfig = &tls.Config{
		RootCAs: late.Transport.(*http.Transport).TLSClientConfig.RootCAs,
		Time:    func() time.Time { return time.Date(2190, 1, 1, 0, 0, 0, 0, time.UTC) },
	}
	f.Client = late
	_, err = f.Fetch(t.Context(), iso.Source{URLs: []string{s.URL + "/x.iso"}, Checksum: "none"})
	wantError(t, err, "expired", "2190-01-01", "2084-01-29")
}
