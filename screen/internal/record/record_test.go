package record

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/screen"
)

// Fixtures are made by running guests:
//
//	go test ./screen/internal/record -run TestRecord -record '.*' -timeout 1h
//
// A picture of text mode is kept with the guest's text memory, which says what
// is right; what the others should say is checked by eye, and against the
// guest's serial line where it has the same text.
var record = flag.Bool("record", false, "run guests and write their screens to testdata")

// shot is a fixture and how to get there.
type shot struct {
	name string
	vm   func(t *testing.T, dir string) *qemu.Config
	// do plays the way; each step is "wait TEXT" (in text memory or on the
	// serial line), "shows TEXT" (in a row of the screen, as package screen reads
	// it), "still" (nothing has changed for 4 s), "send TEXT" (on the serial
	// line), "save NAME", or else a key for QEMU's sendkey.
	do []string
}

func TestRecord(t *testing.T) {
	if !*record {
		t.Skip("writes fixtures only with -record")
	}
	need.Tool(t, "qemu-system-x86_64")
	for _, s := range shots {
		t.Run(s.name, func(t *testing.T) { s.run(t) })
	}
}

func (s shot) run(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	cfg := s.vm(t, t.TempDir())
	cfg.Accel = qemu.TCG
	vm, err := qemu.Start(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer vm.Close()
	g := guest{t, ctx, vm}
	for _, step := range s.do {
		verb, rest, _ := strings.Cut(step, " ")
		switch verb {
		case "wait":
			g.wait(rest)
		case "shows":
			g.shows(rest)
		case "still":
			g.still()
		case "send":
			if err := vm.Console().Send(ctx, []byte(rest+"\n")); err != nil {
				t.Fatal(err)
			}
		case "pause":
			g.pause(45 * time.Second)
		case "save":
			g.save(rest)
		case "type":
			for _, r := range rest {
				g.key(keyOf(r))
			}
		default:
			g.key(step)
		}
	}
}

type guest struct {
	t   *testing.T
	ctx context.Context
	vm  *qemu.VM
}

func (g guest) key(name string) {
	out, err := g.vm.QMP().HMP(g.ctx, "sendkey "+name)
	if err != nil || out != "" {
		g.t.Fatal(name, out, err)
	}
	if err := g.vm.KeysTaken(g.ctx); err != nil {
		g.t.Log("key", name, err)
	}
	g.pause(60 * time.Millisecond)
}

func keyOf(r rune) string {
	if name, ok := map[rune]string{' ': "spc", '=': "equal", '-': "minus", '.': "dot", '/': "slash", '\n': "ret", ':': "shift-semicolon", '_': "shift-minus"}[r]; ok {
		return name
	}
	if r >= 'A' && r <= 'Z' {
		return "shift-" + string(r+32)
	}
	return string(r)
}

func (g guest) wait(text string) {
	for !strings.Contains(string(g.memory()), text) && !strings.Contains(g.vm.Console().Tail(1<<16), text) {
		g.pause(300 * time.Millisecond)
	}
}

func (g guest) shows(text string) {
	var reader screen.Reader
	for {
		read, err := reader.Read(g.frame())
		if err != nil {
			g.t.Fatal(err)
		}
		if strings.Contains(read.String(), text) {
			return
		}
		g.pause(2 * time.Second)
	}
}

func (g guest) pause(d time.Duration) {
	select {
	case <-g.ctx.Done():
		if m, err := g.vm.Screendump(context.Background()); err == nil {
			writePNG(g.t, filepath.Join(os.TempDir(), "screen-failed.png"), m)
		}
		g.t.Fatalf("%v; console: %q", g.ctx.Err(), g.vm.Console().Tail(2000))
	case <-time.After(d):
	}
}

func (g guest) still() {
	last, since := g.frame(), time.Now()
	for time.Since(since) < 4*time.Second {
		g.pause(500 * time.Millisecond)
		now := g.frame()
		if differ(last, now) > 300 {
			last, since = now, time.Now()
		}
	}
}

func (g guest) frame() image.Image {
	m, err := g.vm.Screendump(g.ctx)
	if err != nil {
		g.t.Fatal(err)
	}
	return m
}

// differ counts pixels, for which a cursor's few do not matter.
func differ(a, b image.Image) int {
	if a.Bounds() != b.Bounds() {
		return 1 << 30
	}
	n := 0
	for y := a.Bounds().Min.Y; y < a.Bounds().Max.Y; y++ {
		for x := a.Bounds().Min.X; x < a.Bounds().Max.X; x++ {
			if a.At(x, y) != b.At(x, y) {
				n++
			}
		}
	}
	return n
}

// memory returns the characters of text memory, every other byte.
func (g guest) memory() []byte {
	var text []byte
	raw := g.vga()
	for i := 0; i+1 < len(raw); i += 2 {
		text = append(text, raw[i])
	}
	return text
}

func (g guest) vga() []byte {
	path := filepath.Join(g.t.TempDir(), "vga")
	args := map[string]any{"val": 0xb8000 + 2*g.start(), "size": 4000, "filename": path}
	if err := g.vm.QMP().Execute(g.ctx, "pmemsave", args, nil); err != nil {
		g.t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		g.t.Fatal(err)
	}
	return raw
}

// start returns the cell that the screen begins with, which a console that
// scrolls moves: registers 0x0C and 0x0D of the CRT controller.
func (g guest) start() int {
	start := 0
	for _, register := range []string{"0xc", "0xd"} {
		if _, err := g.vm.QMP().HMP(g.ctx, "o/b 0x3d4 "+register); err != nil {
			g.t.Fatal(err)
		}
		out, err := g.vm.QMP().HMP(g.ctx, "i/xb 0x3d5")
		if err != nil {
			g.t.Fatal(err)
		}
		var port, value int
		if _, err := fmt.Sscanf(out, "portb[0x%x] = 0x%x", &port, &value); err != nil {
			g.t.Fatalf("%q: %v", out, err)
		}
		start = start<<8 | value
	}
	return start
}

// save writes the picture, and in text mode the memory; again if the memory
// changed in between.
func (g guest) save(name string) {
	for {
		before := g.vga()
		m := g.frame()
		g.pause(200 * time.Millisecond)
		if !bytes.Equal(before, g.vga()) {
			continue
		}
		base := filepath.Join("..", "..", "testdata", name)
		writePNG(g.t, base+".png", m)
		if w := m.Bounds().Dx(); w == 720 {
			if err := os.WriteFile(base+".vga", before, 0o644); err != nil {
				g.t.Fatal(err)
			}
		} else if tail := g.vm.Console().Tail(1 << 16); tail != "" {
			os.WriteFile(filepath.Join(os.TempDir(), "serial-"+name), []byte(tail), 0o644)
		}
		return
	}
}

// writePNG writes at most 256 colours, which is all that text needs.
func writePNG(t *testing.T, path string, m image.Image) {
	index, pal := map[color.RGBA]uint8{}, color.Palette{}
	b := m.Bounds()
	p := image.NewPaletted(b, nil)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			c := color.RGBAModel.Convert(m.At(x, y)).(color.RGBA)
			i, ok := index[c]
			if !ok && len(pal) < 256 {
				i = uint8(len(pal))
				index[c], pal = i, append(pal, c)
			}
			p.SetColorIndex(x, y, i)
		}
	}
	p.Palette = pal
	var out image.Image = p
	if len(pal) == 256 {
		out = m
	}
	var buf bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&buf, out); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, buf.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %v, %d colours, %d bytes", path, b.Size(), len(pal), buf.Len())
}

// run runs a program that makes a medium.
func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(need.Tool(t, name), args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
}
