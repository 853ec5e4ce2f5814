package detect

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// shownScreen is what was on the screen at the last look.
type shownScreen struct {
	lines []string
	shown []*hit
}

// hit is a rule's text on a screen.
type hit struct {
	rule      *compiled
	match     string
	row, last int // its rows, from 0
	text      string
}

const (
	maxRows  = 500 // of a screen that are looked at
	minWidth = 60  // columns of a screen on which a full row goes on in the next
	maxWrap  = 8   // rows of one line
)

// Screen takes what is on the screen, as lines without the spaces at their
// ends, and returns what is new on it. It need not be called while the screen
// stays the same. The text replaces that of the last call: a finding is new
// once, and again after it was gone. Only what stands below the newest
// beginning of a boot counts.
func (d *Detector) Screen(now time.Time, lines []string) []Finding {
	d.mu.Lock()
	defer d.mu.Unlock()
	lines = lines[:min(len(lines), maxRows)]
	if slices.Equal(lines, d.screen.lines) {
		return nil
	}
	old := d.screen.shown
	d.screen.lines, d.screen.shown = slices.Clone(lines), d.hits(lines)
	d.gone(old)
	boot := lastBoot(d.screen.shown)
	for _, h := range d.screen.shown {
		f := d.finding(h.rule, Screen, now, h.row+1, []byte(h.text))
		f.More = more(h, lines)
		switch {
		case !slices.ContainsFunc(old, h.same):
			if h.row >= boot || h.rule.Boot {
				d.speak(speaker{h.rule, h.match}, f)
			}
		case h.rule.Class == Stall:
			d.standing(h, now)
		}
		if h.rule.Class == Transitional && !blank(lines[h.last+1:]) {
			d.drop(h)
		}
	}
	return d.take()
}

// lastBoot returns the row where the newest boot begins.
func lastBoot(shown []*hit) (row int) {
	for _, h := range shown {
		if h.rule.Boot {
			row = h.row
		}
	}
	return row
}

// forgetLines makes the next look a new one, for new rules. What has been found
// by the old ones is remembered.
func (s *shownScreen) forgetLines(byName map[string]*compiled) {
	s.lines = nil
	s.shown = slices.DeleteFunc(s.shown, func(h *hit) bool {
		h.rule = byName[h.rule.Name]
		return h.rule == nil
	})
}

func (h *hit) same(o *hit) bool { return h.rule == o.rule && related(h.match, o.match) }

// alike reports whether one of the two is enough to be told: of a Stall, which
// a guest waits in once.
func (h *hit) alike(o *hit) bool { return h.same(o) || h.rule == o.rule && h.rule.Class == Stall }

// gone drops what waits and is no longer on the screen.
func (d *Detector) gone(old []*hit) {
	for _, h := range old {
		if !slices.ContainsFunc(d.screen.shown, h.same) {
			d.drop(h)
		}
	}
}

func (d *Detector) drop(h *hit) {
	d.waiting = slices.DeleteFunc(d.waiting, func(w *waiting) bool { return w.of(h) })
}

func (w *waiting) of(h *hit) bool {
	return w.Channel == Screen && w.rule == h.rule && related(w.match, h.match)
}

// standing notes that a stalled text is still there while the screen has
// changed elsewhere, which starts its time anew unless it is one that moves.
func (d *Detector) standing(h *hit, now time.Time) {
	for _, w := range d.waiting {
		if w.of(h) && !h.rule.Moving && !w.failed {
			w.start = now
		}
	}
}

// hits returns what is on a screen, each once, from top to bottom.
func (d *Detector) hits(lines []string) (all []*hit) {
	found := d.rows(lines)
	found = append(found, d.flowing(lines, found)...)
	slices.SortStableFunc(found, func(a, b *hit) int { return cmp.Compare(a.row, b.row) })
	for _, h := range within(found, lines) {
		if i := slices.IndexFunc(all, h.alike); i >= 0 {
			all[i].last = max(all[i].last, h.last)
			continue
		}
		all = append(all, h)
	}
	return all
}

// rows returns what single rows say, and lines that fill several rows.
func (d *Detector) rows(lines []string) (all []*hit) {
	m := d.matcher(Screen)
	wraps := wrapping(lines)
	for i, line := range lines {
		text := []byte(line[:min(len(line), maxLine)])
		speakers := m.speakers(text)
		last := i
		for last < len(lines)-1 && last-i < maxWrap && wraps(last) {
			last++
		}
		if len(speakers) == 0 && last > i { // what begins in a later row is for that row to tell
			text = []byte(strings.Join(lines[i:last+1], ""))
			speakers = m.speakersBefore(text, len(line))
		}
		for _, r := range speakers {
			if r.Class != Ignored {
				all = append(all, &hit{r.compiled, r.match, i, last, string(text)})
			}
		}
	}
	return all
}

// wrapping returns a func that tells whether a row is full, so that its text
// may go on in the next.
func wrapping(lines []string) func(row int) bool {
	width := 0
	for _, line := range lines {
		width = max(width, utf8.RuneCountInString(line))
	}
	return func(row int) bool {
		return width >= minWidth && utf8.RuneCountInString(lines[row]) == width && lines[row+1] != ""
	}
}

// flowing returns what is said in text that a box breaks into lines, by rules
// that have not spoken yet.
func (d *Detector) flowing(lines []string, already []*hit) (all []*hit) {
	var text bytes.Buffer
	for _, line := range lines {
		text.WriteString(strings.Trim(line[:min(len(line), maxLine)], frame))
		text.WriteByte('\n')
	}
	row := func(at int) int { return bytes.Count(text.Bytes()[:at], []byte("\n")) }
	d.flow.all(text.Bytes(), func(r *compiled, at []int) bool {
		spoken := slices.ContainsFunc(already, func(h *hit) bool { return h.rule == r })
		match := bytes.TrimRight(text.Bytes()[at[0]:at[1]], "\n") // which may be the last row's
		if !spoken && r.Class != Ignored && bytes.Contains(match, []byte("\n")) {
			all = append(all, &hit{r, string(match), row(at[0]), row(at[0] + len(match)), clean(match)})
		}
		return true
	})
	return all
}

// frame is what is around the text of a box.
var frame = func() string {
	var b strings.Builder
	b.WriteString(" |\uFFFD")
	for r := '\u2500'; r < '\u25A0'; r++ { // box drawing and block elements
		b.WriteRune(r)
	}
	return b.String()
}()

// within leaves out what is part of a text of several rows.
func within(all []*hit, lines []string) []*hit {
	end, inside := -1, Class("")
	return slices.DeleteFunc(all, func(h *hit) bool {
		if h.row <= end && !h.rule.Boot && (h.rule.Class != Fatal || inside == Fatal) {
			return true
		}
		if h.rule.end != nil {
			end, inside = h.row+len(more(h, lines)), h.rule.Class
		}
		return false
	})
}

// more returns the rows that follow a text up to its end, that of the screen at
// most.
func more(h *hit, lines []string) (all []string) {
	if h.rule.end == nil || h.rule.end.matches([]byte(h.text)) {
		return nil
	}
	for _, line := range lines[h.last+1:] {
		all = append(all, clean(line))
		if h.rule.end.matches([]byte(line)) || len(all) >= maxBlock-1 {
			return all
		}
	}
	for len(all) > 0 && all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	return all
}

func blank(lines []string) bool {
	return !slices.ContainsFunc(lines, func(s string) bool { return strings.TrimSpace(s) != "" })
}
