package imagebuild

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/bootscribe/bootscribe/keyseq"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/screen"
)

// ModeEcho waits until what was typed is seen on the screen, each character at
// its place. It needs nothing but VNC, and is for a [Typist] without a VM.
const ModeEcho qemu.Mode = "echo"

// vncPatience is how long a guest may take no key.
const vncPatience = 30 * time.Second

// vncPacer says when a guest has room for more keys, by what a VNC server alone
// tells: the screen and the keyboard's lights. It is a keyseq.Pacer; one batch
// of strokes is on its way at a time.
type vncPacer struct {
	t        *Typist
	secret   bool
	asked    qemu.Mode // the one to use; empty chooses
	patience time.Duration
	shows    []rune // what the strokes of the sequence show; 0 for what cannot be foretold

	mode   qemu.Mode
	failed map[qemu.Mode]string // the modes that do not hold, and why
	way    vncWay               // that the batch on its way was sent by; nil for none
	given  int                  // strokes let go
	known  int                  // of these, those that the guest is known to have taken

	sight  sight
	echo   *echoWay
	lights *lightWay
	blind  *blindWay
}

// vncWay is a mode at work.
type vncWay interface {
	// batch returns how many of next can go, at least one. It is called when
	// all before has been settled.
	batch(ctx context.Context, next []keyseq.Stroke, shows []rune) (int, error)
	// settle waits until the batch is taken, and reports whether that is known
	// and not only hoped for.
	settle(ctx context.Context) (known bool, err error)
}

// unfitError says that a mode does not hold here.
type unfitError string

func (e unfitError) Error() string { return string(e) }

// newVNCPacer returns what paces a sequence.
func (t *Typist) newVNCPacer(seq keyseq.Sequence, o *TypeOptions) *vncPacer {
	if t.reader == nil {
		t.reader = &screen.Reader{Fonts: t.Fonts}
		if t.Fonts == nil {
			t.reader.Fonts = screen.SystemFonts()
		}
	}
	p := &vncPacer{t: t, secret: o.Secret, asked: o.Mode, patience: o.Patience, shows: shown(seq), failed: map[qemu.Mode]string{}}
	if p.patience == 0 {
		p.patience = vncPatience
	}
	p.sight = sight{conn: t.VNC, reader: t.reader}
	p.blind = &blindWay{p: p}
	p.echo = &echoWay{p: p, at: -1}
	p.lights = &lightWay{p: p}
	if p.secret {
		p.failed[ModeEcho] = "what is typed is secret"
	}
	return p
}

// Pace implements keyseq.Pacer.
func (p *vncPacer) Pace(ctx context.Context, next []keyseq.Stroke) (int, error) {
	n, err := p.pace(ctx, next)
	if err != nil {
		return 0, &qemu.PaceError{Mode: p.mode, Sent: p.given, Untaken: p.Untaken(), Err: err}
	}
	return n, nil
}

// Untaken implements keyseq.Pacer.
func (p *vncPacer) Untaken() int { return p.given - p.known }

func (p *vncPacer) pace(ctx context.Context, next []keyseq.Stroke) (int, error) {
	if err := p.settle(ctx); err != nil {
		return 0, err
	}
	if len(next) == 0 {
		p.echo.forget() // the screen may be another one after a wait
		return 0, nil
	}
	for {
		mode, reason := p.fitting(next[0])
		if mode != ModeEcho {
			p.echo.forget() // what comes next moves the cursor
		}
		way := p.ways()[mode]
		n, err := way.batch(ctx, next, p.ahead(len(next)))
		if p.unfit(mode, err) {
			continue
		}
		if err != nil {
			return 0, err
		}
		p.enter(mode, reason)
		p.way = way
		p.given += n
		return n, nil
	}
}

func (p *vncPacer) ways() map[qemu.Mode]vncWay {
	return map[qemu.Mode]vncWay{ModeEcho: p.echo, qemu.ModeLEDs: p.lights, qemu.ModeInterval: p.blind}
}

// settle waits for the batch on its way. If its way turns out not to hold, time
// is all that is left to wait for.
func (p *vncPacer) settle(ctx context.Context) error {
	for p.way != nil {
		known, err := p.way.settle(ctx)
		if p.unfit(p.mode, err) {
			p.way = p.blind
			continue
		}
		if err != nil {
			return err
		}
		if known {
			p.known = p.given // in order: all before has been taken too
		}
		p.way = nil
	}
	return nil
}

// unfit takes note of a mode that does not hold.
func (p *vncPacer) unfit(mode qemu.Mode, err error) bool {
	var u unfitError
	if !errors.As(err, &u) || p.asked != "" && p.asked == mode {
		return false
	}
	p.failed[mode] = u.Error()
	return true
}

// ahead returns what the next n strokes show.
func (p *vncPacer) ahead(n int) []rune {
	shows := make([]rune, n)
	if p.given < len(p.shows) {
		copy(shows, p.shows[p.given:])
	}
	return shows
}

// fitting returns the mode that fits the next stroke, the best first, and why.
func (p *vncPacer) fitting(next keyseq.Stroke) (qemu.Mode, string) {
	if p.asked != "" {
		return p.wanted(next)
	}
	text := p.ahead(1)[0] != 0
	why, failed := p.failed[ModeEcho]
	switch {
	case text && !failed:
		return ModeEcho, "what is typed can be seen on the screen"
	case !text:
		why = "the key shows nothing that could be foretold"
		if p.echo.fails > 0 && p.echo.fails < echoTries {
			delete(p.failed, ModeEcho) // what follows may be seen again
		}
	}
	reason := fmt.Sprintf("not %s: %s", ModeEcho, why)
	if hasLight(next) {
		return qemu.ModeInterval, reason + "; not leds: the key switches lights itself"
	}
	why, failed = p.failed[qemu.ModeLEDs]
	if !failed {
		return qemu.ModeLEDs, "Num Lock's light answers; " + reason
	}
	return qemu.ModeInterval, fmt.Sprintf("%v a key, whatever the guest does; %s; not %s: %s", blindPause, reason, qemu.ModeLEDs, why)
}

// wanted returns the mode that was asked for, or what takes its place for keys
// that it cannot be used for.
func (p *vncPacer) wanted(next keyseq.Stroke) (qemu.Mode, string) {
	switch {
	case p.asked == ModeEcho && (p.ahead(1)[0] == 0 || p.secret), p.asked == qemu.ModeLEDs && hasLight(next):
		return qemu.ModeInterval, fmt.Sprintf("%s was asked for, and cannot tell of this key", p.asked)
	}
	return p.asked, "it was asked for"
}

// enter tells of a mode, if it is another than before.
func (p *vncPacer) enter(mode qemu.Mode, reason string) {
	if mode == p.mode {
		return
	}
	p.mode = mode
	p.t.emit(Typing{Mode: mode, Reason: reason})
}

// Close leaves the keyboard's lights as they were.
func (p *vncPacer) Close(ctx context.Context) error { return p.lights.restore(ctx) }

// stalled is the error of a guest that takes no keys.
func (p *vncPacer) stalled(seen string) error {
	return fmt.Errorf("%w for %v, %s: wait until it is ready for keys", qemu.ErrKeysStalled, p.patience, seen)
}

// cost returns how many bytes a stroke takes in the queue of a PS/2 keyboard.
func cost(s keyseq.Stroke) int {
	n := 0
	for _, e := range s.Events {
		if n++; e.Code >= 0x80 {
			n++ // the prefix e0
		}
	}
	return n
}

// shown returns what each stroke of a sequence shows where it is echoed: the
// character that it types, or 0 for other keys and while a key is held that may
// change the meaning of others.
func shown(seq keyseq.Sequence) []rune {
	var all []rune
	held, caps := 0, false
	add := func(r rune, n int) {
		if held > 0 || caps || !unicode.IsPrint(r) {
			r = 0
		}
		for range n {
			all = append(all, r)
		}
	}
	for _, st := range seq {
		switch st := st.(type) {
		case keyseq.Text:
			for _, r := range st.Text {
				add(r, 1)
			}
		case keyseq.Press:
			n := max(st.Count, 1)
			add(typedBy(st.Key), n)
			if strings.EqualFold(st.Key.Name, "capsLock") && n%2 == 1 {
				caps = !caps
			}
		case keyseq.Hold:
			held++
			add(0, 1)
		case keyseq.Release:
			held = max(0, held-1)
			add(0, 1)
		}
	}
	return all
}

// typedBy returns the character that a key types, or 0.
func typedBy(k keyseq.Key) rune {
	switch strings.ToLower(k.Name) {
	case "":
		return k.Rune
	case "lt":
		return '<'
	case "gt":
		return '>'
	case "spacebar":
		return ' '
	}
	return 0
}
