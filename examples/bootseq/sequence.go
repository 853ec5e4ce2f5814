package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"time"

	"github.com/bootscribe/bootscribe/httpserve"
	"github.com/bootscribe/bootscribe/keyseq"
	"github.com/bootscribe/bootscribe/vnc"
)

// answerFile is the name that the answer file is served under.
const answerFile = "preseed.cfg"

// still is how long a screen has to stay as it is to be taken for drawn.
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
	menu, err := s.drawn(ctx, 0)
	if err != nil {
		return fmt.Errorf("waiting for the boot menu: %w", err)
	}
	s.say("leaving the menu")
	if err := s.play(ctx, keyseq.Sequence{keyseq.Press{Key: keyseq.Key{Name: "esc"}}}); err != nil {
		return err
	}
	if _, err := s.drawn(ctx, menu); err != nil {
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

func (s *sequence) say(what string) {
	if s.Say != nil {
		s.Say(what)
	}
}

// drawn waits until something newer than a frame is on the screen and stays
// there, and returns the number of that frame. Black is nothing.
func (s *sequence) drawn(ctx context.Context, after uint64) (uint64, error) {
	for {
		seq, err := s.Conn.WaitUpdate(ctx, after)
		if err != nil {
			return 0, err
		}
		quiet, cancel := context.WithTimeout(ctx, still)
		_, err = s.Conn.WaitUpdate(quiet, seq)
		cancel()
		switch {
		case err == nil: // it goes on changing
		case ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded):
			return 0, err
		case !black(s.Conn.Screen()):
			return seq, nil
		}
		after = seq
	}
}

func black(m *image.RGBA) bool {
	for i := 0; i < len(m.Pix); i += 4 {
		if m.Pix[i]|m.Pix[i+1]|m.Pix[i+2] != 0 {
			return false
		}
	}
	return true
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
