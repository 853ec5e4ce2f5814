package imagebuild

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/ssh"
)

// ErrNoProgress is in the error of a step that waited while nothing of the
// guest moved: neither its screen nor its serial line, disks, network and
// requests for files. See Build.NoProgress.
var ErrNoProgress = errors.New("nothing moves in the guest")

// ErrNoLogin is in the error of a step that waited for SSH while the guest
// showed its login prompt: it has started, but no sshd answers, or not as far as
// to a login. If one does and refuses it, that is [ssh.ErrLoginRefused]. See
// Build.NoLogin.
var ErrNoLogin = errors.New("the guest shows its login prompt but does not let us in by SSH")

var errRefused = fmt.Errorf("the guest shows its login prompt, and its sshd does not let us in: %w", ssh.ErrLoginRefused)

const (
	defaultNoProgress = 10 * time.Minute
	defaultNoLogin    = 2 * time.Minute

	// betweenChecks is the time between two questions for counters.
	betweenChecks = time.Second
	// busyDisk is how many bytes a disk moves at least between two checks when
	// something is being installed behind a login prompt.
	busyDisk = 1 << 20
	// lately is how old a refused login may be when a prompt is seen so that it
	// is the same system's.
	lately = 5 * time.Second
)

// progress knows when something moved last.
type progress struct {
	mu       sync.Mutex
	views    [2]*view // the last that were new: a cursor that blinks shows two in turn
	moved    time.Time
	still    facts
	checked  time.Time
	prompted time.Time // since when there is a login prompt and nothing else; zero if there is none
	refused  time.Time // when sshd refused the login first, behind that prompt; zero if it did not
	newest   time.Time // when it has refused one last, behind whatever
}

// facts are what moves in a guest that does something.
type facts struct {
	written  int64 // to the serial line
	requests int
	machine  qemu.Activity
}

func (p *progress) begin() { p.moved, p.checked = time.Now(), time.Now() }

// seen is told of a frame that is another than the one before.
func (p *progress) seen(v *view) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if v == p.views[0] || v == p.views[1] {
		return
	}
	p.views[1], p.views[0] = p.views[0], v
	p.moved = time.Now()
	p.noPrompt()
}

// noPrompt says that the guest does something else than to stand at its login
// prompt. The caller holds the lock.
func (p *progress) noPrompt() { p.prompted, p.refused = time.Time{}, time.Time{} }

// loginTried is told of every attempt to log in by SSH.
func (s *sentry) loginTried(e ssh.Event) {
	failed, _ := e.(ssh.AttemptFailed)
	var why *ssh.DialError
	if !errors.As(failed.Err, &why) || why.Reason != ssh.Auth {
		return
	}
	p := &s.progress
	p.mu.Lock()
	defer p.mu.Unlock()
	p.newest = time.Now()
	if !p.prompted.IsZero() && p.refused.IsZero() {
		p.refused = p.newest
	}
}

// checkProgress looks at the counters now and then, and breaks off the build
// when a wait is in vain. A machine that somebody has paused cannot do anything.
func (s *sentry) checkProgress(ctx context.Context) {
	p := &s.progress
	if s.waits.Load() == 0 || s.paused.Load() {
		p.touch()
		return
	}
	if time.Since(p.checked) < betweenChecks {
		return
	}
	p.checked = time.Now()
	now := s.facts(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if now != p.still {
		p.moved = time.Now()
	}
	if !s.prompting() || now.machine.DiskBytes-p.still.machine.DiskBytes > busyDisk {
		p.noPrompt()
	} else if p.prompted.IsZero() {
		p.prompted = time.Now()
		if time.Since(p.newest) < lately {
			p.refused = p.prompted
		}
	}
	p.still = now
	if err := s.inVain(); err != nil {
		s.r.machine.breaks(err)
	}
}

// touch says that nobody waits now.
func (p *progress) touch() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.moved = time.Now()
	p.noPrompt()
}

// facts asks for the counters. Those that cannot be had stay zero.
func (s *sentry) facts(ctx context.Context) facts {
	limited, cancel := context.WithTimeout(ctx, betweenChecks)
	defer cancel()
	f := facts{written: s.written.Load()}
	if s.r.server != nil {
		f.requests = len(s.r.server.Requests())
	}
	f.machine, _ = s.r.vm.Activity(limited)
	if s.logins.Load() > 0 {
		f.machine.Network = 0 // it is us who knock
	}
	return f
}

// inVain returns why it is of no use to wait any longer, or nil. The caller
// holds the lock of progress.
func (s *sentry) inVain() error {
	p := &s.progress
	limit := orDefault(s.r.b.NoLogin, defaultNoLogin)
	begin, reason := p.prompted, ErrNoLogin
	if !p.refused.IsZero() { // an sshd that has come late has its own time
		begin, reason = p.refused, errRefused
	}
	if since := time.Since(begin); !begin.IsZero() && limit > 0 && since >= limit {
		return fmt.Errorf("%w (for %v)", reason, since.Round(time.Second))
	}
	if err := s.r.misses.inVain(s.answers.Load() > 0); err != nil && !s.quiet.Load() && !s.inside.Load() {
		return err
	}
	limit = orDefault(s.r.b.NoProgress, defaultNoProgress)
	if since := time.Since(p.moved); limit > 0 && since >= limit {
		return fmt.Errorf("%w (for %v)", ErrNoProgress, since.Round(time.Second))
	}
	return nil
}

func orDefault(d, usual time.Duration) time.Duration {
	if d == 0 {
		return usual
	}
	return d
}

// loginRE is the prompt of getty(8), at the end of what a screen or a serial
// line says.
var loginRE = regexp.MustCompile(`(?:^|\n)\S+ login:[ _]*$`)

// prompting reports whether SSH is waited for while the last that the guest has
// said is its login prompt.
func (s *sentry) prompting() bool {
	if s.logins.Load() == 0 {
		return false
	}
	serial := strings.ReplaceAll(s.r.vm.Console().Tail(200), "\r", "")
	return loginRE.MatchString(serial) || loginRE.MatchString(s.screenText())
}

// screenText is what the newest frame says.
func (s *sentry) screenText() string {
	v := s.progress.views[0]
	if v == nil {
		return ""
	}
	text, err := s.r.guest.eye.read(v)
	if err != nil {
		return ""
	}
	return strings.TrimRight(text.String(), " \n")
}
