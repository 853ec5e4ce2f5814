package imagebuild

import (
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/bootscribe/bootscribe/keyseq"
	"github.com/bootscribe/bootscribe/qemu"
)

const (
	serialPatience = 2 * time.Second
	// serialTries is how many lines may stay without an echo until none is
	// expected any more.
	serialTries = 3
	// serialPause is what passes after each character where nothing echoes: a
	// terminal of 1200 baud.
	serialPause = 8 * time.Millisecond
	// keyAnswer is how long the guest has to answer a key that has no echo, such
	// as an arrow in a menu.
	keyAnswer = 100 * time.Millisecond
	// escAnswer is that for Escape, with which other keys begin: what follows too
	// soon is taken for a part of one.
	escAnswer = time.Second
)

// serialTypist sends to the serial port at the pace of the echo.
type serialTypist struct {
	console *qemu.Console
	o       *SerialOptions
	observe func(Event)

	mode   qemu.Mode // the one that was told last
	silent bool      // nothing has echoed in this line
	misses int       // how many lines have been silent, one after the other
}

func (t *serialTypist) enter(mode qemu.Mode, reason string) {
	if t.mode != mode {
		t.mode = mode
		t.observe(Typing{Mode: mode, Reason: reason})
	}
}

// send is keyseq.Line.Send.
func (t *serialTypist) send(ctx context.Context, taps []keyseq.Tap) error {
	if t.o.Interval > 0 {
		t.enter(qemu.ModeInterval, "an interval was asked for")
		return t.sendSlowly(ctx, taps, t.o.Interval)
	}
	if t.o.Secret {
		t.enter(qemu.ModeInterval, "what is typed is secret")
		return t.sendSlowly(ctx, taps, serialPause)
	}
	if !taps[0].Shows {
		return t.sendKey(ctx, taps[0])
	}
	if t.silent || t.misses >= serialTries {
		return t.sendSlowly(ctx, taps, serialPause)
	}
	return t.sendText(ctx, taps)
}

func (t *serialTypist) sendSlowly(ctx context.Context, taps []keyseq.Tap, each time.Duration) error {
	for _, tap := range taps {
		if err := t.console.Send(ctx, tap.Bytes); err != nil {
			return err
		}
		if err := pause(ctx, each); err != nil {
			return err
		}
	}
	return nil
}

// sendText waits until all characters have come back, among whatever else the
// guest writes.
func (t *serialTypist) sendText(ctx context.Context, taps []keyseq.Tap) error {
	var bytes []byte
	var echo []string
	for _, tap := range taps {
		bytes = append(bytes, tap.Bytes...)
		echo = append(echo, regexp.QuoteMeta(string(tap.Bytes)))
	}
	re := regexp.MustCompile("(?s)" + strings.Join(echo, ".*?"))
	next := t.console.Next()
	if err := t.console.Send(ctx, bytes); err != nil {
		return err
	}
	echoes, err := answers(ctx, next, re, t.patience())
	switch {
	case err != nil:
		return err
	case echoes:
		t.misses = 0
		t.enter(ModeEcho, "the serial line echoes")
	default:
		t.silent = true
		t.misses++
		t.enter(qemu.ModeInterval, "the serial line does not echo")
	}
	return nil
}

// sendKey gives the guest time to answer a key. Enter begins a line, which may
// echo again.
func (t *serialTypist) sendKey(ctx context.Context, tap keyseq.Tap) error {
	next := t.console.Next()
	if err := t.console.Send(ctx, tap.Bytes); err != nil {
		return err
	}
	limit := keyAnswer
	switch string(tap.Bytes) {
	case "\r":
		t.silent = false
		if t.misses < serialTries {
			limit = t.patience()
		}
	case "\x1b":
		limit = escAnswer
	}
	_, err := answers(ctx, next, anything, limit)
	return err
}

func (t *serialTypist) patience() time.Duration {
	if t.o.Patience > 0 {
		return t.o.Patience
	}
	return serialPatience
}
