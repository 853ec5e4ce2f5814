package vnctest_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/vnc/vnctest"
)

func newServer(t *testing.T, cfg *vnctest.Config) *vnctest.Server {
	t.Helper()
	srv, err := vnctest.NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	return srv
}

func testContext(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// talk writes what a client says and checks what the server answers.
func talk(t *testing.T, nc net.Conn, says, want string) {
	t.Helper()
	nc.SetDeadline(time.Now().Add(time.Minute))
	if says != "" { // a pipe waits for a reader of nothing too
		if _, err := io.WriteString(nc, says); err != nil {
			t.Fatal(err)
		}
	}
	got := make([]byte, len(want))
	if n, err := io.ReadFull(nc, got); err != nil || string(got) != want {
		t.Fatalf("after %q the server says %q, want %q, error %v", says, got[:n], want, err)
	}
}

func open(t *testing.T, srv *vnctest.Server) net.Conn {
	t.Helper()
	nc := srv.Pipe()
	talk(t, nc, "", "RFB 003.008\n")
	talk(t, nc, "RFB 003.008\n", "\x01\x01")
	talk(t, nc, "\x01", "\x00\x00\x00\x00")
	talk(t, nc, "\x01", "\x00\x02\x00\x01\x20\x18\x00\x01\x00\xff\x00\xff\x00\xff\x10\x08\x00\x00\x00\x00\x00\x00\x00\x07vnctest")
	return nc
}

// TestWire holds the server against the bytes of RFC 6143, without the
// client that this module has.
func TestWire(t *testing.T) {
	m := image.NewRGBA(image.Rect(5, 5, 7, 6))
	m.SetRGBA(5, 5, color.RGBA{1, 2, 3, 255})
	m.SetRGBA(6, 5, color.RGBA{4, 5, 6, 255})
	srv := newServer(t, &vnctest.Config{Screen: m})
	nc := open(t, srv)
	talk(t, nc, "\x03\x00\x00\x00\x00\x00\x00\x02\x00\x01", // the whole screen
		"\x00\x00\x00\x01\x00\x00\x00\x00\x00\x02\x00\x01\x00\x00\x00\x00\x03\x02\x01\x00\x06\x05\x04\x00")
	talk(t, nc, "\x00\x00\x00\x00\x20\x18\x01\x01\x00\xff\x00\xff\x00\xff\x18\x10\x08\x00\x00\x00"+ // another format
		"\x03\x00\x00\x00\x00\x00\x00\x02\x00\x01",
		"\x00\x00\x00\x01\x00\x00\x00\x00\x00\x02\x00\x01\x00\x00\x00\x00\x01\x02\x03\x00\x04\x05\x06\x00")
	talk(t, nc, "\x02\x00\x00\x01\xff\xff\xfe\xfe", // extended keys
		"\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xfe\xfe")
	talk(t, nc, "\x02\x00\x00\x02\xff\xff\xfe\xfb\xff\xff\xff\x21", // LEDs, and resize
		"\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xfe\xfb\x00")
	srv.SetScreen(image.NewRGBA(image.Rect(0, 0, 1, 1)))
	talk(t, nc, "\x03\x01\x00\x00\x00\x00\x00\x02\x00\x01",
		"\x00\x00\x00\x01\x00\x00\x00\x00\x00\x01\x00\x01\xff\xff\xff\x21")
	talk(t, nc, "\x04\x01\x00\x00\x00\x00\x00\x61"+"\xff\x00\x00\x00\x00\x00\x00\x61\x00\x00\x00\x1e"+"\x06\x00\x00\x00\x00\x00\x00\x01x"+"\x05\x03\x00\x07\x00\x08", "")
	pointers, err := srv.WaitPointer(testContext(t, time.Minute), 1)
	if err != nil || pointers[0].X != 7 || pointers[0].Y != 8 || pointers[0].Buttons != 3 {
		t.Errorf("pointers %v, error %v", pointers, err)
	}
	if srv.Clients() != 1 {
		t.Errorf("%d clients", srv.Clients())
	}
	srv.Disconnect()
	if _, err := nc.Read(make([]byte, 1)); err == nil {
		t.Error("still connected")
	}
}

func TestPassword(t *testing.T) {
	srv := newServer(t, &vnctest.Config{Password: "x"})
	nc := srv.Pipe()
	talk(t, nc, "", "RFB 003.008\n")
	talk(t, nc, "RFB 003.008\n", "\x01\x02")
	if _, err := io.WriteString(nc, "\x02"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(nc, make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	talk(t, nc, strings.Repeat("?", 16), "\x00\x00\x00\x01\x00\x00\x00\x15Authentication failed")
	if srv.Refused() != 1 {
		t.Errorf("%d refused", srv.Refused())
	}
}

func TestWaits(t *testing.T) {
	srv := newServer(t, nil)
	if _, err := srv.WaitKeys(testContext(t, time.Millisecond), 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("WaitKeys: %v", err)
	}
	if err := srv.WaitTyped(testContext(t, time.Millisecond), "x"); err == nil || !strings.Contains(err.Error(), `wait for "x": typed so far: ""`) {
		t.Errorf("WaitTyped: %v", err)
	}
	ended := make(chan error)
	go func() { _, err := srv.WaitPointer(context.Background(), 1); ended <- err }()
	srv.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("WaitPointer of a closed server: %v", err)
	}
	if _, err := srv.Pipe().Read(make([]byte, 1)); err == nil {
		t.Error("a closed server accepts a pipe")
	}
	srv.Close()
}

func TestTyped(t *testing.T) {
	press := func(keysym uint32, code uint16) []vnctest.Key {
		return []vnctest.Key{{Keysym: keysym, Code: code, Down: true}, {Keysym: keysym, Code: code}}
	}
	hold := func(keysym uint32, code uint16, in ...[]vnctest.Key) (keys []vnctest.Key) {
		keys = append(keys, vnctest.Key{Keysym: keysym, Code: code, Down: true})
		for _, k := range in {
			keys = append(keys, k...)
		}
		return append(keys, vnctest.Key{Keysym: keysym, Code: code})
	}
	const shift, rightShift, ctrl, capsLock = 0xffe1, 0xffe2, 0xffe3, 0xffe5
	tests := []struct {
		want string
		keys [][]vnctest.Key
	}{
		{"a b", [][]vnctest.Key{press('a', 0x1e), press(' ', 0x39), press('b', 0x30)}},
		{"A!<lt>", [][]vnctest.Key{hold(shift, 0x2a, press('A', 0x1e), press('!', 0x02), press('<', 0x33))}},
		{"A!<lt>", [][]vnctest.Key{hold(shift, 0, press('A', 0), press('!', 0), press('<', 0))}}, // as Packer does
		{"A<lt>", [][]vnctest.Key{hold(rightShift, 0, press('a', 0), press(',', 0))}},
		{"z", [][]vnctest.Key{press('y', 0x2c)}}, // the key counts
		{"é", [][]vnctest.Key{press(0xe9, 0)}},
		{"<esc><enter><f12><up>", [][]vnctest.Key{press(0xff1b, 1), press(0xff0d, 0), press(0, 0x58), press(0xff52, 0xc8)}},
		{"<leftCtrlOn>c<leftCtrlOff>", [][]vnctest.Key{hold(ctrl, 0x1d, press('c', 0x2e))}},
		{"<capsLock>Ab1", [][]vnctest.Key{press(capsLock, 0x3a), press('a', 0x1e), hold(shift, 0x2a, press('B', 0x30)), press('1', 2)}},
		{"<left><right>", [][]vnctest.Key{press(0xff51, 0xcb), press(0xff53, 0)}},
		{"<code 0x7d><keysym 0x20ac>", [][]vnctest.Key{press(0xa5, 0x7d), press(0x20ac, 0)}},
		{"\\|`~", [][]vnctest.Key{press('\\', 0x2b), hold(shift, 0x2a, press('|', 0x2b)), press('`', 0x29), hold(shift, 0x2a, press('~', 0x29))}},
	}
	for _, tt := range tests {
		var keys []vnctest.Key
		for _, k := range tt.keys {
			keys = append(keys, k...)
		}
		if got := vnctest.Typed(keys); got != tt.want {
			t.Errorf("typed %q, want %q", got, tt.want)
		}
	}
}

func TestTypedKnowsASCII(t *testing.T) {
	var keys []vnctest.Key
	var want bytes.Buffer
	for r := ' '; r <= '~'; r++ {
		shifted := strings.ContainsRune(`~!@#$%^&*()_+{}|:"<>?`, r) || r >= 'A' && r <= 'Z'
		keys = append(keys, vnctest.Key{Keysym: 0xffe1, Down: shifted}, vnctest.Key{Keysym: uint32(r), Down: true}, vnctest.Key{Keysym: uint32(r)})
		if r == '<' {
			want.WriteString("<lt>")
		} else {
			want.WriteRune(r)
		}
	}
	if got := vnctest.Typed(keys); got != want.String() {
		t.Errorf("typed\n%s, want\n%s", got, want.String())
	}
}
