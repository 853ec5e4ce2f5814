package view

import (
	"errors"
	"fmt"
	"image"
	"image/draw"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/bootscribe/bootscribe/imagebuild"
)

// Finish ends the recording. Give it what Run has returned: nil means that the
// build has succeeded, and the trace is removed unless RecordConfig.Keep is
// Always. Its own error says what of the trace could not be written. It waits
// for the Recorder's goroutine, and may be called twice; the first call counts.
func (r *Recorder) Finish(failed error) error {
	r.finish.Do(func() {
		if err := r.end(failed); err != nil {
			r.result = fmt.Errorf("view: record %s: %w", r.dir, err)
		}
	})
	return r.result
}

func (r *Recorder) end(failed error) error {
	r.mu.Lock()
	r.over = true // no look at the screen begins after this
	r.mu.Unlock()
	r.stop()
	r.looks.Wait()

	end := entry{Kind: kindEnd, Err: errText(failed)}
	if end.Fail = newFailure(failed); end.Fail != nil {
		end.Fail.File = r.last(failed)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	end.T = r.now()
	r.write(end)
	err := errors.Join(r.err, r.close())
	if failed == nil && r.keep == OnFailure {
		err = errors.Join(err, r.remove())
	}
	return err
}

// close closes the files.
func (r *Recorder) close() error {
	var errs []error
	for _, f := range []*logFile{r.events, r.serial, r.requests} {
		if f != nil {
			errs = append(errs, f.file.Close())
		}
	}
	return errors.Join(errs...)
}

// last keeps the picture that a StepError has, and returns its file.
func (r *Recorder) last(failed error) string {
	var step *imagebuild.StepError
	if !errors.As(failed, &step) || step.Frame == nil {
		return ""
	}
	return r.see(toRGBA(step.Frame))
}

// escape matches what a terminal would not show (ECMA-48 §5.4 and §8.3).
var escape = regexp.MustCompile("\x1b(\\[[0-?]*[ -/]*[@-~]?|[]PX^_][^\x07\x1b]*(\x07|\x1b\\\\)?|[ -/]*[0-~]?)")

// readable returns what a guest has written without what only a terminal knows
// how to read, and without lines that are empty then.
func readable(console string) string {
	var lines []string
	for line := range strings.Lines(escape.ReplaceAllString(strings.ToValidUTF8(console, "\uFFFD"), "")) {
		line = strings.TrimRightFunc(strings.Map(func(r rune) rune {
			if unicode.IsControl(r) && r != '\t' {
				return -1
			}
			return r
		}, line), unicode.IsSpace)
		if line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func toRGBA(img image.Image) *image.RGBA {
	if rgba, ok := img.(*image.RGBA); ok && rgba.Rect.Min == (image.Point{}) {
		return rgba
	}
	out := image.NewRGBA(image.Rectangle{Max: img.Bounds().Size()})
	draw.Draw(out, out.Rect, img, img.Bounds().Min, draw.Src)
	return out
}

// remove removes what this Recorder has made, and nothing else.
func (r *Recorder) remove() error {
	var errs []error
	for _, k := range r.frames.kept {
		errs = append(errs, os.Remove(filepath.Join(r.dir, filepath.FromSlash(k.name))))
	}
	for _, path := range slices.Backward(r.made) {
		errs = append(errs, os.Remove(path))
	}
	return errors.Join(errs...)
}

// The names of the files of a trace.
const (
	eventsName   = "events.jsonl"
	serialName   = "serial.log"
	requestsName = "http.log"
)

// logFile is a file of a trace that stops to grow when it has used its room.
type logFile struct {
	file *os.File
	room int64
}

// write writes a line as long as there is room, or in any case.
func (l *logFile) write(line []byte, always bool) error {
	if int64(len(line)) > l.room && !always {
		l.room = 0 // so that no shorter line follows a gap
		return nil
	}
	l.room -= int64(len(line))
	_, err := l.file.Write(line)
	return err
}
