package view

import (
	"context"
	"errors"
	"image/color"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/bootscribe/bootscribe/httpserve"
	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/internal/guest"
)

// fetch is a step that asks for a file as the guest would.
func fetch(path string) imagebuild.Step {
	return imagebuild.Step{Name: "fetch " + path, Do: func(ctx context.Context, g *imagebuild.Guest) error {
		u, err := url.Parse(g.URL + path)
		if err != nil {
			return err
		}
		request, err := http.NewRequestWithContext(ctx, "GET", "http://127.0.0.1:"+u.Port()+path, nil)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		return answer.Body.Close()
	}}
}

// another is a step that records one picture more: a guest that is quick shows
// but one.
func another(r *Recorder) imagebuild.Step {
	return imagebuild.Step{Name: "show another picture", Do: func(context.Context, *imagebuild.Guest) error {
		if r.see(plain(color.White)) == "" {
			return errors.New("the picture was not kept")
		}
		return nil
	}}
}

// The report of a failed build and of a good one, in a browser: wide and narrow,
// light and dark.
func TestReportInBrowser(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	dir := t.TempDir()
	panics := guest.Show("Loading Linux 6.1.0-44-amd64 ...\nKernel panic - not syncing: VFS: Unable to mount\n")
	for _, tt := range []struct {
		name  string
		guest []byte
		last  imagebuild.Step
	}{
		{"good", guest.Install, fetch("/preseed.cfg")},
		{"failed", guest.Install, giveUp()},
		{"detected", panics, imagebuild.WaitText("never")},
	} {
		trace := filepath.Join(dir, tt.name)
		rec, err := Record(&RecordConfig{Dir: trace, Title: "debian-12 (" + tt.name + ")", Keep: Always, Interval: 1})
		if err != nil {
			t.Fatal(err)
		}
		build := smallBuild(t, fetch("/pressed.cfg"), another(rec), tt.last)
		build.Files = httpserve.Text{"preseed.cfg": "d-i auto\n"}
		if tt.name == "detected" {
			build.Media.URLs, build.Steps = []string{guest.CD(t, tt.guest)}, build.Steps[3:]
		}
		failed := run(t, build, rec.Observe)
		if (failed == nil) != (tt.name == "good") {
			t.Fatal(failed)
		}
		if err := rec.Finish(failed); err != nil {
			t.Fatal(err)
		}
		page := filepath.Join(dir, tt.name+".html")
		writeReport(t, page, trace)
		b.reportIn(tt.name, "file://"+page)
	}
}

func writeReport(t *testing.T, page, trace string) {
	t.Helper()
	f, err := os.Create(page)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := Report(f, trace); err != nil {
		t.Fatal(err)
	}
}

func (b *browser) reportIn(name, address string) {
	b.t.Helper()
	b.visit(address)
	b.everyLook("report-" + name)
	b.until("document.querySelectorAll('#film button').length > 1 && document.querySelectorAll('#notes li').length > 5")
	b.until("[...document.images].every((i) => i.hidden || i.naturalWidth > 0)")
	b.until("document.querySelector('#notes').textContent.includes('/pressed.cfg')")
	// The slider, the keys and the notes all go through the time.
	b.eval("const s = document.getElementById('time'); s.value = 0; s.dispatchEvent(new Event('input'))", nil)
	b.until("!document.getElementById('blank').hidden && document.getElementById('screen').hidden")
	b.eval("document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true}))", nil)
	b.until("!document.getElementById('screen').hidden && document.getElementById('caption').textContent.includes('Picture')")
	if name == "detected" {
		b.until("document.querySelector('.failure h2 .name').textContent === 'kernel-panic' && document.querySelector('.advice').textContent")
		b.until("document.querySelector('.error').textContent.startsWith('Kernel panic - not syncing')")
		b.until("document.querySelector('.mark.fatal.fails') && document.querySelector('#notes .found.fatal small')")
		b.until("document.querySelector('.requests .bad').textContent.includes('/pressed.cfg')")
	}
	b.eval("[...document.querySelectorAll('#notes .end button')].at(-1).click()", nil)
	b.until("document.querySelector('#notes .now').textContent.includes('the build has')")
	var playing string
	b.eval("document.getElementById('play').click(), document.getElementById('play').getAttribute('aria-pressed')", &playing)
	if playing != "true" {
		b.t.Errorf("%s: the button Play says %q when it was pressed", name, playing)
	}
	b.until("document.getElementById('play').getAttribute('aria-pressed') === 'false'")
	b.sound("after use: " + name)
}
