package view

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/detect"
	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/qemu"
)

// The live page before the first picture, during the build, after its end and
// after that of the program.
func TestLiveInBrowser(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	l := NewLive(&LiveConfig{Title: "debian-12", Input: true})
	server := httptest.NewServer(l)
	defer server.Close()
	address := server.URL + "/"

	b.look("waiting", address, "document.body.innerText.includes('Waiting for the build to begin')")
	for _, e := range []imagebuild.Event{
		imagebuild.PhaseStarted{Phase: imagebuild.PhaseCheck},
		imagebuild.PhaseDone{Phase: imagebuild.PhaseCheck, Took: 42 * time.Millisecond},
		imagebuild.PhaseStarted{Phase: imagebuild.PhaseFetch},
		imagebuild.Fetched{Event: iso.Trying{URL: "http://127.0.0.1/debian-12.5.0-amd64-netinst.iso"}},
		imagebuild.Fetched{Event: iso.Progress{Done: 34, Total: 100}},
	} {
		l.Observe(e)
	}
	b.look("fetching", address, "document.getElementById('activity').textContent === 'fetching 34 %'")

	screens, conn := machine(t)
	for _, e := range []imagebuild.Event{
		imagebuild.PhaseDone{Phase: imagebuild.PhaseFetch, Took: 2 * time.Second},
		imagebuild.PhaseStarted{Phase: imagebuild.PhaseBoot},
		imagebuild.Machine{Event: qemu.Started{Version: "10.0", Accel: qemu.TCG, Reason: "there is no KVM"}},
		imagebuild.ScreenOpened{VNC: conn},
		imagebuild.PhaseDone{Phase: imagebuild.PhaseBoot, Took: time.Second},
		imagebuild.PhaseStarted{Phase: imagebuild.PhaseSteps},
		imagebuild.StepStarted{Step: "wait for the boot menu", Total: 2},
		imagebuild.StepDone{Step: "wait for the boot menu", Total: 2, Took: time.Second},
		imagebuild.StepStarted{Step: "let the installer fetch its answers", Index: 1, Total: 2},
	} {
		l.Observe(e)
	}
	for i := range 60 {
		l.Observe(imagebuild.ConsoleLine{Line: fmt.Sprintf("[    %d.%06d] a line of a kernel that boots, such as one sees them", i/10, i*1234)})
	}
	const blue = "document.getElementById('screen').getContext('2d').getImageData(5, 5, 1, 1).data[2] === 255"
	b.look("running", address, "!document.getElementById('screen').hidden && "+blue)

	// What a person types and where they click reaches the guest.
	b.eval("document.getElementById('screen').focus()", nil)
	for _, kind := range []string{"keyDown", "keyUp"} {
		b.do("Input.dispatchKeyEvent", object{"type": kind, "code": "KeyB", "key": "b"}, nil)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := screens.WaitTyped(ctx, "b"); err != nil {
		t.Error(err)
	}
	b.rate(func(i int) { screens.SetScreen(moving(i)) })

	question := detect.Finding{Name: "debian-question", Class: detect.Stall, Channel: detect.Screen, Line: 2,
		Text: "[!!] Configure the keyboard", Hint: "The Debian installer waits for an answer; put it in the preseed file."}
	l.Observe(imagebuild.Found{Finding: detect.Finding{Name: "linux", Class: detect.Info, Channel: detect.Serial, Line: 1, Text: "Linux version 6.1.0"}})
	l.Observe(imagebuild.Found{Finding: question})
	b.look("found", address, "document.querySelectorAll('.mark').length === 2 && document.querySelector('#notes .stall small')")
	b.until("(({scrollTop: t, clientHeight: c, scrollHeight: s}) => t + c >= s - 2)(document.getElementById('notes'))")
	b.follows(func(line string) { l.Observe(imagebuild.ConsoleLine{Line: line}) })
	question.Fails = true
	l.Observe(imagebuild.Found{Finding: question})
	l.Finish(&imagebuild.StepError{Step: "let the installer fetch its answers", Err: fmt.Errorf("waiting for /preseed.cfg: %w", &imagebuild.DetectedError{Finding: question})})
	b.look("failed", address, "document.getElementById('verdict').textContent === 'failed' && document.querySelector('.failure .advice').textContent === document.querySelector('#notes small').textContent")
	b.until("document.querySelector('.failure h2 .name').textContent === 'debian-question' && document.querySelector('.mark.fails')")
	b.visit(address)
	b.until("document.getElementById('caption').textContent === 'The screen as it was last.'")

	other := NewLive(nil)
	defer other.Close()
	program := httptest.NewServer(other)
	defer program.Close()
	b.visit(program.URL + "/")
	other.Close()
	b.until("!document.getElementById('lost').hidden")
	l.Close()
}

// The live page when the build succeeds: for who has watched, and for who comes
// when the machine is gone.
func TestLiveSuccessInBrowser(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	l := NewLive(&LiveConfig{Title: "debian-12", Input: true})
	defer l.Close()
	server := httptest.NewServer(l)
	defer server.Close()
	screens, conn := machine(t)
	const step = "wait for the login prompt"
	for _, e := range []imagebuild.Event{
		imagebuild.PhaseStarted{Phase: imagebuild.PhaseBoot},
		imagebuild.ScreenOpened{VNC: conn},
		imagebuild.PhaseDone{Phase: imagebuild.PhaseBoot, Took: time.Second},
		imagebuild.PhaseStarted{Phase: imagebuild.PhaseSteps},
		imagebuild.StepStarted{Step: step, Total: 1},
		imagebuild.ConsoleLine{Line: "debian login:"},
	} {
		l.Observe(e)
	}
	b.visit(server.URL + "/")
	b.until("!document.getElementById('screen').hidden && document.querySelectorAll('.bars .open').length === 2")
	screens.SetScreen(plain(color.RGBA{0, 0xff, 0, 0xff}))
	// The page's own canvas is not made for being read again and again.
	const green = "((c) => { c.drawImage(document.getElementById('screen'), 0, 0); return c.getImageData(5, 5, 1, 1).data[1] === 255; })(" +
		"document.createElement('canvas').getContext('2d', { willReadFrequently: true }))"
	b.until(green)
	conn.Close()
	for _, e := range []imagebuild.Event{
		imagebuild.StepDone{Step: step, Total: 1, Took: 2 * time.Second},
		imagebuild.PhaseDone{Phase: imagebuild.PhaseSteps, Took: 2 * time.Second},
		imagebuild.PhaseStarted{Phase: imagebuild.PhasePublish},
		imagebuild.PhaseDone{Phase: imagebuild.PhasePublish, Took: time.Second},
	} {
		l.Observe(e)
	}
	l.Finish(nil)
	succeeded := strings.Join([]string{
		"document.getElementById('verdict').textContent === 'succeeded'",
		"document.title === 'debian-12: succeeded'",
		"document.getElementById('activity').textContent.startsWith('after ')",
		"document.getElementById('failure').hidden && document.getElementById('lost').hidden",
		"!document.querySelector('.bars .open, .bars .bad')",
		"document.getElementById('notes').textContent.includes('the build has succeeded')",
		"document.getElementById('caption').textContent === 'The screen as it was last.'",
		green,
	}, " && ")
	b.until(succeeded)
	b.everyLook("live-succeeded-watched")
	b.look("succeeded", server.URL+"/", succeeded)
}

// look visits the page and, when it is ready, looks at it in every way.
func (b *browser) look(name, address, ready string) {
	b.t.Helper()
	b.visit(address)
	b.until(ready)
	b.everyLook("live-" + name)
}

// follows checks that the serial output shows its newest line, also when it has
// grown by itself since it was scrolled last, unless a person has scrolled up.
func (b *browser) follows(add func(line string)) {
	b.t.Helper()
	const atEnd = "(({scrollTop: t, clientHeight: c, scrollHeight: s}) => t + c >= s - 2)(document.getElementById('serial'))"
	said := func(line string) string {
		return fmt.Sprintf("document.getElementById('serial').textContent.includes(%q)", line)
	}
	b.until(atEnd)
	b.eval(`((box) => {
		const more = document.createElement("span");
		more.textContent = "\n".repeat(40);
		box.append(more);
		box.dispatchEvent(new Event("scroll"));
	})(document.getElementById("serial"))`, nil)
	add("grown")
	b.until(said("grown") + " && " + atEnd)
	b.eval("new Promise((done) => { const s = document.getElementById('serial'); s.addEventListener('scroll', () => requestAnimationFrame(done), { once: true }); s.scrollTop = 0; })", nil)
	add("unseen")
	b.until(said("unseen") + " && document.getElementById('serial').scrollTop === 0")
}

// moving is a picture of something that moves.
func moving(i int) *image.RGBA {
	img := plain(color.RGBA{0, 0, 0xff, 0xff})
	draw.Draw(img, image.Rect(i%600, 100, i%600+40, 140), image.White, image.Point{}, draw.Src)
	return img
}

// rate changes the screen until the page has drawn twelve pictures more, and says
// how many a second that were.
func (b *browser) rate(change func(i int)) {
	b.t.Helper()
	drawn := func() (n int) {
		b.eval("Number(document.getElementById('screen').dataset.frames)", &n)
		return n
	}
	first, began := drawn(), time.Now()
	for i := 0; ; i++ {
		change(i)
		time.Sleep(10 * time.Millisecond)
		if i%10 != 0 {
			continue
		}
		if n := drawn() - first; n >= 12 {
			b.t.Logf("%.1f pictures a second", float64(n)/time.Since(began).Seconds())
			return
		}
		if time.Since(began) > time.Minute {
			b.t.Fatalf("%d pictures in a minute", drawn()-first)
		}
	}
}
