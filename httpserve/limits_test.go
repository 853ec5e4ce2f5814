package httpserve_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/bootscribe/bootscribe/httpserve"
)

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

// TestSlowReaderIsServed reads steadily for longer than StallTimeout, also
// without the last megabytes, which the server has long put into the socket.
func TestSlowReaderIsServed(t *testing.T) {
	t.Parallel()
	const size = 24 << 20
	s := start(t, &httpserve.Config{
		Files:        fstest.MapFS{"big": {Data: make([]byte, size)}},
		StallTimeout: 2 * time.Second,
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
		time.Sleep(200 * time.Millisecond)
	}
	if r := waitRequests(t, s, 1)[0]; !r.Complete || n < size || r.Took < 2*time.Second {
		t.Errorf("read %d bytes, event %v after %v; want all of %d", n, r, r.Took, size)
	}
}

// TestSlowHeaders has many clients that never finish their request.
func TestSlowHeaders(t *testing.T) {
	t.Parallel()
	s := start(t, &httpserve.Config{
		Files:         httpserve.Text{"a": "a"},
		MaxConns:      8,
		HeaderTimeout: time.Second, // in which a whole request is read, however busy the machine is
	})
	var conns []net.Conn
	for range 20 {
		c, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprint(c, "GET /a HT")
		conns = append(conns, c)
	}
	if status, _ := get(t, s.URL()+"/a"); status != 200 {
		t.Errorf("a request behind 20 stuck ones: status %d", status)
	}
	for _, c := range conns {
		_ = c.SetReadDeadline(time.Now().Add(patience))
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
	_ = next.SetReadDeadline(time.Now().Add(patience))
	if _, err := next.Read(make([]byte, 1)); err != nil {
		t.Errorf("the third connection is not served when a place is free: %v", err)
	}
}

// TestBodyIsNotAwaited sends the header of a POST and never its body.
func TestBodyIsNotAwaited(t *testing.T) {
	s := start(t, &httpserve.Config{HeaderTimeout: time.Second})
	begin := time.Now()
	answer := raw(t, s, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
	if !strings.Contains(answer, "405") || time.Since(begin) > patience {
		t.Errorf("%.40q after %v", answer, time.Since(begin))
	}
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
		if took := time.Since(begin); took > patience {
			t.Errorf("Close took %v", took)
		}
		if c, err := net.Dial("tcp", s.Addr().String()); err == nil {
			c.Close()
			t.Error("the port is still open")
		}
	}
	for end := time.Now().Add(patience); runtime.NumGoroutine() > before; time.Sleep(5 * time.Millisecond) {
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
