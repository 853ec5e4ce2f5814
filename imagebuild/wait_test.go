package imagebuild

import (
	"context"
	"errors"
	"image"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/internal/typeguest"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/keyseq"
	"github.com/bootscribe/bootscribe/screen"
)

var everywhere keyseq.Region

// What the screen shows is found, and what it shows in the end is in the error.
func TestWaitText(t *testing.T) {
	t.Parallel()
	b, _ := newBuild(t, guest.Show("login: root\nno answer file\n"),
		WaitText(`answer\s+file$`, "^login: "),
		do("look", func(ctx context.Context, g *Guest) error {
			m, err := g.WaitText(ctx, regexp.MustCompile(`answer (f\w+)`), everywhere)
			if err != nil {
				return err
			}
			if m.Text != "answer file" || !cmp.Equal(m.Groups, []string{"file"}) || m.Cells.Dx() != 11 || m.Cells.Dy() != 1 {
				t.Errorf("%+v", m)
			}
			if _, err := g.WaitText(ctx, regexp.MustCompile("answer"), keyseq.Region{Row: m.Cells.Min.Y, Height: 1}); err != nil {
				t.Error(err)
			}
			if g.eye.reads > 40 {
				t.Errorf("%d frames were read", g.eye.reads)
			}
			return nil
		}),
		Step{Name: "elsewhere", Timeout: 300 * time.Millisecond, Do: func(ctx context.Context, g *Guest) error {
			_, err := g.WaitText(ctx, regexp.MustCompile("answer"), keyseq.Region{Row: -1, Height: 1})
			return err
		}})
	step := fails(t, b, 30*time.Second, `"elsewhere"`, `waiting for "answer" on the screen: no end after 300ms; the screen ends with`, `login: root\nno answer file"`)
	if !strings.HasSuffix(step.Text, "login: root\nno answer file\n") || !errors.Is(step, context.DeadlineExceeded) {
		t.Errorf("%q, %v", step.Text, step)
	}
}

// What QEMU shows and what it has sent are the same view, which is read once and
// then takes next to no memory.
func TestViews(t *testing.T) {
	t.Parallel()
	b, _ := newBuild(t, guest.Show("hello\n"), WaitText("hello"), do("look", func(ctx context.Context, g *Guest) error {
		for ctx.Err() == nil {
			fresh, _ := g.eye.fresh(ctx) // in between the cursor may blink
			seen, _ := g.eye.look()
			if _, err := g.eye.read(seen); err != nil {
				return err
			}
			if seen == fresh && seen.frame == nil && g.eye.reads < 40 {
				return errors.New("enough")
			}
		}
		return ctx.Err()
	}))
	fails(t, b, 30*time.Second, "enough")
}

// Where the fonts at hand are not the guest's, its text memory says what is on
// the screen, as long as a BIOS is in charge.
func TestWaitTextMemory(t *testing.T) {
	t.Parallel()
	b, _ := newBuild(t, guest.Show("login: root\n\xb3 Gr\x81n\n"), WaitText("^login: root$"), do("look", func(ctx context.Context, g *Guest) error {
		text, err := g.Text(ctx)
		if err != nil {
			return err
		}
		if text.Source != screen.FromMemory || text.Cell != image.Pt(9, 16) || !strings.Contains(text.String(), "\n\uFFFD Gr\uFFFDn\n") {
			t.Errorf("%s, cells of %v: %q", text.Source, text.Cell, text)
		}
		return errors.New("enough")
	}))
	b.Fonts = slices.DeleteFunc(screen.Learned(), func(f *screen.Font) bool { return f.Height != 19 }) // OVMF's
	fails(t, b, 30*time.Second, "enough")
}

// What was read on the screen counts more than what is in memory, which counts
// only if the two agree.
func TestMerge(t *testing.T) {
	memory := func(s string) (*screen.Text, []byte) {
		var codes []byte
		for i := range len(s) {
			codes = append(codes, s[i], 7)
		}
		text, err := screen.VGAMemory(codes, len(s))
		if err != nil {
			t.Fatal(err)
		}
		return text, codes
	}
	for _, tt := range []struct {
		memory, read, want string // in read a ? is what could not be read
	}{
		{"boot: x", "??????x", "boot: x"},
		{"a\xb3\x81", "???", "a\uFFFD\uFFFD"},
		{"\xb3\x00", "|?", "|"},
		{"boot", "root", ""},
		{"boot", "??", "boot"}, // of another size
	} {
		text, codes := memory(tt.memory)
		read, _ := memory(tt.read)
		for i := range read.Cells {
			read.Cells[i].Known = read.Cells[i].Rune != '?'
		}
		if ok := merge(text, codes, read); ok != (tt.want != "") || ok && strings.TrimSpace(text.String()) != tt.want {
			t.Errorf("%q and %q: %v, %q", tt.memory, tt.read, ok, text)
		}
	}
}

// A boot command waits for what the screen shows of the keys before.
func TestTypeWaits(t *testing.T) {
	t.Parallel()
	b, _ := newBuild(t, guest.KeyRead(0, true), WaitStill(300*time.Millisecond),
		Type(`ab<wait "ab$" 60s>cd<wait "^ab ?cd"><wait still 300ms>`),
		Type(`e<wait "never" 200ms>f`))
	step := fails(t, b, 60*time.Second, `1:2, after 1 keys and waits: waiting for "never" on the screen: <wait "never" 200ms> is not so within 200ms; the screen ends with`)
	if !strings.Contains(step.Text, "abcd") || strings.Contains(step.Text, "f\n") {
		t.Errorf("%q", step.Text)
	}
}

// ISOLINUX's prompt, with a cursor that blinks.
func TestPrompt(t *testing.T) {
	t.Parallel()
	b, _ := newBuild(t, guest.Button)
	disc, err := typeguest.ISOLINUX(t.Context(), t.TempDir())
	if missing := new(typeguest.MissingError); errors.As(err, &missing) {
		need.Skip(t, missing.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	b.Media = iso.Source{URLs: []string{disc}, Checksum: "none"}
	b.VM.Memory = 64
	b.Steps = []Step{
		Type(`<wait "boot: "><wait still 1s>nosuch<enter><wait "(?s)nosuch[.]{3} failed.*^boot:$"><wait still 500ms>`),
		Step{Name: "change", Timeout: time.Second, Do: func(ctx context.Context, g *Guest) error { return g.WaitChange(ctx) }},
	}
	fails(t, b, 60*time.Second, `"change"`, "waiting for the screen to change: no end after 1s")
}

// A menu on a picture, which is left for a prompt in text mode.
func TestGraphicalMenu(t *testing.T) {
	t.Parallel()
	b, _ := newBuild(t, guest.Button)
	disc, err := typeguest.Debian(t.Context(), t.TempDir())
	if missing := new(typeguest.MissingError); errors.As(err, &missing) {
		need.Skip(t, missing.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	b.Media = iso.Source{URLs: []string{disc}, Checksum: "none"}
	b.VM.Memory = 64
	b.Steps = []Step{
		Type(`<wait "^[^a-z]*Install\b"><esc><wait "^boot:$">auto url=http`),
		WaitText("^boot: auto url=http$"), WaitStill(300 * time.Millisecond),
		do("enough", func(context.Context, *Guest) error { return errors.New("that will do") }),
	}
	fails(t, b, 60*time.Second, "that will do")
}

// Where no letter can be read a wait looks for what is recognised, by tesseract
// if it is installed, and the rules do not.
func TestWaitTextOCR(t *testing.T) {
	t.Parallel()
	disc, err := typeguest.Debian(t.Context(), t.TempDir())
	if missing := new(typeguest.MissingError); errors.As(err, &missing) {
		need.Skip(t, missing.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	guess := func(ctx context.Context, img image.Image) (*screen.Text, error) {
		if img.Bounds().Dx() != 640 {
			return screen.Lines(screen.FromOCR, nil), nil
		}
		return screen.Lines(screen.FromOCR, []string{"Install it", "Kernel panic - not syncing: so it seems"}), nil
	}
	for name, ocr := range map[string]screen.OCR{"guess": guess, "tesseract": screen.Tesseract{}.Read, "none": screen.Tesseract{Program: "no-such-program"}.Read} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath("tesseract"); err != nil && name == "tesseract" {
				need.Skip(t, "needs tesseract; `make deps` installs it")
			}
			limit := time.Minute
			if name == "none" {
				limit = 6 * time.Second
			}
			b, _ := newBuild(t, guest.Button, Step{Name: "wait", Timeout: limit, Do: func(ctx context.Context, g *Guest) error {
				if _, err := g.WaitText(ctx, regexp.MustCompile("Advanced options|Install it"), everywhere); err != nil {
					return err
				}
				text, err := g.Text(ctx)
				if err == nil && text.Source != screen.FromOCR {
					t.Errorf("the text is from %s", text.Source)
				}
				return errors.Join(err, pause(ctx, 2*time.Second), errors.New("enough"))
			}})
			b.Media = iso.Source{URLs: []string{disc}, Checksum: "none"}
			b.VM.Memory = 64
			b.OCR, b.Fonts = ocr, slices.DeleteFunc(screen.Learned(), func(f *screen.Font) bool { return f.Height != 19 })
			words := "enough"
			if name == "none" {
				words = "no end after 6s; there is no text on the screen"
			}
			fails(t, b, 60*time.Second, words)
		})
	}
}

// The first outcome that appears counts, and says what to do.
func TestFirst(t *testing.T) {
	t.Parallel()
	no := errors.New("no such thing")
	b, r := newBuild(t, guest.Show("Install or rescue?\n"), First(
		Outcome{Text: "never", Err: no},
		Outcome{Text: "rescue", In: keyseq.Region{Row: -1, Height: 1}, Err: no},
		Outcome{Text: "rescue.$", Steps: []Step{
			do("look", func(ctx context.Context, g *Guest) error {
				i, err := g.First(ctx, Outcome{Serial: "never"}, Outcome{Serial: "(no)such|(or)"}, Outcome{Serial: "rescue"})
				if err != nil || i != 1 {
					t.Error(i, err)
				}
				i, err = g.First(ctx, Outcome{Serial: "or"}, Outcome{Serial: "rescue"})
				if err != nil || i != 1 {
					t.Errorf("after what was matched before: %d, %v", i, err)
				}
				return err
			}),
		}, Err: errors.New("a person is needed")},
	))
	fails(t, b, 60*time.Second, `"rescue.$" on the screen: a person is needed`)
	var appeared []string
	for _, a := range only[Appeared](r) {
		appeared = append(appeared, a.What)
	}
	if d := cmp.Diff([]string{`"rescue.$" on the screen`, `"(no)such|(or)" on the serial line`, `"rescue" on the serial line`}, appeared); d != "" {
		t.Error(d)
	}
}

// A step of an outcome that fails, and a wait for outcomes that does not end.
func TestFirstFails(t *testing.T) {
	t.Parallel()
	b, _ := newBuild(t, guest.Show("Install\n"), First(Outcome{Text: "Install", Steps: []Step{
		{Name: "too slow", Timeout: 50 * time.Millisecond, Do: forever["serial"]},
	}}))
	fails(t, b, 60*time.Second, `after "Install" on the screen: too slow: `, "no end after 50ms")
	never := First(Outcome{Text: "never"}, Outcome{Serial: "nor this"})
	never.Timeout = 200 * time.Millisecond
	b, _ = newBuild(t, guest.Show("Install\n"), WaitText("Install"), never)
	fails(t, b, 60*time.Second, `waiting for "never" on the screen or "nor this" on the serial line: no end after 200ms; the screen ends with`, "Install")
}

// Keys are pressed until something appears.
func TestRepeat(t *testing.T) {
	t.Parallel()
	b, _ := newBuild(t, guest.KeyRead(0, true), Repeat("a", 20*time.Millisecond, Outcome{Text: "never"}, Outcome{Text: "aaa"}),
		do("count", func(ctx context.Context, g *Guest) error { return errors.New("enough") }))
	fails(t, b, 60*time.Second, `"count"`)
	enough := errors.New("enough")
	b, _ = newBuild(t, guest.Echo, ready(), do("never", func(ctx context.Context, g *Guest) error {
		ctx, cancel := context.WithCancelCause(ctx)
		var watch sync.WaitGroup
		watch.Go(func() {
			_, err := g.VM.Console().Wait(ctx, regexp.MustCompile("Rxx"))
			cancel(errors.Join(enough, err))
		})
		defer watch.Wait()
		_, err := g.Repeat(ctx, "x", 50*time.Millisecond, Outcome{Text: "xx"}) // it echoes on the serial line
		return err
	}))
	step := fails(t, b, 60*time.Second, `typing "x" again and again until there is "xx" on the screen: enough`)
	if !errors.Is(step, enough) {
		t.Error(step)
	}
}

// A handler has its turn during a wait, once for each time that its dialog
// shows, and the wait goes on.
func TestHandlers(t *testing.T) {
	t.Parallel()
	turns := 0
	b, r := newBuild(t, guest.KeyRead(0, true), Type(`<wait still 300ms>x`), WaitText("xyz"),
		Type(`<wait "xyz">?<wait "never">`))
	b.Handlers = []Outcome{
		{Text: `x$`, Steps: []Step{Type(`y<wait "xy">z`), do("count", func(context.Context, *Guest) error { turns++; return nil })}},
		{Text: `\?`, Err: errors.New("nobody answers")},
	}
	fails(t, b, 60*time.Second, `"type the boot command"`, `"\\?" on the screen: nobody answers`)
	if turns != 1 || len(only[Appeared](r)) != 2 {
		t.Errorf("%d turns, %v", turns, only[Appeared](r))
	}
}

// During other waits too, and for what is written to the serial line.
func TestHandlersOfOtherWaits(t *testing.T) {
	waits := map[string]Step{
		"serial":   WaitSerial("never"),
		"still":    WaitStill(time.Hour),
		"change":   do("change", forever["screen"]),
		"shutdown": WaitShutdown(),
		"pause":    Pause(time.Hour),
		"first":    First(Outcome{Serial: "never"}, Outcome{Text: "never"}),
	}
	for name, wait := range waits {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, _ := newBuild(t, guest.Echo, wait)
			b.Handlers = []Outcome{{Serial: "R", Steps: []Step{Type("bad")}}, {Serial: "b(a)d", Err: errors.New("that is bad")}}
			fails(t, b, 60*time.Second, `"b(a)d" on the serial line: that is bad`)
		})
	}
}

// What cannot be waited for is found before the machine starts.
func TestValidateWaits(t *testing.T) {
	b := &Build{}
	b.VM.VGA = "none"
	b.Handlers = []Outcome{{Text: "("}, {}}
	for _, s := range []struct {
		step  Step
		words []string
	}{
		{WaitText(), []string{"no text to wait for", "needs a screen"}},
		{WaitText("a", "(", "x*"), []string{"missing closing )", `"x*" matches nothing at all`}},
		{First(), []string{"no outcomes"}},
		{First(Outcome{}, Outcome{Text: "a", Serial: "b"}, Outcome{Serial: ")"}, Outcome{Text: "a", Steps: []Step{{}, WaitSSH(), Shell("x")}}),
			[]string{"outcome 0: 0 of Text, Serial and Fetch are set", "outcome 1: 2 of", "outcome 2: error parsing", "outcome 3: needs a screen", "its Do is nil", "SSH.User is empty"}},
		{First(Outcome{Fetch: "/x"}), []string{"outcome 0: there are no Files"}},
		{Repeat(`<wait "a">`, 0, Outcome{Text: "x*"}), []string{"is not positive", "cannot wait for facts", `"x*" matches nothing`}},
		{Repeat("é", time.Second, Outcome{Text: "x"}), []string{"cannot type"}},
		{Type(`a<wait fetch "/x">`), []string{`<wait fetch "/x"> at 1:2: there are no Files`}},
	} {
		text := errors.Join(s.step.wrongIn(b), s.step.wrongWith(b.exampleVars())).Error()
		for _, w := range s.words {
			if !strings.Contains(text, w) {
				t.Errorf("%s: %q is not in %q", s.step.Name, w, text)
			}
		}
	}
	if err := b.validateHandlers(); err == nil || !strings.Contains(err.Error(), "imagebuild: Handlers: outcome 0: error parsing") || !strings.Contains(err.Error(), "outcome 1: 0 of") {
		t.Error(err)
	}
}

func TestFind(t *testing.T) {
	text := screen.Lines(screen.FromGlyphs, []string{"login: root", "", "Password:   ", "boot:"})
	for pattern, want := range map[string]string{
		"login: ":         "login: ",
		"boot: ":          "boot: ", // with a space that ends the row
		"(?m)^boot:$":     "boot:",
		"(?m)Password:$":  "Password:",
		"root$":           "",
		"root(?s:.*)Pass": "root\n\nPass",
	} {
		m := find(text, regexp.MustCompile(pattern), everywhere)
		got := ""
		if m != nil {
			got = m.Text
		}
		if got != want {
			t.Errorf("%q finds %q, want %q", pattern, got, want)
		}
	}
	if m := find(text, regexp.MustCompile("login"), keyseq.Region{Row: 40}); m != nil {
		t.Errorf("outside the screen: %+v", m)
	}
	wide := &screen.Text{Columns: 4, Rows: 1}
	for _, r := range []rune{'中', 0, ':', ' '} {
		wide.Cells = append(wide.Cells, screen.Cell{Rune: r, Known: true})
	}
	if m := find(wide, regexp.MustCompile("中: "), everywhere); m == nil {
		t.Error("a character of two cells is not found before a space")
	}
}
