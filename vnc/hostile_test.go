package vnc_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/vnc"
)

// What a server says, in bytes.

func be16(vs ...int) (b []byte) {
	for _, v := range vs {
		b = binary.BigEndian.AppendUint16(b, uint16(v))
	}
	return b
}

func be32(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }

func join(parts ...[]byte) (b []byte) {
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func initMessage(w, h int, nameLength uint32) []byte {
	return join(be16(w, h), []byte{32, 24, 0, 1}, be16(255, 255, 255), []byte{16, 8, 0, 0, 0, 0}, be32(nameLength))
}

// opened is a handshake without a password.
func opened() []byte { return join([]byte("RFB 003.008\n\x01\x01"), be32(0)) }

// greeting is all until the client knows that keys are extended.
func greeting(w, h int) []byte {
	return join(opened(), initMessage(w, h, 0), update(rect(0, 0, 0, 0, -258)))
}

func update(rects ...[]byte) []byte {
	return join([]byte{0, 0}, be16(len(rects)), join(rects...))
}

func rect(x, y, w, h int, encoding int32, data ...byte) []byte {
	return join(be16(x, y, w, h), be32(uint32(encoding)), data)
}

// script is a server that says what it says and then nothing; it closes the
// connection if hangUp is set.
func script(t testing.TB, says []byte, hangUp bool) net.Conn {
	t.Helper()
	client, server := net.Pipe()
	t.Cleanup(func() { server.Close() })
	go io.Copy(io.Discard, server)
	go func() {
		server.Write(says)
		if hangUp {
			server.Close()
		}
	}()
	return client
}

func TestHostileHandshake(t *testing.T) {
	long := strings.Repeat("x", 5000)
	tests := []struct {
		name string
		says []byte
		want string
	}{
		{"not RFB", []byte("SSH-2.0-OpenSSH_9.2"), "which is not RFB"},
		{"3.3", []byte("RFB 003.003\n"), "speaks RFB 3.3; 3.8 or later is needed"},
		{"3.7", []byte("RFB 003.007\n"), "speaks RFB 3.7; 3.8 or later is needed"},
		{"hangs up", []byte("RFB 003"), "the server closed the connection"},
		{"too many failures", join([]byte("RFB 003.008\n\x00"), be32(4), []byte("busy")), `refused the connection: "busy"`},
		{"long reason", join([]byte("RFB 003.008\n\x00"), be32(0xffffffff), []byte(long)), strings.Repeat("x", 4096) + `"`},
		{"TLS only", []byte("RFB 003.008\n\x02\x13\x12"), "19 (VeNCrypt), 18 (TLS)"},
		{"result 2", join([]byte("RFB 003.008\n\x01\x01"), be32(2), be32(3), []byte("why")), `security type 1 (none): "why"`},
		{"name of 4 GB", join(opened(), initMessage(10, 10, 0xf0000000)), "a desktop name of 4026531840 bytes"},
		{"no framebuffer", join(opened(), initMessage(0, 10, 0)), "framebuffer of 0x10 pixels"},
		{"wide framebuffer", join(opened(), initMessage(16385, 1, 0)), "framebuffer of 16385x1 pixels"},
		{"large framebuffer", join(opened(), initMessage(16384, 16384, 0)), "Config.MaxFrame allows"},
		{"ends at once", join(opened(), initMessage(10, 10, 0)), "the server closed the connection"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := vnc.NewConn(testContext(t), script(t, tt.says, true), nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v\nwant one with %q", err, tt.want)
			}
		})
	}
}

func TestNewerVersion(t *testing.T) {
	says := greeting(2, 2)
	copy(says, "RFB 004.001\n")
	conn, err := vnc.NewConn(testContext(t), script(t, says, false), nil)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

func TestHostileServer(t *testing.T) {
	tests := []struct {
		name string
		says []byte
		want string
	}{
		{"hangs up", nil, "the server closed the connection"},
		{"hangs up in a message", update()[:2], "the server closed the connection"},
		{"unknown message", []byte{77}, "message of type 77"},
		{"unknown encoding", update(rect(0, 0, 1, 1, 16)), "encoding 16"},
		{"raw to the right", update(rect(60, 0, 5, 1, 0)), "outside of its framebuffer of (64,48)"},
		{"raw below", update(rect(0, 40, 1, 9, 0)), "outside of its framebuffer"},
		{"raw far away", update(rect(0xffff, 0xffff, 0xffff, 0xffff, 0)), "outside of its framebuffer"},
		{"copy to outside", update(rect(60, 0, 5, 1, 1, 0, 0, 0, 0)), "outside of its framebuffer"},
		{"copy from outside", update(rect(0, 0, 5, 5, 1, 0, 60, 0, 0)), "copied pixels from (60,0)-(65,5)"},
		{"Hextile outside", update(rect(0, 40, 64, 9, 5)), "outside of its framebuffer"},
		{"Hextile part outside", update(rect(0, 0, 8, 8, 5, 8, 1, 0x00, 0x88)), "outside of its tile"},
		{"resized to nothing", update(rect(0, 0, 0, 10, -223)), "framebuffer of 0x10 pixels"},
		{"resized to too much", update(rect(0, 0, 5000, 5000, -308, 0, 0, 0, 0)), "Config.MaxFrame allows"},
		{"text of 4 GB", join([]byte{3, 0, 0, 0}, be32(0xffffffff)), "a text of 4294967295 bytes"},
		{"text of 1 MiB and one", join([]byte{3, 0, 0, 0}, be32(1<<20+1)), "a text of 1048577 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := vnc.NewConn(testContext(t), script(t, join(greeting(64, 48), tt.says), true), nil)
			if err == nil { // it may have ended before NewConn returned
				defer conn.Close()
				_, err = conn.WaitUpdate(testContext(t), 1000)
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v\nwant one with %q", err, tt.want)
			}
		})
	}
}

func TestMessagesThatDoNotMatter(t *testing.T) {
	says := join(greeting(1, 1),
		[]byte{1, 0}, be16(65520, 65535), make([]byte, 6*65535), // SetColourMapEntries, far out of the map
		[]byte{2},                                            // Bell
		[]byte{3, 0, 0, 0}, be32(1<<20), make([]byte, 1<<20), // ServerCutText
		update(), // of nothing
		update(rect(9, 9, 0, 5, 0), rect(9, 9, 0, 5, 1, 0, 9, 0, 9), rect(9, 9, 5, 0, 5)),                 // without pixels
		update(rect(0, 1, 5, 5, -308, 1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)), // a failed request
		update(rect(0, 0, 1, 1, 0, 3, 2, 1, 0)))
	conn, err := vnc.NewConn(testContext(t), script(t, says, false), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.WaitUpdate(testContext(t), 0); err != nil {
		t.Fatal(err)
	}
	if got, want := conn.Screen().RGBAAt(0, 0), (color.RGBA{1, 2, 3, 255}); got != want {
		t.Errorf("the pixel is %v, want %v", got, want)
	}
}

func TestHalfAFrameIsNotShown(t *testing.T) {
	red, blue := []byte{0, 0, 255, 0}, []byte{255, 0, 0, 0}
	says := join(greeting(1, 1), update(rect(0, 0, 1, 1, 0, red...)),
		update(rect(0, 0, 2, 1, -223)), update(rect(0, 0, 1, 1, 0, blue...)), update(rect(0, 0, 0, 0, -261, 2)))
	client, server := net.Pipe()
	defer server.Close()
	go io.Copy(io.Discard, server)
	go server.Write(says)
	conn, err := vnc.NewConn(testContext(t), client, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, _, err := conn.WaitLEDs(testContext(t), 0); err != nil { // all is read
		t.Fatal(err)
	}
	if got := conn.Screen(); got.Rect != image.Rect(0, 0, 1, 1) || got.RGBAAt(0, 0).R != 255 || conn.Seq() != 1 {
		t.Errorf("frame %d is %v, of %v", conn.Seq(), got.Pix, got.Rect)
	}
	go server.Write(update(rect(1, 0, 1, 1, 0, blue...)))
	if _, err := conn.WaitUpdate(testContext(t), 1); err != nil {
		t.Fatal(err)
	}
	if got := conn.Screen(); got.Rect != image.Rect(0, 0, 2, 1) || got.RGBAAt(0, 0).B != 255 {
		t.Errorf("frame %d is %v, of %v", conn.Seq(), got.Pix, got.Rect)
	}
}

func TestSilenceAndDrip(t *testing.T) {
	drip := func(server net.Conn, says []byte) {
		for _, b := range says {
			if _, err := server.Write([]byte{b}); err != nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	tests := []struct {
		name string
		cfg  vnc.Config
		says func(net.Conn)
		want error
	}{
		{"silence", vnc.Config{}, func(net.Conn) {}, context.DeadlineExceeded},
		{"silence, Timeout", vnc.Config{Timeout: 50 * time.Millisecond}, func(net.Conn) {}, os.ErrDeadlineExceeded},
		{"silence after the handshake", vnc.Config{}, func(s net.Conn) { s.Write(join(opened(), initMessage(1, 1, 0))) }, context.DeadlineExceeded},
		{"drip", vnc.Config{}, func(s net.Conn) { drip(s, greeting(1, 1)) }, context.DeadlineExceeded},
		{"drip, Timeout", vnc.Config{Timeout: 50 * time.Millisecond}, func(s net.Conn) { drip(s, greeting(1, 1)) }, os.ErrDeadlineExceeded},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client, server := net.Pipe()
			defer server.Close()
			go io.Copy(io.Discard, server)
			go tt.says(server)
			ctx := testContext(t)
			if tt.cfg.Timeout == 0 {
				var cancel func()
				ctx, cancel = context.WithTimeout(ctx, 150*time.Millisecond)
				defer cancel()
			}
			start := time.Now()
			_, err := vnc.NewConn(ctx, client, &tt.cfg)
			if !errors.Is(err, tt.want) || time.Since(start) > 30*time.Second {
				t.Errorf("error %v after %v, want %v", err, time.Since(start), tt.want)
			}
		})
	}
}

func TestStall(t *testing.T) {
	conn, err := vnc.NewConn(testContext(t), script(t, join(greeting(4, 4), update(rect(0, 0, 4, 4, 0, 1, 2, 3))), false),
		&vnc.Config{Stall: 500 * time.Millisecond})
	if err == nil {
		defer conn.Close()
		_, err = conn.WaitUpdate(testContext(t), 0)
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) || !strings.Contains(err.Error(), "did not end it within 500ms") {
		t.Errorf("a message without an end: %v", err)
	}

	client, server := net.Pipe() // takes nothing after the first messages
	defer server.Close()
	go func() {
		go server.Write(greeting(4, 4))
		io.CopyN(io.Discard, server, 12+1+1+20+32+10+10)
	}()
	conn, err = vnc.NewConn(testContext(t), client, &vnc.Config{Stall: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Key('a', 0x1e, true); !errors.Is(err, os.ErrDeadlineExceeded) || !strings.Contains(err.Error(), "took nothing") {
		t.Errorf("a server that does not read: %v", err)
	}
}

func FuzzServer(f *testing.F) {
	f.Add(true, greeting(64, 48))
	f.Add(true, []byte("RFB 003.008\n\x02\x01\x02"))
	f.Add(false, update(rect(0, 0, 2, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8), rect(1, 1, 2, 2, 1, 0, 0, 0, 0)))
	f.Add(false, update(rect(0, 0, 17, 1, 5, 2, 1, 2, 3, 4, 12, 9, 9, 9, 9, 1, 0, 0)))
	f.Add(false, update(rect(0, 0, 500, 400, -223), rect(0, 0, 64, 48, -308, 1, 0, 0, 0), rect(0, 0, 0, 0, -261, 7)))
	f.Add(false, join([]byte{2, 3, 0, 0, 0}, be32(1), []byte{0}, []byte{1, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6}))
	f.Fuzz(func(t *testing.T, whole bool, says []byte) {
		if !whole {
			says = join(greeting(64, 48), says)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		conn, err := vnc.NewConn(testContext(t), script(t, says, true), &vnc.Config{MaxFrame: 1 << 20, Password: "p"})
		if err == nil {
			conn.Screen()
			<-conn.Done()
			conn.Screen()
			if conn.Err() == nil {
				t.Error("the connection has ended without a reason")
			}
			conn.Close()
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
			t.Errorf("%d bytes allocated", n)
		}
	})
}

func TestResizeAsksForAll(t *testing.T) {
	client, server := net.Pipe()
	defer server.Close()
	go server.Write(join(opened(), initMessage(4, 4, 0)))
	asked := make(chan []byte)
	go func() {
		said := make([]byte, 12+1+1+20+32+3*10) // handshake, formats, and three requests
		first := len(said) - 2*10
		io.ReadFull(server, said[:first]) // a server says nothing that it was not asked for
		go server.Write(join(update(rect(0, 0, 0, 0, -258)), update(rect(0, 0, 6, 5, -223))))
		io.ReadFull(server, said[first:])
		asked <- said[first-10:]
		io.Copy(io.Discard, server)
	}()
	conn, err := vnc.NewConn(testContext(t), client, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	want := join([]byte{3, 0}, be16(0, 0, 4, 4), []byte{3, 1}, be16(0, 0, 4, 4), []byte{3, 0}, be16(0, 0, 6, 5))
	if got := <-asked; !bytes.Equal(got, want) {
		t.Errorf("requests\n%v, want\n%v", got, want)
	}
}

// lingering is a connection whose reads return late when they fail.
type lingering struct {
	net.Conn
	reads atomic.Int32 // in progress
}

func (l *lingering) Read(p []byte) (int, error) {
	l.reads.Add(1)
	defer l.reads.Add(-1)
	n, err := l.Conn.Read(p)
	if err != nil {
		time.Sleep(30 * time.Millisecond)
	}
	return n, err
}

func TestCloseWaits(t *testing.T) {
	nc := &lingering{Conn: script(t, greeting(1, 1), false)}
	conn, err := vnc.NewConn(testContext(t), nc, nil)
	if err != nil {
		t.Fatal(err)
	}
	for nc.reads.Load() == 0 { // until the reader waits for the server
		time.Sleep(time.Millisecond)
	}
	conn.Close()
	if nc.reads.Load() != 0 {
		t.Error("Close returned while the connection was read")
	}
}
