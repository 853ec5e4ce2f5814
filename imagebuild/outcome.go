package imagebuild

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/bootscribe/bootscribe/keyseq"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/screen"
)

// Outcome is something that may appear, and what is to be done then. One of
// Text, Serial and Fetch must be set.
type Outcome struct {
	// Text is a regular expression of what the screen shows; ^ and $ are the
	// beginning and the end of a row.
	Text string

	// In is where on the screen Text is looked for; the zero Region is all of
	// it.
	In keyseq.Region

	// Serial is a regular expression of what the guest writes to its serial
	// port.
	Serial string

	// Fetch is the path of a file that the guest fetches over HTTP.
	Fetch string

	// Steps are done when it has appeared, in order, within the time of the
	// step that waited. Observers are not told of them. Nil means nothing.
	Steps []Step

	// Err is why the build fails when it has appeared, after Steps. Nil means
	// that it does not.
	Err error
}

// String says what may appear, for people.
func (o Outcome) String() string {
	switch {
	case o.Text != "":
		return fmt.Sprintf("%q on the screen", o.Text)
	case o.Serial != "":
		return fmt.Sprintf("%q on the serial line", o.Serial)
	}
	return fmt.Sprintf("the guest's fetching %q", o.Fetch)
}

// search looks for outcomes.
type search struct {
	outcomes []Outcome
	texts    map[int]*regexp.Regexp // by the outcome's index
	serial   *regexp.Regexp         // any of them; nil if there is none
	groups   map[int]int            // of serial: the outcome of a group

	// past are outcomes that have been dealt with and count again only when
	// they have gone; nil where there is no such thing.
	past map[int]bool
}

func newSearch(outcomes []Outcome) (*search, error) {
	s := &search{outcomes: outcomes, texts: map[int]*regexp.Regexp{}, groups: map[int]int{}}
	var errs []error
	var serial []string
	group := 1
	for i, o := range outcomes {
		set := 0
		for _, field := range []string{o.Text, o.Serial, o.Fetch} {
			if field != "" {
				set++
			}
		}
		if set != 1 {
			errs = append(errs, fmt.Errorf("outcome %d: %d of Text, Serial and Fetch are set; set one", i, set))
			continue
		}
		re, err := expression(rowFlag + o.Text)
		if o.Serial != "" {
			re, err = expression(o.Serial)
		}
		switch {
		case o.Fetch != "":
		case err != nil:
			errs = append(errs, fmt.Errorf("outcome %d: %w", i, err))
		case o.Text != "":
			s.texts[i] = re
		default:
			s.groups[group] = i
			group += 1 + re.NumSubexp()
			serial = append(serial, "("+o.Serial+")")
		}
	}
	if len(outcomes) == 0 {
		errs = append(errs, errors.New("there are no outcomes to wait for; give at least one"))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if serial != nil {
		s.serial = regexp.MustCompile(strings.Join(serial, "|")) // each compiles, so all do
	}
	return s, nil
}

// expression compiles what is to be waited for.
func expression(pattern string) (*regexp.Regexp, error) {
	re, err := regexp.Compile(pattern)
	if err == nil && re.MatchString("") {
		err = fmt.Errorf("%q matches nothing at all; write what is to appear", strings.TrimPrefix(pattern, rowFlag))
	}
	return re, err
}

// found is the index of the outcome that appeared, or an error.
type found struct {
	index int
	err   error
}

// run returns the index of the first outcome that appears.
func (s *search) run(ctx context.Context, g *Guest, console *qemu.ConsoleReader) (int, error) {
	defer g.run.sentry.expect(s.expressions()...)()
	ctx, cancel := context.WithCancel(ctx)
	results := make(chan found, 2+len(s.outcomes))
	var wg sync.WaitGroup
	look := func(f func(context.Context) (int, error)) {
		wg.Go(func() {
			i, err := f(ctx)
			results <- found{i, err}
		})
	}
	for i, o := range s.outcomes { // before look, which changes past
		if o.Fetch != "" && !s.past[i] {
			look(func(ctx context.Context) (int, error) {
				_, err := g.run.server.WaitFetch(ctx, o.Fetch)
				return i, err
			})
		}
	}
	if len(s.texts) > 0 {
		look(func(ctx context.Context) (int, error) { return s.look(ctx, g.eye) })
	}
	if s.serial != nil {
		look(func(ctx context.Context) (int, error) { return s.listen(ctx, console) })
	}
	first := found{err: context.Canceled}
	select {
	case first = <-results:
	case <-ctx.Done():
	}
	cause := context.Cause(ctx)
	cancel()
	wg.Wait()
	close(results)
	for other := range results { // what has appeared counts more than what failed
		if first.err != nil && other.err == nil {
			first = other
		}
	}
	if first.err != nil && cause != nil {
		first.err = cause
	}
	return first.index, first.err
}

// expressions are all that texts are searched for with.
func (s *search) expressions() []*regexp.Regexp {
	all := slices.Collect(maps.Values(s.texts))
	if s.serial != nil {
		all = append(all, s.serial)
	}
	return all
}

// look watches the screen.
func (s *search) look(ctx context.Context, e *eye) (index int, err error) {
	err = e.watch(ctx, func(t *screen.Text) bool {
		seen := false
		for i, o := range s.outcomes {
			re := s.texts[i]
			switch {
			case re == nil:
			case find(t, re, o.In) == nil:
				delete(s.past, i)
			case !seen && !s.past[i]:
				index, seen = i, true
			}
		}
		return seen
	})
	return index, err
}

// listen reads the serial line.
func (s *search) listen(ctx context.Context, console *qemu.ConsoleReader) (int, error) {
	match, err := console.Expect(ctx, s.serial)
	for group, i := range s.groups {
		if err == nil && match[group] != "" {
			return i, nil
		}
	}
	return 0, err
}

// First waits until one of the outcomes appears, on the screen, on the serial
// line (after what the last WaitSerial of this build matched) or in the
// requests for files; does what that one says, and returns its index. Of several
// that the screen shows at once the first counts.
func (g *Guest) First(ctx context.Context, outcomes ...Outcome) (int, error) {
	s, err := newSearch(outcomes)
	if err != nil {
		return 0, err
	}
	if err := s.possible(g); err != nil {
		return 0, err
	}
	index := 0
	err = g.wait(ctx, func(ctx context.Context) (err error) {
		index, err = s.run(ctx, g, g.serial())
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("waiting for %s: %w%s", s, err, g.alsoSays())
	}
	return index, g.follow(ctx, outcomes[index])
}

// possible reports what cannot be looked for with this guest.
func (s *search) possible(g *Guest) error {
	if len(s.texts) > 0 && g.VNC == nil {
		return errNoScreen
	}
	for _, o := range s.outcomes {
		if o.Fetch != "" && g.run.server == nil {
			return errNoFiles
		}
	}
	return nil
}

// String lists what is looked for.
func (s *search) String() string {
	var list []string
	for _, o := range s.outcomes {
		list = append(list, o.String())
	}
	return strings.Join(list, " or ")
}

// alsoSays is says for guests that may have no screen.
func (g *Guest) alsoSays() string {
	if g.VNC == nil {
		return ""
	}
	return "; " + g.says()
}

// follow does what is to be done about an outcome.
func (g *Guest) follow(ctx context.Context, o Outcome) error {
	g.run.emit(Appeared{o.String()})
	for _, s := range o.Steps {
		if err := g.do(ctx, s); err != nil {
			return fmt.Errorf("after %s: %w", o, err)
		}
	}
	if o.Err != nil {
		return fmt.Errorf("%s: %w", o, o.Err)
	}
	return nil
}

// do does a step within another one.
func (g *Guest) do(ctx context.Context, s Step) error {
	if s.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, s.Timeout, timeError(s.Timeout))
		defer cancel()
	}
	defer func(outer string) { g.step = outer }(g.step)
	g.step = s.Name
	if err := s.Do(ctx, g); err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	return nil
}
