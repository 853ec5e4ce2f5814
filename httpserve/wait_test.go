package httpserve_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/bootscribe/bootscribe/httpserve"
)

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

// patience is for what must happen, however busy the machine is. Only a broken
// program reaches it.
const patience = 2 * time.Minute

// waitRequests returns when the server has answered n requests.
func waitRequests(t *testing.T, s *httpserve.Server, n int) []httpserve.Request {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if r := s.Requests(); len(r) >= n {
			return r
		}
	}
	t.Fatalf("no %d requests after %v: %v", n, patience, s.Requests())
	return nil
}
