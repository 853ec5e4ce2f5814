package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/qemu"
)

// environment is where builds find what they need.
type environment struct {
	cache string // of media
	demo  string // the demo's medium
	small string // a directory with little room
	dir   string // of one build
}

// failure is a build that must fail.
type failure struct {
	name, about string
	want        string        // the error's name
	patience    time.Duration // how long the build is told to wait before it gives up

	// prepare says what to build. It may add to clock when it makes the failure
	// itself. An error of type skip says why it cannot be tried here.
	prepare func(ctx context.Context, e *environment, c *clock) (*imagebuild.Build, error)

	// appears reports whether an event is the failure's appearance.
	appears func(e imagebuild.Event) bool
}

// skip is why a failure cannot be tried.
type skip string

func (s skip) Error() string { return string(s) }

// result is what a run says, as a line of JSON.
type result struct {
	Failure  string  `json:"failure"`
	Want     string  `json:"want"`
	Got      string  `json:"got"`
	Seconds  float64 `json:"seconds"`            // from the appearance to the error
	Patience float64 `json:"patience,omitempty"` // of these, what the configuration asks for
	Total    float64 `json:"total"`              // of the whole build
	Text     string  `json:"text,omitempty"`     // the error
	Skipped  string  `json:"skipped,omitempty"`
}

// clock notes when a failure appeared.
type clock struct {
	mu sync.Mutex
	at time.Time
}

// start notes the moment, the first time.
func (c *clock) start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at.IsZero() {
		c.at = time.Now()
	}
}

func (c *clock) seconds() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at.IsZero() {
		return -1
	}
	return time.Since(c.at).Seconds()
}

// run builds, and says what came of it.
func (f *failure) run(ctx context.Context, e *environment) result {
	r := result{Failure: f.name, Want: f.want, Patience: f.patience.Seconds()}
	if err := f.try(ctx, *e, &r); err != nil {
		var s skip
		if errors.As(err, &s) {
			r.Skipped = string(s)
			return r
		}
		r.Text = err.Error()
	}
	return r
}

func (f *failure) try(ctx context.Context, e environment, r *result) error {
	dir, err := os.MkdirTemp("", "failures-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	e.dir = dir
	var c clock
	b, err := f.prepare(ctx, &e, &c)
	if err != nil {
		return err
	}
	f.complete(b, &e, &c)
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()
	began := time.Now()
	_, err = b.Run(ctx)
	r.Seconds, r.Total = c.seconds(), time.Since(began).Seconds()
	var step *imagebuild.StepError
	if errors.As(err, &step) {
		r.Got = step.Name()
	}
	if err == nil {
		return errors.New("the build has succeeded")
	}
	return err
}

// complete adds what all builds have.
func (f *failure) complete(b *imagebuild.Build, e *environment, c *clock) {
	b.Output = filepath.Join(e.dir, "out.qcow2")
	b.Fetcher.Dir = filepath.Join(e.dir, "cache")
	b.Disk.Size = max(b.Disk.Size, 1<<20)
	b.VM.Accel = qemu.TCG
	b.Observe = func(event imagebuild.Event) {
		if f.appears != nil && f.appears(event) {
			c.start()
		}
	}
}

// writes returns a failure's appears: the guest writes a text on the serial line.
func writes(text string) func(imagebuild.Event) bool {
	return func(e imagebuild.Event) bool {
		line, ok := e.(imagebuild.ConsoleLine)
		return ok && strings.Contains(line.Line, text)
	}
}

// local is a medium that is a file of this machine.
func local(path string) iso.Source { return iso.Source{URLs: []string{path}, Checksum: "none"} }
