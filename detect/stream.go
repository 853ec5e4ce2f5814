package detect

import (
	"bytes"
	"slices"
	"time"
)

const (
	maxLine   = 4 << 10                // bytes of a line that are looked at together
	overlap   = 256                    // bytes that are looked at again in what follows them
	quiet     = 200 * time.Millisecond // after it, a line without an end is looked at
	maxBlock  = 60                     // lines of a finding with an end
	blockTime = time.Second            // and how long that end is waited for
	maxSaid   = 50                     // rules that have spoken about a line that never ends
)

// stream is a channel of bytes.
type stream struct {
	ch      Channel
	escapes escapes
	line    int       // line ends so far
	text    []byte    // of the line that goes on, without what a terminal does not show
	seen    int       // how much of text was looked at
	touched time.Time // when text grew last
	said    []speaker // who has spoken about this line
	block   *block
}

// block is a finding whose end is waited for.
type block struct {
	Finding
	end   *expression
	until time.Time
}

// Feed takes what has come on a channel of bytes and returns what is found in
// the lines that it ends. Where a guest has stopped within a line, Due looks at
// what there is of it. Feed keeps nothing of p.
func (d *Detector) Feed(now time.Time, ch Channel, p []byte) []Finding {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.streams[ch]
	if s == nil {
		s = &stream{ch: ch}
		d.streams[ch] = s
	}
	for len(p) > 0 {
		p = d.step(s, now, p)
	}
	return d.take()
}

// step takes some bytes and returns the rest.
func (d *Detector) step(s *stream, now time.Time, p []byte) []byte {
	text, rest, what := s.escapes.next(p)
	if what == newline && len(s.text) == 0 && len(text) <= maxLine {
		d.lookAt(s, now, text) // most lines come whole, and need no copy
	} else {
		d.write(s, now, text)
	}
	switch what {
	case newline:
		d.look(s, now)
		s.line++
		s.text, s.seen, s.said = s.text[:0], 0, s.said[:0]
	case jump:
		d.look(s, now)
		s.text, s.seen = s.text[:0], 0
	case gap:
		d.write(s, now, []byte(" "))
	}
	return rest
}

// write adds to the line. What is too long for one look gets several.
func (d *Detector) write(s *stream, now time.Time, text []byte) {
	for len(text) > 0 {
		s.touched = now
		n := min(len(text), maxLine-len(s.text))
		s.text = append(s.text, text[:n]...)
		text = text[n:]
		if len(s.text) == maxLine {
			d.look(s, now)
			s.cut()
		}
	}
}

// cut leaves the end of the line, behind a mark, so that nothing there is taken
// for its beginning.
func (s *stream) cut() {
	const mark = "…"
	end := slices.Clone(s.text[maxLine-overlap:])
	s.text = append(append(s.text[:0], mark...), end...)
	s.seen = len(s.text)
}

// look looks at the line, if it has grown.
func (d *Detector) look(s *stream, now time.Time) {
	if len(s.text) > s.seen {
		s.seen = len(s.text)
		d.lookAt(s, now, s.text)
	}
}

// settle looks at what has been quiet for long enough.
func (d *Detector) settle(s *stream, now time.Time) {
	if len(s.text) > s.seen && now.Sub(s.touched) >= quiet {
		d.look(s, now)
	}
	if s.block != nil && !s.block.until.After(now) {
		d.release(s)
	}
}

// due returns when there is something to settle; zero for never.
func (s *stream) due() (at time.Time) {
	if len(s.text) > s.seen {
		at = s.touched.Add(quiet)
	}
	if s.block != nil {
		at = earlier(at, s.block.until)
	}
	return at
}

func (d *Detector) lookAt(s *stream, now time.Time, text []byte) {
	text = bytes.TrimRight(text, " \t")
	if len(text) == 0 {
		return
	}
	speakers := d.matcher(s.ch).speakers(text)
	d.follow(s, speakers)
	if d.within(s, now, speakers, text) {
		return
	}
	for _, r := range speakers {
		if s.repeated(r) {
			continue
		}
		f := d.finding(r.compiled, s.ch, now, s.line+1, text)
		if before := len(d.found); d.speak(r, f) && r.end != nil && !r.end.matches(text) {
			d.found = d.found[:before]
			s.block = &block{f, r.end, now.Add(blockTime)}
		}
	}
}

// repeated reports whether a rule has said the same about this line, of which
// there may be more now or which a guest has written over.
func (s *stream) repeated(r speaker) bool {
	for i, old := range s.said {
		if old.compiled == r.compiled && related(old.match, r.match) {
			s.said[i] = r
			return !r.Moving
		}
	}
	if len(s.said) == maxSaid {
		s.said = slices.Delete(s.said, 0, 1)
	}
	s.said = append(s.said, r)
	return false
}

// follow ends what waits on a stream for something else than the same. That may
// come again in the next line if it is a Stall; a failure there is another one.
func (d *Detector) follow(s *stream, speakers []speaker) {
	d.waiting = slices.DeleteFunc(d.waiting, func(w *waiting) bool {
		if w.Channel != s.ch || w.rule.Moving {
			return false
		}
		for _, r := range speakers {
			same := w.rule == r.compiled && related(w.match, r.match)
			if same && (w.Class == Stall || w.Line == s.line+1) {
				w.match = r.match
				return false
			}
		}
		return true
	})
}

// within reports whether a line is part of the finding before it. It is not if
// a rule has worse to say, or if it is the beginning of a boot.
func (d *Detector) within(s *stream, now time.Time, speakers []speaker, text []byte) bool {
	b := s.block
	if b == nil {
		return false
	}
	for _, r := range speakers {
		if r.Boot || r.Class == Fatal && b.Class != Fatal {
			d.release(s)
			return false
		}
	}
	b.More = append(b.More, clean(text))
	if b.end.matches(text) || len(b.More) >= maxBlock-1 {
		b.At = now
		d.release(s)
	}
	return true
}

// release reports a finding with what has followed it.
func (d *Detector) release(s *stream) {
	if s.block != nil {
		d.found = append(d.found, s.block.Finding)
		s.block = nil
	}
}

// related reports whether one is the beginning of the other, as of a line that
// was seen while it was written.
func related(a, b string) bool {
	return len(a) <= len(b) && a == b[:len(a)] || len(b) < len(a) && b == a[:len(b)]
}
