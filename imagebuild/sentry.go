package imagebuild

import (
	"context"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bootscribe/bootscribe/detect"
	"github.com/bootscribe/bootscribe/qemu/qmp"
)

// sentry is on the lookout for failures all the time that the machine runs: it
// gives what the guest says to the rules of package detect, and breaks off the
// build when they have found one.
type sentry struct {
	r        *run
	detector *detect.Detector
	quiet    atomic.Bool // there are no rules
	stop     context.CancelFunc
	wg       sync.WaitGroup
	progress progress

	waits   atomic.Int32 // how many waits there are
	logins  atomic.Int32 // and how many of them are for a login
	written atomic.Int64 // bytes of the serial line
	answers atomic.Int32 // how many keys and pauses there are, after which comes what may be an answer
	changed atomic.Bool  // there are other rules, for which the screen is new
	paused  atomic.Bool  // somebody has stopped the machine
	inside  atomic.Bool  // the guest was logged in to

	mu       sync.Mutex
	rules    *detect.Set // in use
	expected []expectation
	suspects []suspect
}

// expectation is what a wait is for, or was a moment ago: it may have seen it
// before the rules do.
type expectation struct {
	re   *regexp.Regexp
	over time.Time // when the wait ended; zero as long as it goes on
}

// suspect is a failure that is not told yet.
type suspect struct {
	err  error
	rank int
	at   time.Time
}

// What names a failure best: the guest's own words, then QEMU's.
const (
	rankMachine = iota
	rankQMP
	rankText
)

const (
	// hearing is how long a failure is held back: a kernel that panics says why
	// on its console while QEMU tells only that it did.
	hearing = 500 * time.Millisecond
	rounds  = 200 * time.Millisecond
	// memory is how long what was waited for is remembered: longer than the
	// rules take to see it.
	memory = longestRest + 2*unasked
)

// newSentry returns a sentry that listens, and begins to look when it is
// started.
func newSentry(r *run) (*sentry, error) {
	d, err := detect.New(&detect.Set{})
	if err != nil {
		return nil, err
	}
	s := &sentry{r: r, detector: d}
	return s, s.use(r.b.rules())
}

// rules returns what is looked for until the guest has been logged in to.
func (b *Build) rules() *detect.Set {
	if b.Detect == nil {
		return detect.Default()
	}
	return b.Detect.For("")
}

// start begins to look at the machine, which runs.
func (s *sentry) start() {
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	s.progress.begin()
	events := s.r.vm.QMP().Subscribe()
	s.wg.Go(func() {
		<-ctx.Done()
		events.Close()
	})
	s.wg.Go(func() { s.follow(events) })
	s.wg.Go(func() { s.patrol(ctx) })
	if s.r.guest.eye != nil {
		s.wg.Go(func() { s.watchScreen(ctx) })
	}
}

// close ends it and returns when none of its goroutines is left.
func (s *sentry) close() {
	if s.stop != nil {
		s.stop()
	}
	s.wg.Wait()
}

// follow gives QEMU's events to the rules.
func (s *sentry) follow(events *qmp.Subscription) {
	for e := range events.C {
		switch e.Name {
		case "STOP":
			s.paused.Store(true)
		case "RESUME":
			s.paused.Store(false)
		}
		s.look(s.detector.Event(time.Now(), e.Name, e.Data))
	}
}

// Write takes what the guest writes to its serial line.
func (s *sentry) Write(p []byte) (int, error) {
	s.written.Add(int64(len(p)))
	s.look(s.detector.Feed(time.Now(), detect.Serial, p))
	return len(p), nil
}

// debugConsole is what the firmware writes to.
type debugConsole struct {
	s     *sentry
	other io.Writer // the caller's own; may be nil
}

func (c debugConsole) Write(p []byte) (int, error) {
	c.s.look(c.s.detector.Feed(time.Now(), detect.DebugCon, p))
	if c.other != nil {
		c.s.r.callbacks.call(func() { _, _ = c.other.Write(p) })
	}
	return len(p), nil
}

// patrol does what time brings.
func (s *sentry) patrol(ctx context.Context) {
	ticker := time.NewTicker(rounds)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		found, _ := s.detector.Due(time.Now())
		s.look(found)
		s.judge(time.Now())
		s.checkProgress(ctx)
	}
}

// look tells of what was found.
func (s *sentry) look(found []detect.Finding) {
	for _, f := range found {
		if f.Fails && f.Class == detect.Stall && s.answers.Load() > 0 {
			s.detector.Renew(f.At, f) // the answer may be what comes next
			continue
		}
		s.r.emit(Found{f})
		if !f.Fails || s.isExpected(f) {
			continue
		}
		rank := rankText
		if f.Channel == detect.QMP {
			rank = rankQMP
		}
		s.suspect(&DetectedError{Finding: f}, rank)
	}
}

// panicked is told of a panic, which the guest's own words may explain.
func (s *sentry) panicked(err error) { s.suspect(err, rankMachine) }

func (s *sentry) suspect(err error, rank int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.suspects = append(s.suspects, suspect{err, rank, time.Now()})
}

// judge breaks off the build when a failure has been held back for long enough.
func (s *sentry) judge(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.suspects) == 0 || now.Sub(s.suspects[0].at) < hearing {
		return
	}
	worst := slices.MaxFunc(s.suspects, func(a, b suspect) int { return a.rank - b.rank }) // the first of several
	s.suspects = nil
	s.r.machine.breaks(worst.err)
}

// expect is told what a wait is for until done is called: what the build waits
// for itself is its own affair, even if rules call it a failure.
func (s *sentry) expect(res ...*regexp.Regexp) (done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expected = slices.DeleteFunc(s.expected, func(e expectation) bool { return !e.over.IsZero() && time.Since(e.over) > memory })
	for _, re := range res {
		s.expected = append(s.expected, expectation{re: re})
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, re := range res {
			i := slices.Index(s.expected, expectation{re: re})
			s.expected[i].over = time.Now()
		}
	}
}

// knocking tells that a login is waited for, until done is called.
func (s *sentry) knocking() (done func()) {
	s.waits.Add(1)
	s.logins.Add(1)
	return func() {
		s.logins.Add(-1)
		s.waits.Add(-1)
	}
}

// mayAnswer tells that keys are typed or a time is waited for, until done is
// called: what the guest asks may be answered by what comes next.
func (s *sentry) mayAnswer() (done func()) {
	s.answers.Add(1)
	return func() { s.answers.Add(-1) }
}

// mayNotAnswer tells that a boot command waits for a fact, until done is called.
func (s *sentry) mayNotAnswer() (done func()) {
	s.answers.Add(-1)
	return func() { s.answers.Add(1) }
}

func (s *sentry) isExpected(f detect.Finding) bool {
	if f.Channel == detect.QMP {
		return false
	}
	text := strings.Join(append([]string{f.Text}, f.More...), "\n")
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.expected, func(e expectation) bool {
		return (e.over.IsZero() || f.First.Sub(e.over) < memory) && e.re.MatchString(text)
	})
}

// Detect replaces the rules that look out for failures, from now on; see
// [Build.Detect]. Nil means those of [detect.Default]. What waits for its time
// by a rule that is in the new set too waits on. The error says what is wrong
// with the rules.
func (g *Guest) Detect(rules *detect.Set) error {
	if rules == nil {
		rules = detect.Default()
	}
	return g.run.sentry.use(rules)
}

func (s *sentry) use(rules *detect.Set) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.detector.Use(rules); err != nil {
		return err
	}
	s.rules = rules.For("") // a copy, which stays
	s.quiet.Store(len(rules.Rules) == 0)
	s.changed.Store(true)
	return nil
}

// loggedIn tells that from now on the installed system is worked with: what
// installers say does not count any more.
func (s *sentry) loggedIn() {
	s.inside.Store(true)
	s.mu.Lock()
	rules := s.rules.For(detect.PhaseSystem)
	s.mu.Unlock()
	_ = s.use(rules) // which have been checked
}
