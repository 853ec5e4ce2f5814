package template

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// proxyFor answers one connection as a SOCKS5 proxy that wants a login.
func proxyFor(t *testing.T, password string, got chan<- string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		read := func(n int) []byte {
			b := make([]byte, n)
			io.ReadFull(conn, b)
			return b
		}
		read(int(read(2)[1]))
		conn.Write([]byte{5, 2})
		user := read(int(read(2)[1]))
		pass := read(int(read(1)[0]))
		if string(user)+":"+string(pass) != "me:"+password {
			conn.Write([]byte{1, 1})
			return
		}
		conn.Write([]byte{1, 0})
		host := read(int(read(5)[4]))
		port := read(2)
		got <- net.JoinHostPort(string(host), string('0'+rune(port[0]))+string('0'+rune(port[1])))
		conn.Write([]byte{5, 0, 0, 3, 1, 'x', 0, 0})
		io.WriteString(conn, "SSH-2.0-test")
	}()
	return l.Addr().String()
}

func TestSOCKS(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	got := make(chan string, 1)
	s := socks{proxyFor(t, "secret", got), "me", "secret", "guest:258"}
	conn, err := s.dial(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if text, err := io.ReadAll(conn); err != nil || string(text) != "SSH-2.0-test" {
		t.Errorf("%q, %v", text, err)
	}
	if addr := <-got; addr != "guest:12" {
		t.Error(addr)
	}
	s.proxy, s.password = proxyFor(t, "secret", got), "wrong"
	if _, err := s.dial(ctx); err == nil || !strings.Contains(err.Error(), "refuses the login") {
		t.Error(err)
	}
	if _, err := (socks{"127.0.0.1:1", "", "", "guest:22"}).dial(ctx); err == nil || !strings.Contains(err.Error(), "ssh_proxy_host") {
		t.Error(err)
	}
}

// TestSOCKSCancel cancels a dial to a proxy that says nothing.
func TestSOCKSCancel(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := (socks{l.Addr().String(), "", "", "guest:22"}).dial(ctx); err == nil {
		t.Error("connected")
	}
}
