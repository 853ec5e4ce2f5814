package vnc

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"io"
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
	govnc "github.com/mitchellh/go-vnc"
)

// letters makes a frame of one byte a pixel: each letter is a colour.
func letters(rows ...string) *image.RGBA {
	m := blank(nil, image.Rect(0, 0, len(rows[0]), len(rows)))
	for y, row := range rows {
		for x, r := range row {
			m.SetRGBA(x, y, color.RGBA{R: uint8(r), A: 255})
		}
	}
	return m
}

func rows(m *image.RGBA) (rows []string) {
	for y := range m.Rect.Dy() {
		row := ""
		for x := range m.Rect.Dx() {
			row += string(rune(m.RGBAAt(x, y).R))
		}
		rows = append(rows, row)
	}
	return rows
}

func TestMoveRect(t *testing.T) {
	tests := []struct {
		name string
		to   image.Point
		from image.Rectangle
		want []string
	}{
		{"apart", image.Pt(2, 0), image.Rect(0, 2, 2, 4), []string{"abij", "efmn", "ijkl", "mnop"}},
		{"down", image.Pt(0, 1), image.Rect(0, 0, 4, 3), []string{"abcd", "abcd", "efgh", "ijkl"}},
		{"up", image.Pt(0, 0), image.Rect(0, 1, 4, 4), []string{"efgh", "ijkl", "mnop", "mnop"}},
		{"right", image.Pt(1, 0), image.Rect(0, 0, 3, 4), []string{"aabc", "eefg", "iijk", "mmno"}},
		{"left", image.Pt(0, 0), image.Rect(1, 0, 4, 4), []string{"bcdd", "fghh", "jkll", "nopp"}},
	}
	for _, tt := range tests {
		m := letters("abcd", "efgh", "ijkl", "mnop")
		moveRect(m, tt.to, tt.from)
		if diff := cmp.Diff(tt.want, rows(m)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestHextile(t *testing.T) {
	px := func(r byte) []byte { return []byte{0, 0, r, 0} }
	var says []byte
	for _, part := range [][]byte{
		{tileBackground | tileForeground | tileSubrects}, px('.'), px('o'), {2, 0x00, 0x10, 0xf1, 0x00}, // 16x2
		{0},                                                       // 2x2: the same background
		{tileSubrects | tileColoured}, {1}, px('x'), {0x00, 0xf0}, // 16x1, and the next of 2x1 raw
		{tileRaw | tileBackground}, px('r'), px('s'),
	} {
		says = append(says, part...)
	}
	m := letters("aaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaaaaaa")
	in := bufio.NewReader(bytes.NewReader(says))
	if err := readHextile(in, m, image.Rect(1, 1, 19, 3)); err != nil {
		t.Fatal(err)
	}
	if err := readHextile(in, m, image.Rect(1, 3, 19, 4)); err != nil {
		t.Fatal(err)
	}
	want := []string{"aaaaaaaaaaaaaaaaaaaa", "aoo................a", "a...............o..a", "axxxxxxxxxxxxxxxxrsa"}
	if diff := cmp.Diff(want, rows(m)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if m.RGBAAt(5, 1).A != 255 || m.RGBAAt(18, 3).A != 255 {
		t.Error("pixels are not opaque")
	}
	if n := in.Buffered(); n != 0 {
		t.Errorf("%d bytes left", n)
	}
}

func TestSwapPixels(t *testing.T) {
	got := []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	swapPixels(got)
	if want := []byte{3, 2, 1, 255, 7, 6, 5, 255, 11, 10, 9, 255}; !bytes.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// repeat reads the same bytes again and again.
type repeat struct {
	b  []byte
	at int
}

func (r *repeat) Read(p []byte) (int, error) {
	n := copy(p, r.b[r.at:])
	r.at = (r.at + n) % len(r.b)
	return n, nil
}

// BenchmarkDecode takes whole frames of 1280x800 pixels from memory.
func BenchmarkDecode(b *testing.B) {
	r := image.Rect(0, 0, 1280, 800)
	raw := make([]byte, 4*1280*800)
	tiles := bytes.Repeat([]byte{tileBackground | tileForeground | tileSubrects, 1, 2, 3, 0, 9, 9, 9, 0, 2, 0x11, 0x33, 0x55, 0x77}, 80*50)
	b.Run("raw", func(b *testing.B) {
		in, m := bufio.NewReaderSize(&repeat{b: raw}, 64<<10), blank(nil, r)
		b.SetBytes(int64(len(raw)))
		for b.Loop() {
			if err := readRaw(in, m, r); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("hextile", func(b *testing.B) {
		in, m := bufio.NewReaderSize(&repeat{b: tiles}, 64<<10), blank(nil, r)
		b.SetBytes(int64(len(raw)))
		for b.Loop() {
			if err := readHextile(in, m, r); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkKey sends key events over a Unix socket whose other end discards
// them: one by one as ours, in batches of 16, and as go-vnc does it alone.
func BenchmarkKey(b *testing.B) {
	listener, err := net.Listen("unix", b.TempDir()+"/s")
	if err != nil {
		b.Skip(err)
	}
	defer listener.Close()
	hello := append([]byte("RFB 003.008\n\x01\x01\x00\x00\x00\x00"), 0, 1, 0, 1, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0, 0, 0, 0, 0)
	ack := binary.BigEndian.AppendUint32([]byte{0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0}, 0xfffffefe) // -258
	connect := func(b *testing.B, says []byte) net.Conn {
		nc, err := net.Dial("unix", listener.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		server, err := listener.Accept()
		if err != nil {
			b.Fatal(err)
		}
		go func() {
			defer server.Close()
			server.Write(says)
			io.Copy(io.Discard, server)
		}()
		return nc
	}
	ours := func(batch int) func(*testing.B) {
		return func(b *testing.B) {
			c, err := NewConn(b.Context(), connect(b, append(append([]byte(nil), hello...), ack...)), nil)
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			events := make([]KeyEvent, batch)
			for i := range events {
				events[i] = KeyEvent{Keysym: 'a', Code: 0x1e, Down: i%2 == 0}
			}
			for n := 0; b.Loop(); n++ {
				if n%batch != 0 {
					continue // so that one loop is one event
				}
				if err := c.Keys(events...); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	b.Run("one", ours(1))
	b.Run("batch16", ours(16))
	b.Run("go-vnc", func(b *testing.B) {
		c, err := govnc.Client(connect(b, hello), &govnc.ClientConfig{})
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		for b.Loop() {
			if err := c.KeyEvent('a', true); err != nil {
				b.Fatal(err)
			}
		}
	})
}
