package main

import (
	"bytes"
	"errors"
	"image/gif"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/view"
	"github.com/bootscribe/bootscribe/vnc"
	"github.com/bootscribe/bootscribe/vnc/vnctest"
)

func TestRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "trace")
	record(t, dir)
	var page, moving bytes.Buffer
	if err := run([]string{dir}, &page, &page); err != nil || !strings.Contains(page.String(), "<h1>a title</h1>") {
		t.Errorf("%v: %.200s", err, &page)
	}
	if err := run([]string{"-gif", dir}, &moving, &moving); err != nil {
		t.Fatal(err)
	}
	if got, err := gif.DecodeAll(&moving); err != nil || got.Config.Width != 640 {
		t.Errorf("the GIF: %v", err)
	}
	for _, args := range [][]string{nil, {dir, dir}, {t.TempDir()}} {
		var out bytes.Buffer
		if err := run(args, &out, &out); err == nil || out.Len() > 0 {
			t.Errorf("%q: %v, and %q", args, err, &out)
		}
	}
}

// record makes a trace of a build of which there is one picture.
func record(t *testing.T, dir string) {
	t.Helper()
	server, err := vnctest.NewServer(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	conn, err := vnc.Dial(t.Context(), "tcp", server.Addr(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.WaitUpdate(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	rec, err := view.Record(&view.RecordConfig{Dir: dir, Title: "a title"})
	if err != nil {
		t.Fatal(err)
	}
	rec.Observe(imagebuild.ScreenOpened{VNC: conn})
	if err := rec.Finish(errors.New("it has failed")); err != nil {
		t.Fatal(err)
	}
}
