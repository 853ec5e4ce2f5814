package view

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/imagebuild"
)

// written makes a trace of lines, and of pictures by number.
func written(t *testing.T, lines string, pictures ...image.Image) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, framesDir), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, eventsName), []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, img := range pictures {
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, framesDir, fmt.Sprintf("%06d.png", i+1)), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const startLine = `{"t":0,"kind":"start","name":"x"}` + "\n"

// A trace that is cut off is shown as far as it goes; what is none is refused.
func TestReadTrace(t *testing.T) {
	for name, tt := range map[string]struct{ lines, verdict, err string }{
		"whole":    {startLine + `{"t":5,"kind":"end"}` + "\n", "succeeded", ""},
		"failed":   {startLine + `{"t":5,"kind":"end","err":"e"}` + "\n", "failed", ""},
		"cut off":  {startLine + `{"t":5,"kind":"ph`, "cut off: the recording has no end", ""},
		"new":      {startLine + `{"t":5,"kind":"of a later version","what":1}` + "\n", "cut off: the recording has no end", ""},
		"empty":    {"", "", "does not begin"},
		"other":    {`{"t":0,"kind":"frame"}` + "\n", "", "does not begin"},
		"no JSON":  {startLine + "oops\n", "", "line 2"},
		"outside":  {startLine + `{"t":5,"kind":"frame","file":"frames/../../secret.png"}` + "\n", "", "is no name of a picture"},
		"absolute": {startLine + `{"t":5,"kind":"frame","file":"/etc/passwd"}` + "\n", "", "is no name of a picture"},
		"removed":  {startLine + `{"t":5,"kind":"frame","file":"frames/000009.png"}` + "\n", "cut off: the recording has no end", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var page bytes.Buffer
			err := Report(&page, written(t, tt.lines))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) || page.Len() > 0 {
					t.Errorf("%v, want %q; and %d bytes", err, tt.err, page.Len())
				}
				return
			}
			if err != nil || !strings.Contains(page.String(), ">"+tt.verdict+"</p>") {
				t.Errorf("%v; no verdict %q", err, tt.verdict)
			}
		})
	}
	if err := Report(&bytes.Buffer{}, t.TempDir()); err == nil || !strings.Contains(err.Error(), "is no trace") {
		t.Error(err)
	}
	if err := GIF(&bytes.Buffer{}, written(t, startLine)); err == nil || !strings.Contains(err.Error(), "no picture") {
		t.Error(err)
	}
}

// What a guest says is text in a report, and refers to nothing.
func TestReportEscapes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "trace")
	const evil = `</script><img src="http://attacker.example/x" onerror=alert(1)>`
	rec, err := Record(&RecordConfig{Dir: dir, Title: evil})
	if err != nil {
		t.Fatal(err)
	}
	rec.Observe(imagebuild.ConsoleLine{Line: evil})
	rec.Observe(imagebuild.Output{Line: evil})
	if err := rec.Finish(&imagebuild.StepError{Step: evil, Err: errors.New(evil), Console: evil, Stderr: evil}); err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	if err := Report(&page, dir); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(page.String(), "</script>"); n != 2 {
		t.Errorf("%d scripts end, want 2", n)
	}
	for _, bad := range []string{"<img src=\"http", "ZgotmplZ"} {
		if strings.Contains(page.String(), bad) {
			t.Errorf("the page has %q", bad)
		}
	}
}

// heap is a writer that knows the most memory that was in use while it was
// written to.
type heap struct{ written, looked, most uint64 }

func (h *heap) Write(p []byte) (int, error) {
	if h.written += uint64(len(p)); h.written >= h.looked {
		h.looked = h.written + 1<<20
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		h.most = max(h.most, m.HeapAlloc)
	}
	return len(p), nil
}

// A report does not have all pictures in memory.
func TestReportMemory(t *testing.T) {
	const count = 24
	noise := image.NewGray(image.Rect(0, 0, 640, 512)) // 320 KiB each
	for i := range noise.Pix {
		noise.Pix[i] = uint8(rand.Uint32())
	}
	pictures, lines := slices.Repeat([]image.Image{noise}, count), startLine
	for i := range count {
		lines += fmt.Sprintf(`{"t":%d,"kind":"frame","file":"frames/%06d.png"}`+"\n", i, i+1)
	}
	dir := written(t, lines, pictures...)
	pictures = nil
	var before, during heap
	before.Write(nil)
	if err := Report(&during, dir); err != nil {
		t.Fatal(err)
	}
	if grew := int64(during.most) - int64(before.most); during.written < 8<<20 || grew > 4<<20 {
		t.Errorf("%d bytes more memory for a report of %d", grew, during.written)
	}
}

func TestSpans(t *testing.T) {
	read, err := readTrace(written(t, startLine+`{"t":1,"kind":"phase","name":"steps"}
{"t":2,"kind":"step","name":"a"}
{"t":4,"kind":"step-done","name":"a"}
{"t":4,"kind":"step","name":"a"}
{"t":9,"kind":"step-done","name":"a","err":"no"}
{"t":10,"kind":"step-done","name":"never begun"}
{"t":11,"kind":"end","err":"no"}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []span{
		{Kind: kindPhase, Name: "steps", From: 1, To: 11, Open: true},
		{Kind: kindStep, Name: "a", From: 2, To: 4},
		{Kind: kindStep, Name: "a", From: 4, To: 9, Err: "no"},
	}
	if diff := cmp.Diff(want, read.spans()); diff != "" {
		t.Error(diff)
	}
	if b := read.bars()[0]; b.Err != "failed" || b.Left < 9 || b.Left > 10 || b.Width < 90 {
		t.Errorf("%+v", b)
	}
}

// A GIF has a bounded length, whatever the build took.
func TestGIF(t *testing.T) {
	lines := startLine
	for i := range 200 {
		lines += fmt.Sprintf(`{"t":%d,"kind":"frame","file":"frames/%06d.png"}`+"\n", 10_000*i, i%2+1)
	}
	dir := written(t, lines, image.NewGray(image.Rect(0, 0, 64, 40)), image.NewGray(image.Rect(0, 0, 32, 40)))
	var b bytes.Buffer
	if err := GIF(&b, dir); err != nil {
		t.Fatal(err)
	}
	got, err := gif.DecodeAll(&b)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, d := range got.Delay {
		sum += d
	}
	if n := len(got.Image); n != gifFrames || sum > gifLength+gifLast+gifFrames || got.Config.Width != 64 || got.Config.Height != 40 {
		t.Errorf("%d pictures of %d by %d in %d hundredths of a second", n, got.Config.Width, got.Config.Height, sum)
	}
}

// A large picture with many colours is made smaller and has fewer.
func TestGIFShrinks(t *testing.T) {
	big := image.NewRGBA(image.Rect(0, 0, 1440, 900))
	for y := range 900 {
		for x := range 1440 {
			big.SetRGBA(x, y, color.RGBA{uint8(x * 255 / 1440), uint8(y * 255 / 900), 0x80, 0xff})
		}
	}
	var b bytes.Buffer
	if err := GIF(&b, written(t, startLine+`{"t":1,"kind":"frame","file":"frames/000001.png"}`+"\n", big)); err != nil {
		t.Fatal(err)
	}
	got, err := gif.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	if got.Bounds() != image.Rect(0, 0, 720, 450) {
		t.Fatal(got.Bounds())
	}
	near := func(got uint32, want int) bool { return int(got>>8) > want-12 && int(got>>8) < want+12 }
	for _, p := range []image.Point{{180, 112}, {360, 225}, {540, 337}} {
		if r, g, b, _ := got.At(p.X, p.Y).RGBA(); !near(r, p.X*255/720) || !near(g, p.Y*255/450) || !near(b, 0x80) {
			t.Errorf("at %v: %d %d %d", p, r>>8, g>>8, b>>8)
		}
	}
}

// A GIF that is too large has fewer pictures.
func TestGIFWithin(t *testing.T) {
	lines := startLine
	var pictures []image.Image
	for i := range 12 {
		lines += fmt.Sprintf(`{"t":%d,"kind":"frame","file":"frames/%06d.png"}`+"\n", i, i+1)
		pictures = append(pictures, picture(uint64(i)))
	}
	read, err := readTrace(written(t, lines, pictures...))
	if err != nil {
		t.Fatal(err)
	}
	s, err := read.shots()
	if err != nil {
		t.Fatal(err)
	}
	const room = 300_000
	b, err := s.within(room, 20)
	if err != nil {
		t.Fatal(err)
	}
	got, err := gif.DecodeAll(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(got.Image); b.Len() > room || n < 3 || n > 10 {
		t.Errorf("%d bytes, %d pictures", b.Len(), n)
	}
}

// A picture with few colours keeps them.
func TestGIFExact(t *testing.T) {
	dir := written(t, startLine+`{"t":1,"kind":"frame","file":"frames/000001.png"}`+"\n", picture(1))
	var b bytes.Buffer
	if err := GIF(&b, dir); err != nil {
		t.Fatal(err)
	}
	got, err := gif.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(toRGBA(got).Pix, picture(1).Pix) {
		t.Error("other pixels")
	}
}
