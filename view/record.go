package view

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/vnc"
)

// Keep says when a trace stays after the build.
type Keep int

// When a trace stays.
const (
	OnFailure Keep = iota // after a build that has failed
	Always                // after every build
)

// RecordConfig says what a Recorder writes and where.
type RecordConfig struct {
	// Dir is the directory of the trace. It must not exist, or be empty; its
	// parent must exist. Required.
	Dir string

	// Title is what the build is called in reports; empty means "Build".
	Title string

	// Keep says when the trace stays. The zero value is OnFailure: after a
	// build that has succeeded it is removed.
	Keep Keep

	// Interval is the shortest time between two looks at the screen; 0 means
	// half a second.
	Interval time.Duration

	// Max is how many bytes the trace may take; 0 means 18 MiB. At least 1 MiB.
	Max int64
}

const (
	defaultInterval = 500 * time.Millisecond
	defaultMax      = 18 << 20
	leastMax        = 1 << 20
)

// check returns all that is wrong.
func (c *RecordConfig) check() error {
	var errs []error
	if c.Dir == "" {
		errs = append(errs, errors.New("view: RecordConfig.Dir: is empty; name a directory that does not exist yet"))
	}
	if c.Keep != OnFailure && c.Keep != Always {
		errs = append(errs, fmt.Errorf("view: RecordConfig.Keep: %d is not known; use OnFailure or Always", c.Keep))
	}
	if c.Interval < 0 {
		errs = append(errs, fmt.Errorf("view: RecordConfig.Interval: %v is negative; use 0 for %v", c.Interval, defaultInterval))
	}
	if c.Max != 0 && c.Max < leastMax {
		errs = append(errs, fmt.Errorf("view: RecordConfig.Max: %d bytes are too few; use at least %d, or 0 for %d", c.Max, leastMax, defaultMax))
	}
	return errors.Join(errs...)
}

// Recorder writes the trace of one build. Give its Observe to the build, and
// call Finish when the build's Run has returned.
type Recorder struct {
	keep     Keep
	interval time.Duration
	began    time.Time
	stop     context.CancelFunc
	life     context.Context // of the looks at the screen
	looks    sync.WaitGroup
	frames   frames

	finish sync.Once
	result error // of Finish

	mu       sync.Mutex
	dir      string
	made     []string // what this Recorder has made, besides pictures
	events   *logFile
	serial   *logFile
	requests *logFile
	thinner  thinner
	blinks   blinks
	told     int   // entries of frames
	err      error // the first that writing has met
	over     bool  // Finish was called
}

// Record begins a trace. The configuration is copied.
func Record(config *RecordConfig) (*Recorder, error) {
	var c RecordConfig
	if config != nil {
		c = *config
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.Interval == 0 {
		c.Interval = defaultInterval
	}
	if c.Max == 0 {
		c.Max = defaultMax
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("view: record: %w", err)
	}
	r := &Recorder{keep: c.Keep, interval: c.Interval, began: time.Now(), dir: dir}
	r.frames = frames{dir: dir, max: c.Max * 2 / 3}
	r.life, r.stop = context.WithCancel(context.Background())
	if err := r.create(c.Max); err != nil {
		return nil, errors.Join(fmt.Errorf("view: record: %w", err), r.close(), r.remove())
	}
	began := r.began.Round(0)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.write(entry{Kind: kindStart, Name: title(c.Title), Time: &began})
	return r, nil
}

func title(s string) string {
	if s == "" {
		return "Build"
	}
	return s
}

// create makes the directory and its files.
func (r *Recorder) create(room int64) error {
	switch err := os.Mkdir(r.dir, 0o700); {
	case err == nil:
		r.made = append(r.made, r.dir)
	case !errors.Is(err, fs.ErrExist):
		return err
	}
	switch there, err := os.ReadDir(r.dir); {
	case err != nil:
		return err
	case len(there) > 0:
		return fmt.Errorf("%s is not empty; name a directory that does not exist yet", r.dir)
	}
	pictures := filepath.Join(r.dir, framesDir)
	if err := os.Mkdir(pictures, 0o700); err != nil {
		return err
	}
	r.made = append(r.made, pictures)
	for _, f := range []struct {
		log  **logFile
		name string
		room int64
	}{
		{&r.events, eventsName, room / 6},
		{&r.serial, serialName, room / 12},
		{&r.requests, requestsName, room / 24},
	} {
		path := filepath.Join(r.dir, f.name)
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
		if err != nil {
			return err
		}
		*f.log = &logFile{file, f.room}
		r.made = append(r.made, path)
	}
	return nil
}

// Observe records an event. It is for imagebuild.Build.Observe, may be called
// from any goroutine, and does not wait for the screen. A failure to write ends
// the recording, and is what Finish returns.
func (r *Recorder) Observe(e imagebuild.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return
	}
	line := describe(e)
	line.T = r.now()
	if r.thinner.keep(line) {
		r.write(line)
	}
	if opened, ok := e.(imagebuild.ScreenOpened); ok && opened.VNC != nil {
		r.looks.Go(func() { r.watch(r.life, opened.VNC) })
	}
}

func (r *Recorder) now() int64 { return time.Since(r.began).Milliseconds() }

// write adds an entry to the files. The caller holds r.mu.
func (r *Recorder) write(e entry) {
	if r.err != nil {
		return
	}
	line, err := json.Marshal(e)
	if err == nil {
		err = r.events.write(append(line, '\n'), e.lasting())
	}
	stamp := func() string { return fmt.Sprintf("%10.3f  %s\n", float64(e.T)/1000, e.Text) }
	switch {
	case err != nil:
	case e.Kind == kindSerial:
		err = r.serial.write([]byte(stamp()), false)
	case e.Kind == kindRequest:
		err = r.requests.write([]byte(stamp()), false)
	}
	r.err = err
}

// watch looks at the screen whenever it has changed, until the connection or
// ctx ends.
func (r *Recorder) watch(ctx context.Context, conn *vnc.Conn) {
	var seen uint64
	for {
		_, err := conn.WaitUpdate(ctx, seen)
		// What has come before the end is there to be seen after it.
		if conn.Seq() > seen {
			var s shot // the connection needs no other memory while it is written
			conn.Look(func(frame *image.RGBA, seq uint64) { s, seen = r.frames.take(frame), seq })
			r.record(s)
		}
		if err != nil {
			return
		}
		pause := time.NewTimer(r.pace())
		select {
		case <-pause.C:
		case <-conn.Done():
			pause.Stop()
		case <-ctx.Done():
			pause.Stop()
		}
	}
}

// pace returns how long to wait until the next look: longer when pictures had to
// go, and when there were many looks, each of which takes a line.
func (r *Recorder) pace() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.interval << min(r.frames.thinned()+r.told/manyLooks, 10)
}

// manyLooks is an hour's worth at two a second.
const manyLooks = 2 * 60 * 60

// see records a picture of the screen, and returns its file.
func (r *Recorder) see(img *image.RGBA) string { return r.record(r.frames.take(img)) }

func (r *Recorder) record(s shot) string {
	at := r.now()
	name, err := r.frames.add(s)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err != nil && r.err == nil:
		r.err = err
	case name != "" && err == nil && r.blinks.news(name, at):
		r.told++
		r.write(entry{T: at, Kind: kindFrame, File: name})
	}
	return name
}
