package detect

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"
)

// Detector runs the rules of a Set over what a guest says. It has no clock and
// no goroutine: every call says what time it is. Times must not go back. Its
// methods may be called by several goroutines.
type Detector struct {
	mu      sync.Mutex
	rules   []*compiled
	text    map[Channel]*matcher
	flow    *matcher // of the screen, for text that is broken into lines
	streams map[Channel]*stream
	screen  shownScreen
	events  int
	waiting []*waiting
	found   []Finding // to be returned by the call that goes on
}

const maxWaiting = 100 // findings that time decides on; a guest must not fill the memory

// waiting is a Transitional or Stall finding that time decides on.
type waiting struct {
	Finding
	rule   *compiled
	match  string
	start  time.Time // when its time began
	last   time.Time // when it was seen last
	failed bool
}

// New returns a Detector for the rules of a set, which it copies. The error
// says all that is wrong with them.
func New(set *Set) (*Detector, error) {
	d := &Detector{streams: map[Channel]*stream{}}
	if err := d.use(set); err != nil {
		return nil, err
	}
	return d, nil
}

// Use replaces the rules, for instance by those of the next phase. What waits
// for its time by a rule whose name is in the new set too, waits on, for the
// time of the new rule. Text that is on the screen is looked at again.
func (d *Detector) Use(set *Set) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.use(set)
}

func (d *Detector) use(set *Set) error {
	if set == nil {
		return errors.New("detect: set is nil; use Default or an empty Set")
	}
	if err := set.Validate(); err != nil {
		return err
	}
	var rules []*compiled
	for _, r := range set.Rules {
		if r.Off {
			continue
		}
		rules = append(rules, compileRule(r.clone()))
	}
	slices.SortStableFunc(rules, func(a, b *compiled) int { return rank(a.Class) - rank(b.Class) })
	d.adopt(rules)
	return nil
}

// rank sorts what is ignored before the rest.
func rank(c Class) int {
	if c == Ignored {
		return 0
	}
	return 1
}

// adopt changes the rules and keeps what is known of those that stay.
func (d *Detector) adopt(rules []*compiled) {
	byName := map[string]*compiled{}
	for _, r := range rules {
		byName[r.Name] = r
	}
	for _, old := range d.rules {
		if r := byName[old.Name]; r != nil && r.Count == old.Count {
			r.times = old.times
		}
	}
	d.waiting = slices.DeleteFunc(d.waiting, func(w *waiting) bool {
		w.rule = byName[w.Name]
		return w.rule == nil || w.rule.Class != w.Class
	})
	d.rules, d.text = rules, map[Channel]*matcher{}
	d.flow = newMatcher(on(rules, Screen), func(r *compiled) *expression { return &r.flow })
	d.screen.forgetLines(byName)
}

func on(rules []*compiled, ch Channel) []*compiled {
	return slices.DeleteFunc(slices.Clone(rules), func(r *compiled) bool { return !r.on(ch) })
}

// matcher returns the rules of a channel.
func (d *Detector) matcher(ch Channel) *matcher {
	if d.text[ch] == nil {
		d.text[ch] = newMatcher(on(d.rules, ch), func(r *compiled) *expression { return &r.line })
	}
	return d.text[ch]
}

// Event tells of an event of QMP, by its name and data, a JSON object or nil,
// and returns what is found by it.
func (d *Detector) Event(now time.Time, name string, data []byte) []Finding {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events++
	var b bytes.Buffer
	b.WriteString(name + " ")
	if len(data) > maxLine {
		data = data[:maxLine]
	}
	if err := json.Compact(&b, data); err != nil {
		b.Reset()
		b.WriteString(name + " ")
		b.Write(data)
	}
	for _, r := range d.matcher(QMP).speakers(b.Bytes()) {
		d.speak(r, d.finding(r.compiled, QMP, now, d.events, b.Bytes()))
	}
	return d.take()
}

// Due returns what fails because time has passed, the ends of lines that have
// not ended, and when to call Due again: zero if only what the guest says next
// can change anything.
func (d *Detector) Due(now time.Time) (found []Finding, next time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.ordered() {
		d.settle(s, now)
	}
	for _, w := range d.waiting {
		if due, ok := w.due(); ok && !due.After(now) {
			d.fail(w, now)
		}
	}
	for _, w := range d.waiting {
		if due, ok := w.due(); ok {
			next = earlier(next, due)
		}
	}
	for _, s := range d.streams {
		next = earlier(next, s.due())
	}
	return d.take(), next
}

// Flush looks at the ends of streams at once, as Due does after a while: at the
// end of a log, when no more will come.
func (d *Detector) Flush(now time.Time) []Finding {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.ordered() {
		d.look(s, now)
		d.release(s)
	}
	return d.take()
}

// Waiting returns what time will decide on, or has: what was transitional or
// stalled and has not been followed by anything yet.
func (d *Detector) Waiting() []Finding {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []Finding
	for _, w := range d.waiting {
		all = append(all, w.Finding)
	}
	return all
}

// ordered returns the streams in an order that is always the same.
func (d *Detector) ordered() (all []*stream) {
	for _, ch := range []Channel{DebugCon, Serial, Screen, QMP} {
		if s := d.streams[ch]; s != nil {
			all = append(all, s)
		}
	}
	return all
}

func (d *Detector) take() []Finding {
	found := d.found
	d.found = nil
	return found
}

func (d *Detector) finding(r *compiled, ch Channel, now time.Time, line int, text []byte) Finding {
	return Finding{Name: r.Name, Class: r.Class, Channel: ch, Fails: r.Class == Fatal, Boot: r.Boot,
		Line: line, Text: clean(text), Hint: r.Hint, First: now, At: now}
}

// speak deals with what a rule has matched, and reports whether it is found.
func (d *Detector) speak(r speaker, f Finding) bool {
	if r.Class == Ignored || !r.enough(f.First) {
		return false
	}
	switch r.Class {
	case Info:
		d.progress(r.Boot)
	case Transitional, Stall:
		if !d.wait(r, f) {
			return false
		}
	}
	d.found = append(d.found, f)
	return true
}

// enough counts, for rules that must match several times.
func (r *compiled) enough(now time.Time) bool {
	if r.Count <= 1 {
		return true
	}
	if n := len(r.times); n > 0 && now.Sub(r.times[n-1]) < r.Apart {
		return false
	}
	r.times = append(r.times, now)
	if len(r.times) < r.Count {
		return false
	}
	r.times = r.times[len(r.times)-r.Count:]
	if now.Sub(r.times[0]) > r.Within {
		return false
	}
	r.times = nil // the next finding needs as many again
	return true
}

// progress forgets what has gone by: at a boot all, else what was transitional.
func (d *Detector) progress(boot bool) {
	d.waiting = slices.DeleteFunc(d.waiting, func(w *waiting) bool {
		return boot || w.Class == Transitional
	})
}

// wait begins to wait, and reports whether it is new: the same text may come
// again, and on a screen it does with every look.
func (d *Detector) wait(r speaker, f Finding) bool {
	for _, w := range d.waiting {
		if w.rule != r.compiled || w.Channel != f.Channel || w.match != r.match {
			continue
		}
		if r.Moving && f.At.Sub(w.last) > r.after() {
			w.start, w.failed = f.At, false // it was away for long
		}
		w.last = f.At
		if r.Moving && f.At.Sub(w.start) >= r.after() && !w.failed {
			d.fail(w, f.At)
		}
		if !r.Moving {
			w.start = f.At
		}
		return false
	}
	if len(d.waiting) == maxWaiting {
		d.waiting = slices.Delete(d.waiting, 0, 1)
	}
	d.waiting = append(d.waiting, &waiting{Finding: f, rule: r.compiled, match: r.match, start: f.At, last: f.At})
	return true
}

// fail reports that a finding's time is over.
func (d *Detector) fail(w *waiting, now time.Time) {
	w.failed, w.Fails = true, true
	f := w.Finding
	f.At = now
	d.found = append(d.found, f)
}

// Renew takes back that a Stall or Transitional has failed, and has its time
// begin anew: for who knows that the guest is about to get its answer. A
// finding that is gone meanwhile stays so.
func (d *Detector) Renew(now time.Time, f Finding) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, w := range d.waiting {
		if w.Name == f.Name && w.Channel == f.Channel && w.Text == f.Text {
			w.start, w.failed, w.Fails = now, false, false
		}
	}
}

// due returns when the finding fails, and false if time alone will not do it. A
// text that moves on a stream is alive only as long as it comes again.
func (w *waiting) due() (time.Time, bool) {
	if w.failed || w.rule.Moving && w.Channel != Screen {
		return time.Time{}, false
	}
	return w.start.Add(w.rule.after()), true
}

// earlier returns the earlier of two times, of which zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
