package imagebuild

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/bootscribe/bootscribe/detect"
	"github.com/bootscribe/bootscribe/httpserve"
	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/keyseq"
	"github.com/bootscribe/bootscribe/ssh"
	"github.com/bootscribe/bootscribe/ssh/sshtest"
)

// detected fails the test unless a step has failed by a rule of that name.
func detected(t *testing.T, step *StepError, rule string) detect.Finding {
	t.Helper()
	var found *DetectedError
	if !errors.As(step, &found) || found.Finding.Name != rule || step.Name() != rule {
		t.Fatalf("not by the rule %s: %v", rule, step)
	}
	return found.Finding
}

// What a guest says of its failure ends a wait for something else, wherever it
// says it.
func TestDetected(t *testing.T) {
	for name, wait := range forever {
		if name == "nothing" || name == "keys" {
			continue // the one looks at no context, the other has its way with this guest
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, seen := newBuild(t, guest.Show("x\nKernel panic - not syncing: of sorts\n"), do(name, wait))
			step := fails(t, b, 20*time.Second, "kernel-panic (fatal)", "of sorts", `step "`+name+`"`)
			f := detected(t, step, "kernel-panic")
			if f.Channel != detect.Serial && f.Channel != detect.Screen || f.Hint == "" {
				t.Errorf("%+v", f)
			}
			told := only[Found](seen)
			if len(told) == 0 || told[0].Finding.Name == "" {
				t.Error("the observer was not told")
			}
		})
	}
}

// With no rules, and with the rule switched off, nothing is found.
func TestNotDetected(t *testing.T) {
	off := detect.Default()
	off.Rule("kernel-panic").Off = true
	for name, rules := range map[string]*detect.Set{"no rules": {}, "off": off} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, seen := newBuild(t, guest.Show("Kernel panic - not syncing: of sorts\n"),
				WaitSerial("sorts"), WaitText("sorts"), Step{Name: "wait", Timeout: 3 * time.Second, Do: forever["serial"]})
			b.Detect = rules
			fails(t, b, 40*time.Second, "no end after 3s")
			for _, f := range only[Found](seen) {
				if f.Finding.Name == "kernel-panic" {
					t.Error(f)
				}
			}
		})
	}
}

// What the build waits for itself is no failure, on the screen and on the
// serial line.
func TestExpected(t *testing.T) {
	for name, wait := range map[string]Step{
		"screen": WaitText("^Kernel panic"),
		"serial": WaitSerial("Kernel panic"),
		"first":  First(Outcome{Text: "never"}, Outcome{Serial: "Kernel panic"}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			other := do("other", func(ctx context.Context, g *Guest) error { return pause(ctx, 3*time.Second) })
			panics := guest.Show("Kernel panic - not syncing: of sorts\n")
			b, _ := newBuild(t, panics, wait, other, do("end", func(context.Context, *Guest) error { return errors.New("enough") }))
			// On the other line it is still one.
			rules := &detect.Set{Rules: []detect.Rule{*detect.Default().Rule("kernel-panic")}}
			rules.Rules[0].Channels = []detect.Channel{detect.Serial}
			if name == "screen" {
				rules.Rules[0].Channels = []detect.Channel{detect.Screen}
			}
			b.Detect = rules
			fails(t, b, 40*time.Second, "enough")
		})
	}
}

// A question is no failure during pauses and as long as a boot command is at its
// keys and pauses, of which the next may be the answer; it is while the command
// waits for something else, and after it.
func TestAnswerUnderWay(t *testing.T) {
	question := &detect.Set{Rules: []detect.Rule{{Name: "question", Class: detect.Stall, After: 2 * time.Second, Pattern: "^Which disk"}}}
	for name, last := range map[string]Step{
		"wait":  Type(`<wait10ms><wait "never" 60s>`),
		"after": do("after", forever["context"]),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, seen := newBuild(t, guest.Show("R\nWhich disk?\n"), ready(), Pause(4*time.Second), Type("<wait4>"), last)
			b.Detect = question
			detected(t, fails(t, b, 40*time.Second, "question (stall)"), "question")
			if n := len(only[StepDone](seen)); n != 4 {
				t.Errorf("it has failed in step %d of 4", n)
			}
		})
	}
}

// A handler deals with what a rule would call a failure.
func TestHandledFailure(t *testing.T) {
	t.Parallel()
	b, _ := newBuild(t, guest.Show("Kernel panic - not syncing: of sorts\n"), do("serial", forever["serial"]))
	b.Handlers = []Outcome{{Text: "Kernel panic", Err: errors.New("my own name for it")}}
	fails(t, b, 20*time.Second, "my own name for it")
}

// Rules may change from step to step.
func TestGuestDetect(t *testing.T) {
	t.Parallel()
	mine := &detect.Set{Rules: []detect.Rule{{Name: "no-licence", Class: detect.Fatal, Pattern: "licence not found"}}}
	b, _ := newBuild(t, guest.Show("licence not found\n"), do("harmless", func(ctx context.Context, _ *Guest) error { return pause(ctx, 2*time.Second) }),
		Detect(mine), do("serial", forever["serial"]))
	step := fails(t, b, 40*time.Second, `step "serial"`)
	detected(t, step, "no-licence")
}

// Rules that a step has set stay when the guest is logged in to, but for those
// of installers; and a build that began without any reads the screen for them.
func TestRulesStay(t *testing.T) {
	s, err := newSentry(&run{b: &Build{Detect: &detect.Set{}}})
	if err != nil || !s.quiet.Load() {
		t.Fatal(err, s.quiet.Load())
	}
	mine := &detect.Set{Rules: []detect.Rule{
		{Name: "no-licence", Class: detect.Fatal, Pattern: "licence not found"},
		{Name: "no-mirror", Class: detect.Fatal, Pattern: "mirror not found", Phases: []string{detect.PhaseInstall}},
	}}
	if err := s.use(mine); err != nil || s.quiet.Load() {
		t.Fatal(err, s.quiet.Load())
	}
	s.loggedIn()
	found := s.detector.Feed(time.Now(), detect.Serial, []byte("mirror not found\nlicence not found\n"))
	if len(found) != 1 || found[0].Name != "no-licence" {
		t.Errorf("%v", found)
	}
}

func TestDetectValidate(t *testing.T) {
	b, _ := newBuild(t, guest.Echo)
	b.Detect = &detect.Set{Rules: []detect.Rule{{Name: "x", Class: "bad", Pattern: "("}}}
	b.Steps = []Step{Detect(&detect.Set{Rules: []detect.Rule{{Name: "y", Class: detect.Fatal, Pattern: "("}}})}
	err := b.Validate(soon(t))
	for _, words := range []string{"Detect", `rule "x"`, `rule "y"`, "missing closing )"} {
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%q is not in %v", words, err)
		}
	}
}

// A guest in which nothing moves is not waited for for ever.
func TestNoProgress(t *testing.T) {
	t.Parallel()
	b, _ := newBuild(t, guest.Show("here I stand\n"), do("serial", forever["serial"]))
	b.NoProgress = 5 * time.Second
	step := fails(t, b, 40*time.Second, "nothing moves in the guest")
	if !errors.Is(step, ErrNoProgress) || step.Name() != "no-progress" || !strings.Contains(step.Text, "here I stand") {
		t.Errorf("%v, %q", step, step.Text)
	}
}

// A machine that is paused may stand still for as long as it is.
func TestNoProgressPaused(t *testing.T) {
	t.Parallel()
	b, _ := newBuild(t, guest.Show("here I stand\n"),
		WaitSerial("stand"), do("paused", pausedWait), do("serial", forever["serial"]))
	b.NoProgress = 2 * time.Second
	fails(t, b, 40*time.Second, `step "serial"`, "nothing moves in the guest")
}

// pausedWait waits in vain while the machine is paused.
func pausedWait(ctx context.Context, g *Guest) error {
	if err := g.VM.QMP().Execute(ctx, "stop", nil, nil); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err := forever["serial"](limited, g)
	if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("while it is paused: %w", err)
	}
	return g.VM.QMP().Execute(ctx, "cont", nil, nil)
}

// A guest that shows a login prompt and has no sshd.
func TestNoLogin(t *testing.T) {
	t.Parallel()
	b, _ := newBuild(t, guest.Show("Debian GNU/Linux 12 demo tty1\n\ndemo login: "), WaitSSH())
	b.SSH.User, b.SSH.Password = "root", "root"
	b.NoLogin = 3 * time.Second
	step := fails(t, b, 40*time.Second, "shows its login prompt", "ssh: ")
	if !errors.Is(step, ErrNoLogin) || step.Name() != "no-login" {
		t.Error(step)
	}
}

// A guest that shows a login prompt and whose sshd refuses the login; one that
// refuses it elsewhere is none of its own.
func TestLoginRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		shows, name string
		change      func(*Build)
	}{
		"prompt":  {"demo login: ", "login-refused", func(b *Build) { b.NoLogin = 3 * time.Second }},
		"limit":   {"here I stand\n", "login-refused", func(b *Build) { b.SSH.MaxAuthFailures = 2 }},
		"nothing": {"here I stand\n", "no-progress", func(b *Build) { b.NoLogin, b.NoProgress = 3*time.Second, 9*time.Second }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, err := sshtest.Start(&sshtest.Config{Password: "right"})
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			b, seen := newBuild(t, guest.Show(tt.shows), WaitSSH())
			b.SSH.User, b.SSH.Password, b.SSH.Addr = "root", "wrong", server.Addr
			tt.change(b)
			step := fails(t, b, 40*time.Second, "tried: password")
			if step.Name() != tt.name || errors.Is(step, ssh.ErrLoginRefused) != (tt.name == "login-refused") {
				t.Errorf("%q: %v", step.Name(), step)
			}
			if len(only[LoggedIn](seen)) < 2 {
				t.Error("one attempt was enough to give up")
			}
		})
	}
}

// A guest that comes back from a reboot without its sshd.
func TestNoLoginAfterReboot(t *testing.T) {
	t.Parallel()
	b, _ := newBuild(t, guest.Show("demo login: "), Reboot("reboot"))
	b.NoLogin = 3 * time.Second
	server, err := sshtest.Start(&sshtest.Config{Password: "right", Exec: func(_ context.Context, call *sshtest.Call) int {
		if call.Line == "reboot" {
			call.Drop()
		}
		fmt.Fprintln(call.Stdout, "the first boot")
		return 0
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	b.SSH.User, b.SSH.Password, b.SSH.Addr = "root", "right", server.Addr
	b.SSH.Observe = func(e ssh.Event) {
		if _, ok := e.(ssh.Connected); ok {
			server.SetFault(sshtest.Silent)
		}
	}
	if step := fails(t, b, 60*time.Second, "shows its login prompt"); step.Name() != "no-login" {
		t.Errorf("%q: %v", step.Name(), step)
	}
}

func TestLoginRE(t *testing.T) {
	for text, want := range map[string]bool{
		"demo login: ":           true,
		"Debian\n\ndemo login:":  true,
		"demo login: _":          true,
		"demo login: root":       false,
		"demo login: \nPassword": false,
		"":                       false,
	} {
		if got := loginRE.MatchString(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// A guest that looks for a file under nearly the right name.
func TestMissed(t *testing.T) {
	t.Parallel()
	b, _ := newBuild(t, guest.Echo, ready(), do("ask", func(ctx context.Context, g *Guest) error {
		// The host asks in the guest's place, from the same network's other end.
		for _, path := range []string{"/vendor-data", "/preseed.cf"} {
			get(t, g, path)
		}
		return nil
	}), do("wait", func(ctx context.Context, g *Guest) error {
		go func() {
			time.Sleep(100 * time.Millisecond)
			get(t, g, "/preseed.cf")
		}()
		_, err := g.WaitFetch(ctx, "/preseed.cfg")
		return err
	}))
	b.Files = fstest.MapFS{"preseed.cfg": {}}
	step := fails(t, b, 20*time.Second, "/preseed.cf", "/preseed.cfg", "mend the boot command")
	var missed *NotFoundError
	if !errors.As(step, &missed) || step.Name() != "wrong-file-name" || missed.Awaited != "/preseed.cfg" || len(step.Requests) != 3 {
		t.Errorf("%v, %v", missed, step.Requests)
	}
}

// A guest that looks for files, finds none and tries no other name, while something
// else is waited for; and guests that find one after all, or were logged in to.
func TestMissedOtherwise(t *testing.T) {
	t.Parallel()
	asks := func(paths ...string) *Build {
		b, _ := newBuild(t, guest.Echo, ready(), do("ask", func(ctx context.Context, g *Guest) error {
			for _, path := range paths {
				get(t, g, path)
			}
			ctx, cancel := context.WithTimeout(ctx, missPatience+3*time.Second)
			defer cancel()
			_, err := g.WaitText(ctx, regexp.MustCompile("never shown"), keyseq.Region{})
			return err
		}))
		b.Files = fstest.MapFS{"preseed.cfg": {}}
		return b
	}
	step := fails(t, asks("/pressed.cf"), 20*time.Second, `"/pressed.cf"`, "which is not there, and has fetched nothing else", `nearest is "/preseed.cfg"`)
	if step.Name() != "wrong-file-name" || step.Took > missPatience+3*time.Second {
		t.Errorf("%q after %v", step.Name(), step.Took)
	}
	if step := fails(t, asks("/install-1234.conf", "/preseed.cfg"), 20*time.Second); step.Name() != "timeout" && step.Name() != "" {
		t.Errorf("one was found: %q: %v", step.Name(), step)
	}
	if step := fails(t, asks(), 20*time.Second, "has not asked for any of the files"); !step.Unasked {
		t.Error("nothing was asked for, and nobody says so")
	}
	server, err := sshtest.Start(&sshtest.Config{Password: "right"})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	inside := asks("/missing.sh")
	inside.SSH.User, inside.SSH.Password, inside.SSH.Addr = "root", "right", server.Addr
	inside.Steps = append([]Step{WaitSSH()}, inside.Steps...)
	if step := fails(t, inside, 20*time.Second); step.Name() == "wrong-file-name" {
		t.Errorf("in the installed system: %v", step)
	}
	inside = asks()
	inside.SSH.User, inside.SSH.Password, inside.SSH.Addr = "root", "right", server.Addr
	inside.Steps = append([]Step{WaitSSH()}, inside.Steps...)
	if step := fails(t, inside, 20*time.Second); step.Unasked {
		t.Errorf("in the installed system nothing need be asked for: %v", step)
	}
	quiet := asks("/pressed.cf")
	quiet.Detect = &detect.Set{}
	if step := fails(t, quiet, 20*time.Second); step.Name() == "wrong-file-name" || step.Unasked {
		t.Errorf("nobody looks: %q: %v", step.Name(), step)
	}
}

// A guest that tries name after name, in turns: each new one has its time, and
// what is being typed may bring another.
func TestMissesTry(t *testing.T) {
	miss := func(m *misses, path string) { m.requested(httpserve.Request{Path: path, Status: http.StatusNotFound}) }
	long := func(m *misses) { m.since = m.since.Add(-missPatience) }
	var m misses
	miss(&m, "/a")
	long(&m)
	miss(&m, "/b")
	if err := m.inVain(false); err != nil {
		t.Errorf("no patience with the second name: %v", err)
	}
	long(&m)
	if err := m.inVain(true); err != nil {
		t.Errorf("no patience with what is typed: %v", err)
	}
	long(&m)
	miss(&m, "/a") // again
	if err := m.inVain(false); err == nil || !strings.Contains(err.Error(), `"/b"`) {
		t.Errorf("endless patience with two names in turn: %v", err)
	}
	for i := range 2 * maxTried {
		long(&m)
		miss(&m, fmt.Sprint("/", i))
	}
	if m.inVain(false) == nil {
		t.Error("endless patience with ever new names")
	}
}

// get asks the build's server for a file, as the guest would.
func get(t *testing.T, g *Guest, path string) {
	t.Helper()
	answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d%s", g.HTTPPort, path))
	if err != nil {
		t.Error(err)
		return
	}
	answer.Body.Close()
}
