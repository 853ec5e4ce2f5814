package iso_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/iso"
)

// noise returns n bytes that are the same for the same seed.
func noise(n int, seed byte) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

func sha(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// patience is for what must happen, however busy the machine is. Only a broken
// program reaches it.
const patience = 2 * time.Minute

// quick is a Fetcher with a cache of its own that does not wait long.
func quick(t *testing.T) *iso.Fetcher {
	t.Helper()
	return &iso.Fetcher{
		Dir: filepath.Join(memoryDir(t), "cache"), Tries: 3,
		RetryDelay: time.Millisecond, StallTimeout: 5 * time.Minute,
	}
}

// memoryDir is a temporary directory where syncing a file costs nothing, if
// there is such a place.
func memoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "iso-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// wantFile checks that a Fetch brought exactly these bytes.
func wantFile(t *testing.T, m *iso.Medium, err error, want []byte) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(m.Path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("%s holds %d bytes with sha256 %s, want %d bytes", m.Path, len(got), sha(got), len(want))
	}
	if m.Digest != "sha256:"+sha(want) || m.Size != int64(len(want)) {
		t.Fatalf("medium is %s of %d bytes, want %s of %d", m.Digest, m.Size, sha(want), len(want))
	}
	if err := m.Check(); err != nil {
		t.Fatal(err)
	}
}

// soundCache checks that every final name tells the truth.
func soundCache(t *testing.T, dir string) {
	t.Helper()
	for _, sub := range []string{"sha256", "quarantine"} {
		files, _ := filepath.Glob(filepath.Join(dir, sub, "*"))
		for _, name := range files {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Error(err)
			} else if sha(b) != filepath.Base(name) {
				t.Errorf("%s has another digest than its name", name)
			}
		}
	}
}

// absent checks that a digest has no final name.
func absent(t *testing.T, dir, hex string) {
	t.Helper()
	if _, err := os.Lstat(filepath.Join(dir, "sha256", hex)); err == nil {
		t.Errorf("a file of unverified bytes has a final name")
	}
}

// wantError checks that err contains all of the words and is within the rules.
func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error does not say %q: %v", w, err)
		}
	}
}

// noGoroutines checks at the test's end that there are no more than now.
func noGoroutines(t *testing.T) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		deadline := time.Now().Add(patience)
		for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
			time.Sleep(5 * time.Millisecond)
		}
		if n := runtime.NumGoroutine(); n > before {
			buf := make([]byte, 1<<16)
			t.Errorf("%d goroutines, %d before:\n%s", n, before, buf[:runtime.Stack(buf, true)])
		}
	})
}

// A mirror is a well-behaved file server that can be made to drop connections.
type mirror struct {
	*httptest.Server
	mu       sync.Mutex
	body     []byte
	etag     string
	drops    []int // for each coming request, after how many bytes to drop; -1 never
	requests []http.Header
	sent     atomic.Int64
}

func newMirror(t *testing.T, body []byte) *mirror {
	t.Helper()
	m := &mirror{body: body, etag: `"` + sha(body)[:12] + `"`}
	m.Server = httptest.NewServer(m)
	t.Cleanup(m.Close)
	return m
}

func (m *mirror) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	body, etag, drop := m.body, m.etag, -1
	if len(m.drops) > 0 {
		drop, m.drops = m.drops[0], m.drops[1:]
	}
	m.requests = append(m.requests, r.Header.Clone())
	m.mu.Unlock()
	if etag != "" {
		w.Header().Set("ETag", etag)
	}
	out := &dropper{ResponseWriter: w, left: drop, sent: &m.sent}
	http.ServeContent(out, r, "disc.iso", time.Time{}, bytes.NewReader(body))
}

// change puts another file in the place of the one that is served.
func (m *mirror) change(body []byte, etag string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.body, m.etag = body, etag
}

func (m *mirror) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.requests)
}

type dropper struct {
	http.ResponseWriter
	left int // -1 for no limit
	sent *atomic.Int64
}

func (d *dropper) Write(b []byte) (int, error) {
	if d.left >= 0 && len(b) > d.left {
		n, _ := d.ResponseWriter.Write(b[:d.left])
		d.sent.Add(int64(n))
		d.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	n, err := d.ResponseWriter.Write(b)
	d.sent.Add(int64(n))
	if d.left >= 0 {
		d.left -= n
	}
	return n, err
}

func TestFetchThenCached(t *testing.T) {
	noGoroutines(t)
	body := noise(3<<20, 1)
	m := newMirror(t, body)
	f := quick(t)
	var events []string
	f.Observe = func(e iso.Event) { events = append(events, fmt.Sprintf("%T", e)) }
	src := iso.Source{URLs: []string{m.URL + "/disc.iso"}, Checksum: sha(body)}
	got, err := f.Fetch(t.Context(), src)
	wantFile(t, got, err, body)
	if got.Cached || got.Checksum != "sha256:"+sha(body) || got.URL != m.URL+"/disc.iso" {
		t.Errorf("medium is %+v", got)
	}
	if events[0] != "iso.Trying" || events[len(events)-1] != "iso.Verified" || events[len(events)-2] != "iso.Progress" {
		t.Errorf("events are %v", events)
	}
	got, err = f.Fetch(t.Context(), src)
	wantFile(t, got, err, body)
	if !got.Cached || m.count() != 1 {
		t.Errorf("second fetch: cached is %v after %d requests", got.Cached, m.count())
	}
	if parts, _ := filepath.Glob(filepath.Join(f.Dir, "part", "*")); len(parts) > 0 {
		t.Errorf("left behind: %v", parts)
	}
	m.CloseClientConnections()
}

func TestFetchAlgorithms(t *testing.T) {
	body := []byte("medium\n")
	m := newMirror(t, body)
	for alg, sum := range sums(body) {
		t.Run(alg, func(t *testing.T) {
			f := quick(t)
			for i, want := range []string{sum, alg + ":" + strings.ToUpper(sum), " " + sum + "\n"} {
				got, err := f.Fetch(t.Context(), iso.Source{URLs: []string{m.URL + "/a.iso"}, Checksum: want})
				wantFile(t, got, err, body)
				if got.Checksum != alg+":"+sum || got.Cached != (i > 0) {
					t.Errorf("%s: checksum is %s, cached %v", want, got.Checksum, got.Cached)
				}
			}
		})
	}
}

// I-01: the connection drops in mid-body and comes back.
func TestFetchDropped(t *testing.T) {
	body := noise(1<<20, 2)
	for _, checksum := range []string{sha(body), "none"} {
		for _, k := range []int{0, 1, 4096, len(body) / 2, len(body) - 1} {
			t.Run(fmt.Sprintf("%.4s/%d", checksum, k), func(t *testing.T) {
				m := newMirror(t, body)
				m.drops = []int{k, 100}
				f := quick(t)
				got, err := f.Fetch(t.Context(), iso.Source{URLs: []string{m.URL + "/disc.iso"}, Checksum: checksum})
				wantFile(t, got, err, body)
				if sent := m.sent.Load(); sent > int64(len(body)+k) {
					t.Errorf("%d bytes sent for %d", sent, len(body))
				}
			})
		}
	}
}

func TestFetchDroppedForGood(t *testing.T) {
	noGoroutines(t)
	body := noise(100_000, 3)
	m := newMirror(t, body)
	m.drops = []int{60_000, 0, 0}
	f := quick(t)
	src := iso.Source{URLs: []string{m.URL + "/disc.iso"}, Checksum: sha(body)}
	_, err := f.Fetch(t.Context(), src)
	wantError(t, err, "connection lost at byte 60000 of 100000")
	if strings.Contains(err.Error(), "mismatch") {
		t.Errorf("a lost connection is called a mismatch: %v", err)
	}
	absent(t, f.Dir, sha(body))
	got, err := f.Fetch(t.Context(), src) // the next process, so to say
	wantFile(t, got, err, body)
	if sent := m.sent.Load(); sent != int64(len(body)) {
		t.Errorf("%d bytes sent in all, want %d", sent, len(body))
	}
	m.CloseClientConnections()
}

func TestFetchNextMirrorContinues(t *testing.T) {
	body := noise(200_000, 4)
	a, b := newMirror(t, body), newMirror(t, body)
	b.etag = `"another"`
	a.drops = []int{150_000, 0, 0}
	f := quick(t)
	got, err := f.Fetch(t.Context(), iso.Source{URLs: []string{a.URL + "/x.iso", b.URL + "/y.iso"}, Checksum: sha(body)})
	wantFile(t, got, err, body)
	if n := b.sent.Load(); n != 50_000 {
		t.Errorf("the second mirror sent %d bytes, want 50000", n)
	}
	if got.URL != b.URL+"/y.iso" {
		t.Errorf("URL is %s", got.URL)
	}
}

// I-04: the file changes between two tries.
func TestFetchChangedUpstream(t *testing.T) {
	before, after := noise(100_000, 5), noise(90_000, 6)
	for _, tc := range []struct {
		name, checksum, etag string
		ok                   bool
	}{
		{"pinned to the new, new tag", sha(after), `"new"`, true},
		{"pinned to the new, old tag", sha(after), "same", true},
		{"pinned to the old", sha(before), `"new"`, false},
		{"none, new tag", "none", `"new"`, true},
		{"none, weak tag", "none", `W/"new"`, true},
		{"none, no tag", "none", ``, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := newMirror(t, before)
			etag := tc.etag
			if etag == "same" {
				etag = m.etag
			}
			f := quick(t)
			swapped := false
			f.Observe = func(e iso.Event) {
				if _, ok := e.(iso.Retrying); ok && !swapped {
					swapped = true
					m.change(after, etag)
				}
			}
			m.drops = []int{40_000}
			got, err := f.Fetch(t.Context(), iso.Source{URLs: []string{m.URL + "/disc.iso"}, Checksum: tc.checksum})
			if tc.ok {
				wantFile(t, got, err, after)
			} else {
				wantError(t, err, "checksum mismatch", sha(before), sha(after))
			}
			soundCache(t, f.Dir)
		})
	}
}

// I-05: servers that fall silent.
func TestFetchStalled(t *testing.T) {
	noGoroutines(t)
	body := noise(50_000, 7)
	for _, at := range []int{-1, 0, 20_000} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			var calls atomic.Int32
			release := make(chan struct{})
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if calls.Add(1) > 1 {
					http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
					return
				}
				if at >= 0 {
					w.Header().Set("Content-Length", fmt.Sprint(len(body)))
					w.Write(body[:at])
					w.(http.Flusher).Flush()
				}
				<-release
			}))
			defer s.Close()
			defer close(release)
			f := quick(t)
			f.StallTimeout = 500 * time.Millisecond
			var first error
			f.Observe = func(e iso.Event) {
				if r, ok := e.(iso.Retrying); ok && first == nil {
					first = r.Err
				}
			}
			got, err := f.Fetch(t.Context(), iso.Source{URLs: []string{s.URL + "/disc.iso"}, Checksum: sha(body)})
			wantFile(t, got, err, body)
			wantError(t, first, "sent nothing for 500ms")
		})
	}
}

// A slow but honest server takes longer than the stall timeout in all.
func TestFetchSlowIsNotStalled(t *testing.T) {
	t.Parallel()
	body := []byte("slowly")
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, b := range body {
			w.Write([]byte{b})
			w.(http.Flusher).Flush()
			time.Sleep(700 * time.Millisecond)
		}
	}))
	defer s.Close()
	f := quick(t)
	f.StallTimeout = 3 * time.Second
	f.Tries = 1
	got, err := f.Fetch(t.Context(), iso.Source{URLs: []string{s.URL + "/disc.iso"}, Checksum: "none"})
	wantFile(t, got, err, body)
}

func TestFetchCancel(t *testing.T) {
	noGoroutines(t)
	reached, release := make(chan struct{}), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write(make([]byte, 1000))
		w.(http.Flusher).Flush()
		close(reached)
		<-release
	}))
	defer s.Close()
	defer close(release)
	why := errors.New("the user has had enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() { <-reached; cancel(why) }()
	start := time.Now()
	_, err := quick(t).Fetch(ctx, iso.Source{URLs: []string{s.URL + "/x.iso", s.URL + "/y.iso"}, Checksum: "none"})
	if !errors.Is(err, why) || time.Since(start) > patience { // a stall is seen after five
		t.Errorf("after %v: %v", time.Since(start), err)
	}
}

func TestValidateSourceAndFetcher(t *testing.T) {
	long := strings.Repeat("ab", 32)
	for _, tc := range []struct {
		name string
		src  iso.Source
		want []string
	}{
		{"empty", iso.Source{}, []string{"Source.URLs is empty", "Source.Checksum: is empty", `"none"`}},
		{"all at once", iso.Source{URLs: []string{"", "ftp://u:pw@h/x", "http:///x", "http://h/", "file://other/x"}, Checksum: long[1:]},
			[]string{"URLs[0]: is empty", `URLs[1]: unknown scheme "ftp"`, "URLs[2]", "names no host",
				"URLs[3]", "names no file", `URLs[4]: file URL names the host "other"`, "63 hex digits are no known checksum; sha256 has 64"}},
		{"type", iso.Source{URLs: []string{"x"}, Checksum: "sha3:" + long}, []string{`unknown checksum type "sha3"; known are md5`}},
		{"length", iso.Source{URLs: []string{"x"}, Checksum: "sha512:" + long}, []string{"sha512 has 128 hex digits, not 64"}},
		{"not hex", iso.Source{URLs: []string{"x"}, Checksum: "xyz"}, []string{`'x' at position 1 is no hex digit`}},
		{"file", iso.Source{URLs: []string{"x"}, Checksum: "file:"}, []string{"place of the checksum file: is empty"}},
		{"bad URL", iso.Source{URLs: []string{"http://u:secret@h:port/x"}, Checksum: "none"}, []string{"URLs[0]: is no URL"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := tc.src.Validate()
			wantError(t, err, tc.want...)
			for _, secret := range []string{"pw", "secret"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error shows a password: %v", err)
				}
			}
			_, ferr := quick(t).Fetch(t.Context(), tc.src)
			if diff := cmp.Diff(err.Error(), fmt.Sprint(ferr)); diff != "" {
				t.Error(diff)
			}
		})
	}
	f := iso.Fetcher{MaxBytes: -1, StallTimeout: -1, Tries: -1, RetryDelay: -1}
	wantError(t, f.Validate(), "Fetcher.MaxBytes", "Fetcher.StallTimeout", "Fetcher.Tries", "Fetcher.RetryDelay")
}
