package imagebuild

import (
	"context"
	"image"
	"slices"
	"time"

	"github.com/bootscribe/bootscribe/screen"
	"github.com/bootscribe/bootscribe/vnc"
)

// sight reads a machine's screen.
type sight struct {
	conn   *vnc.Conn
	reader *screen.Reader
}

// look returns what the screen says, and the number of its frame.
func (s sight) look() (text *screen.Text, seq uint64, err error) {
	s.conn.Look(func(frame *image.RGBA, now uint64) {
		seq = now
		text, err = s.reader.Read(frame)
	})
	return text, seq, err
}

// next waits for a frame after one, for at most d.
func (s sight) next(ctx context.Context, after uint64, d time.Duration) error {
	limited, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	_, err := s.conn.WaitUpdate(limited, after)
	switch {
	case err == nil || s.conn.Err() == nil && ctx.Err() == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return err
}

// still returns what the screen says when its text has not changed for a
// moment, or when it does not come to rest.
func (s sight) still(ctx context.Context) (*screen.Text, error) {
	const moment, restless = 150 * time.Millisecond, 2 * time.Second
	var last *screen.Text
	begin := time.Now()
	since := begin
	for {
		text, seq, err := s.look()
		if err != nil {
			return nil, err
		}
		if last == nil || !text.Equal(last) {
			last, since = text, time.Now()
		}
		left := moment - time.Since(since)
		if left <= 0 || time.Since(begin) > restless {
			return text, nil
		}
		if err := s.next(ctx, seq, left); err != nil {
			return nil, err
		}
	}
}

// trust says how far the light of Num Lock can be relied on.
type trust int

const (
	// A BIOS program may read the keys. A BIOS switches the light when a
	// program asks for a key, whether or not it has taken those before.
	trustNone trust = iota
	// The screen does not tell.
	trustSome
	// What draws the screen switches the light in the order of the keys.
	trustAll
)

// biosSizes are those of the screens that a PC's BIOS and its programs show.
var biosSizes = []image.Point{
	{X: 720, Y: 400}, {X: 720, Y: 350}, {X: 640, Y: 400}, {X: 640, Y: 350}, {X: 640, Y: 480},
	{X: 640, Y: 200}, {X: 320, Y: 200}, {X: 360, Y: 400},
}

// firmware finds out by the letters on the screen who reads the keyboard: those
// of UEFI's firmware and of Linux's framebuffer console are nobody else's.
func (s sight) firmware() (trust, string) {
	text, _, err := s.look()
	if err == nil {
		for _, f := range screen.Learned() {
			if f.Name == text.Font {
				return trustAll, "the screen has the letters of " + f.Name
			}
		}
	}
	width, height := s.conn.Size()
	if slices.Contains(biosSizes, image.Pt(width, height)) {
		return trustNone, "on a screen of this size a BIOS program may read the keys, and a BIOS switches the light before they are taken"
	}
	return trustSome, "the screen does not tell who reads the keys"
}
