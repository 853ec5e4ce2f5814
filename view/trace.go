package view

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// trace is what a Recorder has written.
type trace struct {
	dir     string
	title   string
	began   time.Time
	entries []entry
	end     *entry // nil if the recording was cut off
}

// longestLine is more than any line of events.jsonl has.
const longestLine = 1 << 20

// readTrace reads a trace, also one that was cut off in the middle of a line.
func readTrace(dir string) (*trace, error) {
	f, err := os.Open(filepath.Join(dir, eventsName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("view: %s is no trace: %w; a Recorder makes one", dir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("view: %w", err)
	}
	defer f.Close()
	t := &trace{dir: dir, title: title("")}
	lines := bufio.NewReaderSize(f, longestLine)
	for n := 1; ; n++ {
		line, err := lines.ReadSlice('\n')
		if err == io.EOF {
			return t, t.check()
		}
		if err == nil {
			err = t.add(line)
		}
		if err != nil {
			return nil, fmt.Errorf("view: %s: line %d: %w", f.Name(), n, err)
		}
	}
}

func (t *trace) add(line []byte) error {
	var e entry
	if err := json.Unmarshal(line, &e); err != nil {
		return err
	}
	t.entries = append(t.entries, e)
	switch e.Kind {
	case kindStart:
		t.title = title(e.Name)
		if e.Time != nil {
			t.began = *e.Time
		}
	case kindEnd:
		t.end = &e
	}
	return nil
}

func (t *trace) check() error {
	if len(t.entries) == 0 || t.entries[0].Kind != kindStart {
		return fmt.Errorf("view: %s: does not begin as a Recorder's does", filepath.Join(t.dir, eventsName))
	}
	return nil
}

// length is how long the recording is, in milliseconds and at least one.
func (t *trace) length() int64 {
	var last int64 = 1
	for _, e := range t.entries {
		last = max(last, e.T)
	}
	return last
}

// path returns where a picture is. No name leads out of the trace.
func (t *trace) path(name string) (string, error) {
	if dir, file := path.Split(name); dir != framesDir+"/" || strings.ContainsAny(file, `\:`) || !strings.HasSuffix(file, ".png") {
		return "", fmt.Errorf("view: %s: %q is no name of a picture", t.dir, name)
	}
	return filepath.Join(t.dir, filepath.FromSlash(name)), nil
}

// has reports whether a picture is there, and was not removed to save room.
func (t *trace) has(name string) (bool, error) {
	path, err := t.path(name)
	if err != nil {
		return false, err
	}
	_, err = os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("view: %w", err)
	}
	return true, nil
}

// picture returns the bytes of a picture, or nil if it was removed.
func (t *trace) picture(name string) ([]byte, error) {
	path, err := t.path(name)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("view: %w", err)
	}
	return data, nil
}

// span is a phase or a step on the timeline.
type span struct {
	Kind, Name string
	From, To   int64 // milliseconds
	Err        string
	Open       bool // it has not ended
}

// spans returns the phases and steps in the order of their beginnings.
func (t *trace) spans() []span {
	var list []span
	for _, e := range t.entries {
		switch e.Kind {
		case kindPhase, kindStep:
			list = append(list, span{Kind: e.Kind, Name: e.Name, From: e.T, To: t.length(), Open: true})
		case kindPhaseDone, kindStepDone:
			closeSpan(list, e)
		}
	}
	return list
}

// closeSpan ends the newest open span that an entry is the end of.
func closeSpan(list []span, e entry) {
	for i := len(list) - 1; i >= 0; i-- {
		s := &list[i]
		if s.Open && s.Kind+"-done" == e.Kind && s.Name == e.Name {
			s.To, s.Err, s.Open = e.T, e.Err, false
			return
		}
	}
}

// shots are what was on the screen, and when.
type shots struct {
	trace    *trace
	Pictures []string   // the names of those that are there
	Frames   [][2]int64 // time and number of the picture
}

// shots looks which pictures there are. Those that were removed are left out.
func (t *trace) shots() (*shots, error) {
	s := &shots{trace: t, Frames: [][2]int64{}}
	number := map[string]int64{} // -1 for one that was removed
	for _, e := range t.entries {
		if e.Kind != kindFrame {
			continue
		}
		n, ok := number[e.File]
		if !ok {
			there, err := t.has(e.File)
			if err != nil {
				return nil, err
			}
			n = -1
			if there {
				n = int64(len(s.Pictures))
				s.Pictures = append(s.Pictures, e.File)
			}
			number[e.File] = n
		}
		if n >= 0 {
			s.Frames = append(s.Frames, [2]int64{e.T, n})
		}
	}
	// A picture is taken before it is written, and other events come between.
	slices.SortStableFunc(s.Frames, func(a, b [2]int64) int { return cmp.Compare(a[0], b[0]) })
	return s, nil
}
