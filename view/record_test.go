package view

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/keyseq"
)

// What a failed build leaves is a trace, and the trace makes a report.
func TestBuildFailed(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "trace")
	rec, err := Record(&RecordConfig{Dir: dir, Title: "small"})
	if err != nil {
		t.Fatal(err)
	}
	failed := run(t, smallBuild(t, giveUp()), rec.Observe)
	if !errors.Is(failed, errGivenUp) {
		t.Fatal(failed)
	}
	for range 2 {
		if err := rec.Finish(failed); err != nil {
			t.Fatal(err)
		}
	}
	read, err := readTrace(dir)
	if err != nil {
		t.Fatal(err)
	}
	checkFailure(t, read)
	serial, err := os.ReadFile(filepath.Join(dir, serialName))
	if err != nil || !strings.Contains(string(serial), "Rinstall auto=true priority=criticalW") {
		t.Errorf("serial.log: %q, %v", serial, err)
	}
	var page bytes.Buffer
	if err := Report(&page, dir); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<h1>small</h1>", errGivenUp.Error(), "Failed in step “start the installed system”", "data:image/png;base64,"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	var moving bytes.Buffer
	if err := GIF(&moving, dir); err != nil {
		t.Fatal(err)
	}
}

func checkFailure(t *testing.T, read *trace) {
	t.Helper()
	end := read.end
	if end == nil || end.Fail == nil || end.Fail.Step != "start the installed system" || !strings.Contains(end.Err, errGivenUp.Error()) {
		t.Fatalf("the end: %+v", end)
	}
	if data, err := read.picture(end.Fail.File); data == nil || err != nil {
		t.Errorf("the failure's picture %q: %d bytes, %v", end.Fail.File, len(data), err)
	}
	count := map[string]int{}
	for i, e := range read.entries {
		count[e.Kind]++
		if i > 0 && e.Kind != kindFrame && e.T < read.entries[i-1].T-1000 {
			t.Errorf("entry %d is of %d ms, the one before of %d", i, e.T, read.entries[i-1].T)
		}
	}
	for _, kind := range []string{kindStart, kindPhase, kindPhaseDone, kindStep, kindStepDone, kindMachine, kindScreen, kindTyping, kindTyped, kindSerial, kindFrame, kindEnd} {
		if count[kind] == 0 {
			t.Errorf("there is no entry of kind %s, but %v", kind, count)
		}
	}
}

// After a build that has succeeded, nothing stays that was not asked for, and
// nothing goes that is not the Recorder's.
func TestKeep(t *testing.T) {
	for _, tt := range []struct {
		keep   Keep
		failed error
		mine   bool // the directory was there
		want   []string
	}{
		{OnFailure, nil, false, nil},
		{OnFailure, nil, true, []string{"trace"}},
		{OnFailure, errGivenUp, false, []string{"trace", "trace/events.jsonl", "trace/frames", "trace/frames/000001.png", "trace/http.log", "trace/serial.log"}},
		{Always, nil, false, []string{"trace", "trace/events.jsonl", "trace/frames", "trace/frames/000001.png", "trace/http.log", "trace/serial.log"}},
	} {
		parent := t.TempDir()
		dir := filepath.Join(parent, "trace")
		if tt.mine {
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		rec, err := Record(&RecordConfig{Dir: dir, Keep: tt.keep})
		if err != nil {
			t.Fatal(err)
		}
		rec.see(picture(1))
		if err := rec.Finish(tt.failed); err != nil {
			t.Fatal(err)
		}
		rec.Observe(imagebuild.ConsoleLine{Line: "too late"})
		if diff := cmp.Diff(tt.want, tree(t, parent)); diff != "" {
			t.Errorf("%+v: %s", tt, diff)
		}
	}
}

func tree(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, _ fs.DirEntry, err error) error {
		if path != "." {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// picture returns a picture of 320 by 200 pixels that is hard to compress.
func picture(n uint64) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, 320, 200))
	random := rand.New(rand.NewPCG(n, n))
	for i := 0; i < len(img.Pix); i += 4 {
		grey := uint8(random.IntN(256))
		img.Pix[i], img.Pix[i+1], img.Pix[i+2], img.Pix[i+3] = grey, grey, grey, 0xff
	}
	return img
}

func TestRecordErrors(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		config *RecordConfig
		want   []string
	}{
		{nil, []string{"RecordConfig.Dir"}},
		{&RecordConfig{Keep: 7, Interval: -1, Max: 1}, []string{"Dir", "Keep", "Interval", "Max"}},
		{&RecordConfig{Dir: full}, []string{"not empty"}},
		{&RecordConfig{Dir: filepath.Join(full, "none", "trace")}, []string{"none"}},
	} {
		_, err := Record(tt.config)
		for _, want := range tt.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%+v: %v, want %q", tt.config, err, want)
			}
		}
	}
	if got := tree(t, full); !cmp.Equal(got, []string{"mine"}) {
		t.Errorf("left: %v", got)
	}
}

// A trace of whatever length has a bounded size, and its pictures are from all
// over the build.
func TestMax(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "trace")
	rec, err := Record(&RecordConfig{Dir: dir, Max: 1 << 20, Keep: Always})
	if err != nil {
		t.Fatal(err)
	}
	const looks = 24 // 64 KiB each
	for i := range looks {
		rec.see(picture(uint64(i)))
		for n := range 200 {
			rec.Observe(imagebuild.ConsoleLine{Line: fmt.Sprint(n, strings.Repeat("x", 80))})
		}
	}
	rec.Observe(imagebuild.StepDone{Step: "the last"})
	if err := rec.Finish(errGivenUp); err != nil {
		t.Fatal(err)
	}
	var size int64
	for _, name := range tree(t, dir) {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().IsRegular() {
			size += info.Size()
		}
	}
	if size > 1<<20 {
		t.Errorf("the trace has %d bytes", size)
	}
	read, err := readTrace(dir)
	if err != nil {
		t.Fatal(err)
	}
	page, err := newReport(read)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(page.pictures); n < 4 || n > 12 {
		t.Errorf("%d pictures are left", n)
	}
	if last := page.Bars; len(last) != 0 || read.end == nil {
		t.Errorf("bars: %v, end: %v", last, read.end)
	}
}

// A picture is written once, exactly, and a cursor that blinks is not told for ever.
func TestFrames(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "trace")
	rec, err := Record(&RecordConfig{Dir: dir, Keep: Always})
	if err != nil {
		t.Fatal(err)
	}
	colours := image.NewRGBA(image.Rect(0, 0, 300, 300))
	for i := range 300 * 300 {
		colours.SetRGBA(i%300, i/300, color.RGBA{uint8(i), uint8(i >> 8), uint8(i >> 4), 0xff})
	}
	rec.see(colours)
	for range 20 {
		rec.see(picture(1))
		rec.see(picture(2))
	}
	if err := rec.Finish(nil); err != nil {
		t.Fatal(err)
	}
	read, err := readTrace(dir)
	if err != nil {
		t.Fatal(err)
	}
	var entries int
	for _, e := range read.entries {
		if e.Kind == kindFrame {
			entries++
		}
	}
	if entries < 4 || entries > 10 {
		t.Errorf("%d entries for a blinking cursor", entries)
	}
	for n, want := range []*image.RGBA{colours, picture(1), picture(2)} {
		data, err := read.picture(fmt.Sprintf("frames/%06d.png", n+1))
		if err != nil {
			t.Fatal(err)
		}
		got, err := png.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(toRGBA(got).Pix, want.Pix) {
			t.Errorf("picture %d has other pixels", n)
		}
	}
}

// The more there was to see, the less often it is looked at.
func TestPace(t *testing.T) {
	r := &Recorder{interval: time.Second}
	for _, tt := range []struct {
		halved, told int
		want         time.Duration
	}{{0, 0, 1}, {0, manyLooks, 2}, {2, 0, 4}, {1, 2 * manyLooks, 8}, {40, 40 * manyLooks, 1024}} {
		r.frames.halved, r.told = tt.halved, tt.told
		if got := r.pace(); got != tt.want*time.Second {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}

func TestThinner(t *testing.T) {
	var h thinner
	var kept []int64
	for i := range int64(101) {
		e := describe(imagebuild.Typed{Progress: keyseq.Progress{Index: int(i), Total: 100}})
		if e.T = 10 * i; h.keep(e) {
			kept = append(kept, i)
		}
	}
	if want := []int64{0, 25, 50, 75, 100}; !cmp.Equal(kept, want) {
		t.Errorf("kept %v, want %v", kept, want)
	}
	h = thinner{}
	for range 2 {
		if !h.keep(entry{Kind: kindSerial}) {
			t.Error("a line was left out")
		}
	}
}

func TestReadable(t *testing.T) {
	const console = "\x1b[1;24r\x1b[4l\x1b)0\x1b[?25lLoading\x0e\x0f\r\n\r\n\x1b[K\n\x1b]0;title\x07boot: \xff\n\x1b"
	if got, want := readable(console), "Loading\nboot: \uFFFD"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
