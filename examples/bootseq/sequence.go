package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bootscribe/bootscribe/httpserve"
	"github.com/bootscribe/bootscribe/keyseq"
	"github.com/bootscribe/bootscribe/vnc"
)

// answerFile is the name that the answer file is served under.
const answerFile = "preseed.cfg"

// still is how long a screen has to stay as it is to be taken for drawn; a
// cursor blinks more slowly.
const still = 200 * time.Millisecond

// command is what is typed at the prompt.
func command(url string) string {
	return "auto url=" + keyseq.Quote(url) + "/" + answerFile + "<enter>"
}

// sequence is the way from a machine that was switched on to an installer that
// has its answers.
type sequence struct {
	Conn     *vnc.Conn
	Files    *httpserve.Server
	URL      string            // of Files, as the machine knows it
	Interval time.Duration     // a pause after each key event, for machines that do not tell when they took one
	Say      func(what string) // is told of each step; nil means nobody is
}

// Run goes all the way.
func (s *sequence) Run(ctx context.Context) error {
	seq, err := keyseq.Parse(command(s.URL))
	if err != nil {
		return err
	}
	if err := seq.Check(nil); err != nil {
		return err
	}
	s.say("waiting for the boot menu")
	if err := s.drawn(ctx, menu); err != nil {
		return fmt.Errorf("waiting for the boot menu: %w", err)
	}
	s.say("leaving the menu")
	if err := s.play(ctx, keyseq.Sequence{keyseq.Press{Key: keyseq.Key{Name: "esc"}}}); err != nil {
		return err
	}
	if err := s.drawn(ctx, prompt); err != nil {
		return fmt.Errorf("waiting for the prompt: %w", err)
	}
	s.say("typing the boot command")
	if err := s.play(ctx, seq); err != nil {
		return err
	}
	s.say("waiting for the installer")
	_, err = s.Files.WaitFetch(ctx, answerFile)
	return err
}

// The boot loader draws its menu on a larger screen than those of text, which
// the firmware uses before it and the prompt after it.
const textHeight = 400

func menu(height int) bool   { return height > textHeight }
func prompt(height int) bool { return height <= textHeight }

func (s *sequence) say(what string) {
	if s.Say != nil {
		s.Say(what)
	}
}

// drawn waits until the screen has the height that is wanted and is still. That
// it is still is not enough: so is the firmware's.
func (s *sequence) drawn(ctx context.Context, wanted func(height int) bool) error {
	for seq := uint64(0); ; {
		quiet, cancel := context.WithTimeout(ctx, still)
		next, err := s.Conn.WaitUpdate(quiet, seq)
		cancel()
		_, height := s.Conn.Size()
		switch {
		case err == nil:
			seq = next
		case ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded):
			return err
		case seq > 0 && wanted(height):
			return nil
		}
	}
}

func (s *sequence) play(ctx context.Context, seq keyseq.Sequence) error {
	p := keyseq.Player{Keyboard: s.Conn, Gate: s.taken, Interval: s.Interval}
	return p.Play(ctx, seq)
}

// taken waits until the server has read the keys, if it can tell.
func (s *sequence) taken(ctx context.Context) error {
	if err := s.Conn.Fence(ctx); !errors.Is(err, vnc.ErrNoFence) {
		return err
	}
	return nil
}
