package vnc_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bootscribe/bootscribe/vnc"
	"github.com/bootscribe/bootscribe/vnc/vnctest"
)

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func newServer(t testing.TB, cfg *vnctest.Config) *vnctest.Server {
	t.Helper()
	small := vnctest.Config{}
	if cfg != nil {
		small = *cfg
	}
	if small.Screen == nil {
		small.Screen = picture(64, 48) // quick under the race detector
	}
	srv, err := vnctest.NewServer(&small)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	return srv
}

func dial(t testing.TB, srv *vnctest.Server, cfg *vnc.Config) *vnc.Conn {
	t.Helper()
	conn, err := vnc.Dial(testContext(t), srv.Network(), srv.Addr(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// picture is not the same in any two pixels next to each other.
func picture(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetRGBA(x, y, color.RGBA{R: uint8(x), G: uint8(y), B: uint8(x + y), A: 255})
		}
	}
	return m
}

// waitScreen waits until the connection shows the picture.
func waitScreen(t testing.TB, conn *vnc.Conn, want *image.RGBA) {
	t.Helper()
	ctx := testContext(t)
	for seq := uint64(0); ; {
		got := conn.Screen()
		if got.Rect == want.Rect && bytes.Equal(got.Pix, want.Pix) {
			return
		}
		var err error
		if seq, err = conn.WaitUpdate(ctx, seq); err != nil {
			t.Fatalf("the screen of %v never became the picture of %v: %v", got.Rect, want.Rect, err)
		}
	}
}

func TestAuthentication(t *testing.T) {
	tests := []struct {
		name             string
		server, client   string
		wantErr          string
		offered, refused int
	}{
		{name: "none"},
		{name: "password not needed", client: "secret"},
		{name: "password", server: "secret", client: "secret"},
		{name: "password of 8", server: "12345678", client: "12345678"},
		{name: "wrong", server: "secret", client: "Secret", wantErr: `refused the password: "Authentication failed": check Config.Password`, offered: 1, refused: 1},
		{name: "missing", server: "secret", wantErr: "set Config.Password", offered: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(t, &vnctest.Config{Password: tt.server, Name: "box"})
			conn, err := vnc.Dial(testContext(t), "tcp", srv.Addr(), &vnc.Config{Password: tt.client})
			if tt.wantErr == "" {
				if err != nil {
					t.Fatal(err)
				}
				if conn.Name() != "box" {
					t.Errorf("Name() = %q", conn.Name())
				}
				conn.Close()
				return
			}
			var auth *vnc.AuthError
			if !errors.As(err, &auth) || !strings.Contains(err.Error(), tt.wantErr) {
				t.Fatalf("error %v, want an AuthError with %q", err, tt.wantErr)
			}
			if len(auth.Offered) != tt.offered || srv.Refused() != tt.refused {
				t.Errorf("offered %v, refused %d", auth.Offered, srv.Refused())
			}
		})
	}
}

func TestBadConfig(t *testing.T) {
	_, err := vnc.Dial(testContext(t), "udp", "127.0.0.1:1", &vnc.Config{Password: "123456789", MaxFrame: -1})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{`network "udp"`, "Config.Password: has 9 bytes", "Config.MaxFrame: is -1"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\ndoes not say %q", err, want)
		}
	}
	ours, theirs := net.Pipe()
	if _, err := vnc.NewConn(testContext(t), ours, &vnc.Config{Password: "123456789"}); err == nil {
		t.Fatal("no error")
	}
	if _, err := theirs.Write([]byte{0}); err == nil {
		t.Error("NewConn did not close the connection that it took")
	}
}

func TestUnixSocketAndPipe(t *testing.T) {
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "vnc"))
	if err != nil {
		t.Skip("no Unix sockets here:", err)
	}
	srv := newServer(t, &vnctest.Config{Listener: listener, Screen: picture(33, 7)})
	waitScreen(t, dial(t, srv, nil), picture(33, 7))

	conn, err := vnc.NewConn(testContext(t), srv.Pipe(), &vnc.Config{Exclusive: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	waitScreen(t, conn, picture(33, 7))
}

func TestScreenFollows(t *testing.T) {
	srv := newServer(t, &vnctest.Config{Screen: picture(64, 48)})
	conn := dial(t, srv, nil)
	waitScreen(t, conn, picture(64, 48))
	seq := conn.Seq()

	part := picture(64, 48)
	part.SetRGBA(10, 10, color.RGBA{R: 1, G: 2, B: 3, A: 255})
	srv.SetScreen(part)
	if _, err := conn.WaitUpdate(testContext(t), seq); err != nil {
		t.Fatal(err)
	}
	waitScreen(t, conn, part)

	for _, size := range []image.Point{{720, 400}, {1, 1}, {401, 301}} {
		srv.SetScreen(picture(size.X, size.Y))
		waitScreen(t, conn, picture(size.X, size.Y))
		if w, h := conn.Size(); w != size.X || h != size.Y {
			t.Errorf("Size() = %d, %d, want %v", w, h, size)
		}
	}

	own := conn.Screen()
	draw.Draw(own, own.Rect, image.Black, image.Point{}, draw.Src)
	waitScreen(t, conn, picture(401, 301)) // Screen gave a copy
}

// All share a frame as long as it is the newest, and it never changes.
func TestFrame(t *testing.T) {
	srv := newServer(t, &vnctest.Config{Screen: picture(64, 48)})
	conn := dial(t, srv, nil)
	waitScreen(t, conn, picture(64, 48))
	first, seq := conn.Frame()
	if seq != conn.Seq() || seq == 0 {
		t.Errorf("frame number %d, Seq is %d", seq, conn.Seq())
	}
	if again, _ := conn.Frame(); again != first {
		t.Error("the same frame twice")
	}
	if n := testing.AllocsPerRun(10, func() { conn.Frame() }); n > 0 {
		t.Errorf("%v allocations for a frame that is there", n)
	}
	part := picture(64, 48)
	part.SetRGBA(10, 10, color.RGBA{R: 1, G: 2, B: 3, A: 255})
	for _, next := range []*image.RGBA{part, picture(64, 48), picture(32, 24), picture(401, 301)} {
		srv.SetScreen(next)
		waitScreen(t, conn, next)
		if got, n := conn.Frame(); got.Rect != next.Rect || !bytes.Equal(got.Pix, next.Pix) || n <= seq {
			t.Errorf("frame %d of %v is not the newest", n, got.Rect)
		}
	}
	if !bytes.Equal(first.Pix, picture(64, 48).Pix) {
		t.Error("a frame that was given away has changed")
	}
}

// A frame that is looked at does not change, nobody waits for the look to end,
// and the memory is used again.
func TestLook(t *testing.T) {
	srv := newServer(t, &vnctest.Config{Screen: picture(64, 48)})
	conn := dial(t, srv, nil)
	waitScreen(t, conn, picture(64, 48))
	grey := image.NewRGBA(image.Rect(0, 0, 64, 48))
	draw.Draw(grey, grey.Rect, image.NewUniform(color.RGBA{R: 9, G: 9, B: 9, A: 255}), image.Point{}, draw.Src)
	pictures := []*image.RGBA{grey, picture(64, 48)}
	memory := map[*uint8]bool{}
	for i := range 10 {
		next := pictures[i%2]
		conn.Look(func(frame *image.RGBA, seq uint64) {
			memory[&frame.Pix[0]] = true
			before := bytes.Clone(frame.Pix)
			srv.SetScreen(next)
			for got := seq; got == seq; { // the look goes on meanwhile
				if _, err := conn.WaitUpdate(testContext(t), seq); err != nil {
					t.Fatal(err)
				}
				conn.Look(func(newer *image.RGBA, now uint64) {
					if got = now; !bytes.Equal(newer.Pix, next.Pix) {
						t.Errorf("look %d: frame %d is another picture", i, now)
					}
				})
			}
			if !bytes.Equal(frame.Pix, before) {
				t.Errorf("look %d: the frame has changed", i)
			}
		})
	}
	if len(memory) > 5 { // 2, and as many again if memory is collected
		t.Errorf("%d frames' memory was used", len(memory))
	}
	// What was given away stays, also if somebody looked at it.
	var given *image.RGBA
	conn.Look(func(frame *image.RGBA, _ uint64) {
		given, _ = conn.Frame()
		srv.SetScreen(grey)
		waitScreen(t, conn, grey)
	})
	for _, next := range append(pictures, pictures...) {
		srv.SetScreen(next)
		waitLook(t, conn, next)
	}
	if !bytes.Equal(given.Pix, picture(64, 48).Pix) {
		t.Error("a frame that was given away has changed")
	}
}

// waitLook is waitScreen by looks.
func waitLook(t *testing.T, conn *vnc.Conn, want *image.RGBA) {
	t.Helper()
	for {
		var is bool
		var now uint64
		conn.Look(func(frame *image.RGBA, seq uint64) { is, now = bytes.Equal(frame.Pix, want.Pix), seq })
		if is {
			return
		}
		if _, err := conn.WaitUpdate(testContext(t), now); err != nil {
			t.Fatal(err)
		}
	}
}

func TestKeys(t *testing.T) {
	events := []vnc.KeyEvent{
		{Keysym: 0xffe1, Code: 0x2a, Down: true},
		{Keysym: 'A', Code: 0x1e, Down: true},
		{Keysym: 'A', Code: 0x1e},
		{Keysym: 0xffe1, Code: 0x2a},
		{Keysym: 0xff54, Code: 0xe050, Down: true},
		{Keysym: 0xff54, Code: 0xd0},
		{Keysym: 'x', Down: true},
		{Keysym: 'x'},
	}
	extended := []vnctest.Key{
		{Keysym: 0xffe1, Code: 0x2a, Extended: true, Down: true},
		{Keysym: 'A', Code: 0x1e, Extended: true, Down: true},
		{Keysym: 'A', Code: 0x1e, Extended: true},
		{Keysym: 0xffe1, Code: 0x2a, Extended: true},
		{Keysym: 0xff54, Code: 0xd0, Extended: true, Down: true},
		{Keysym: 0xff54, Code: 0xd0, Extended: true},
		{Keysym: 'x', Down: true},
		{Keysym: 'x'},
	}
	for _, plain := range []bool{false, true} {
		want := append([]vnctest.Key(nil), extended...)
		for i := range want {
			if plain {
				want[i].Code, want[i].Extended = 0, false
			}
		}
		srv := newServer(t, &vnctest.Config{Plain: plain})
		conn := dial(t, srv, nil)
		if conn.ExtendedKeys() == plain {
			t.Errorf("plain %v: ExtendedKeys() = %v", plain, conn.ExtendedKeys())
		}
		for _, e := range events {
			if err := conn.Key(e.Keysym, e.Code, e.Down); err != nil {
				t.Fatal(err)
			}
		}
		if err := conn.Keys(events...); err != nil {
			t.Fatal(err)
		}
		got, err := srv.WaitKeys(testContext(t), 2*len(want))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(append(want, want...), got, cmpopts.IgnoreFields(vnctest.Key{}, "Time")); diff != "" {
			t.Errorf("plain %v: keys (-want +got):\n%s", plain, diff)
		}
		if got := srv.Typed(); got != "A<down>xA<down>x" {
			t.Errorf("plain %v: typed %q", plain, got)
		}
		if got := conn.KeysSent(); got != uint64(2*len(events)) {
			t.Errorf("KeysSent() = %d", got)
		}
	}
}

func TestKeyThatCannotBeSent(t *testing.T) {
	srv := newServer(t, nil)
	conn := dial(t, srv, nil)
	plain := dial(t, newServer(t, &vnctest.Config{Plain: true}), nil)
	for _, err := range []error{
		conn.Keys(vnc.KeyEvent{Keysym: 'a', Code: 0x1e, Down: true}, vnc.KeyEvent{Keysym: 'a', Code: 0x1e1e}),
		plain.Key(0, 0x1e, true),
		conn.Key(0, 0, true),
		conn.Pointer(64, 0, 0),
		conn.Pointer(0, -1, 0),
	} {
		if err == nil {
			t.Error("no error")
		}
	}
	if err := conn.Key('b', 0x30, true); err != nil { // goes on, and comes first
		t.Fatal(err)
	}
	if keys, err := srv.WaitKeys(testContext(t), 1); err != nil || keys[0].Keysym != 'b' {
		t.Errorf("keys %v, error %v", keys, err)
	}
}

func TestPointer(t *testing.T) {
	srv := newServer(t, nil)
	conn := dial(t, srv, nil)
	if err := conn.Pointer(63, 47, 5); err != nil {
		t.Fatal(err)
	}
	got, err := srv.WaitPointer(testContext(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	want := []vnctest.Pointer{{X: 63, Y: 47, Buttons: 5}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(vnctest.Pointer{}, "Time")); diff != "" {
		t.Errorf("pointer (-want +got):\n%s", diff)
	}
}

func TestFence(t *testing.T) {
	srv := newServer(t, nil)
	conn := dial(t, srv, nil)
	ctx := testContext(t)
	for n := 1; n <= 50; n++ {
		if err := conn.Key('a', 0x1e, true); err != nil {
			t.Fatal(err)
		}
		if err := conn.Fence(ctx); err != nil {
			t.Fatal(err)
		}
		if got := len(srv.Keys()); got != n {
			t.Fatalf("the server had read %d keys at the fence after %d", got, n)
		}
	}
	plain := dial(t, newServer(t, &vnctest.Config{Plain: true}), nil)
	if err := plain.Fence(ctx); !errors.Is(err, vnc.ErrNoFence) {
		t.Errorf("a fence that is not offered: error %v", err)
	}
}

func TestLEDs(t *testing.T) {
	srv := newServer(t, nil)
	conn := dial(t, srv, nil)
	ctx := testContext(t)
	leds, n, err := conn.WaitLEDs(ctx, 0)
	if err != nil || leds != 0 || n != 1 {
		t.Fatalf("at first: %v, %d changes, error %v", leds, n, err)
	}
	for i, want := range []vnc.LEDs{vnc.NumLock, vnc.NumLock | vnc.CapsLock, vnc.ScrollLock, 0} {
		srv.SetLEDs(uint8(want))
		if leds, n, err = conn.WaitLEDs(ctx, n); err != nil || leds != want || n != uint64(i+2) {
			t.Errorf("after setting %v: %v, %d changes, error %v", want, leds, n, err)
		}
	}
	if err := conn.Fence(ctx); err != nil { // brings the same LEDs again
		t.Fatal(err)
	}
	if _, again := conn.LEDs(); again != n {
		t.Errorf("a fence counts as %d changes", again-n)
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if _, _, err := conn.WaitLEDs(short, n); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("no change: error %v", err)
	}
}

func TestServerClosesWhileTyping(t *testing.T) {
	srv := newServer(t, &vnctest.Config{CloseAfter: 5})
	conn := dial(t, srv, nil)
	var err error
	for n := 0; err == nil; n++ {
		if err = conn.Key('a', 0x1e, n%2 == 0); err == nil && n > 5 {
			err = conn.Fence(testContext(t))
		}
	}
	<-conn.Done()
	if conn.Err() == nil || errors.Is(conn.Err(), net.ErrClosed) || !errors.Is(err, errors.Unwrap(conn.Err())) {
		t.Errorf("the call failed with %v, the connection with %v", err, conn.Err())
	}
	if got := len(srv.Keys()); got != 5 || conn.KeysSent() < 5 {
		t.Errorf("the server had %d keys, %d were sent", got, conn.KeysSent())
	}
	for what, err := range map[string]error{
		"Key": conn.Key('a', 0x1e, true), "Pointer": conn.Pointer(0, 0, 0), "Fence": conn.Fence(testContext(t)),
	} {
		if err == nil {
			t.Errorf("%s works on a connection that has ended", what)
		}
	}
	conn.Screen()
}

func TestClose(t *testing.T) {
	srv := newServer(t, nil)
	conn := dial(t, srv, nil)
	if conn.Err() != nil {
		t.Errorf("Err() = %v while it lives", conn.Err())
	}
	waits := make(chan error, 2)
	go func() { _, err := conn.WaitUpdate(context.Background(), 1<<60); waits <- err }()
	go func() { _, _, err := conn.WaitLEDs(context.Background(), 1<<60); waits <- err }()
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() { conn.Close() })
	}
	wg.Wait()
	for range 2 {
		if err := <-waits; !errors.Is(err, net.ErrClosed) {
			t.Errorf("a wait ended with %v", err)
		}
	}
	<-conn.Done()
	if !errors.Is(conn.Err(), net.ErrClosed) {
		t.Errorf("Err() = %v", conn.Err())
	}
	if err := conn.Key('a', 0x1e, true); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Key after Close: %v", err)
	}
}

func TestManyGoroutines(t *testing.T) {
	srv := newServer(t, nil)
	conn := dial(t, srv, nil)
	ctx := testContext(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				err := errors.Join(conn.Key('a', 0x1e, true), conn.Key('a', 0x1e, false), conn.Pointer(1, 1, 0), conn.Fence(ctx))
				if err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for i := range 20 {
				srv.SetScreen(picture(30+i, 20))
				conn.Screen()
				conn.Size()
				conn.LEDs()
			}
		})
	}
	wg.Wait()
	if keys, err := srv.WaitKeys(ctx, 400); err != nil || len(keys) != 400 {
		t.Errorf("%d keys, error %v", len(keys), err)
	}
}

func TestNothingIsLeft(t *testing.T) {
	srv := newServer(t, &vnctest.Config{Password: "right"})
	before := runtime.NumGoroutine()
	for i := range 100 {
		password := "right"
		if i%3 == 0 {
			password = "wrong"
		}
		conn, err := vnc.Dial(testContext(t), "tcp", srv.Addr(), &vnc.Config{Password: password})
		if (err == nil) != (password == "right") {
			t.Fatalf("password %q: %v", password, err)
		}
		if err == nil {
			conn.Close()
		}
	}
	for deadline := time.Now().Add(30 * time.Second); runtime.NumGoroutine() > before; {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines before, %d after:\n%s", before, runtime.NumGoroutine(), buf[:runtime.Stack(buf, true)])
		}
		time.Sleep(5 * time.Millisecond)
	}
}
