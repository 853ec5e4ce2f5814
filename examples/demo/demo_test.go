package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/imagebuild"
)

func TestRead(t *testing.T) {
	type want struct {
		text    string
		percent int64
		err     string
	}
	for line, w := range map[string]want{
		"installer: finished\r\n":                    {"finished", -1, ""},
		"installer: copied 55%\n":                    {"copied 55%", 55, ""},
		"installer: copied much%\n":                  {"copied much%", -1, ""},
		"[    1.2] xinstaller: error: no disk  \r\n": {"error: no disk", -1, "the installer says: error: no disk"},
	} {
		match := said.FindStringSubmatch(line)
		if match == nil {
			t.Errorf("%q does not match", line)
			continue
		}
		m := read(match)
		got := want{text: m.text, percent: m.percent}
		if m.err != nil {
			got.err = m.err.Error()
		}
		if d := cmp.Diff(w, got, cmp.AllowUnexported(want{})); d != "" {
			t.Errorf("%q (-want +got):\n%s", line, d)
		}
	}
	for _, line := range []string{"installer: fin", "installer: finished\r", "the installer\n"} {
		if match := said.FindStringSubmatch(line); match != nil {
			t.Errorf("%q matches: %q", line, match)
		}
	}
}

func TestExplain(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	plain := errors.New("no disk")
	if got := explain(t.Context(), plain); got != plain {
		t.Errorf("%v became %v", plain, got)
	}
	failed := &imagebuild.StepError{Step: "install", Err: plain, Console: "\x1b[2J\x1b[01;01Hoops\a é\r\n", Frame: image.NewRGBA(image.Rect(0, 0, 2, 2))}
	err := explain(t.Context(), failed)
	if !errors.Is(err, plain) || !strings.Contains(err.Error(), "\n  oops é\n") {
		t.Errorf("the evidence is not in %q", err)
	}
	pictures, _ := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "demo-screen-*.png"))
	if len(pictures) != 1 || !strings.Contains(err.Error(), pictures[0]) {
		t.Errorf("%v: the picture is not named in %q", pictures, err)
	}
	why := errors.New("interrupted")
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	failed.Err = fmt.Errorf("wait: %w", why)
	if got := explain(ended, failed); got.Error() != "interrupted" {
		t.Errorf("who has ended the program reads %q", got)
	}
	left := errors.New("remove /x: busy")
	if got := explain(ended, errors.Join(failed, errors.Join(left, nil))); got.Error() != "interrupted\nremove /x: busy" {
		t.Errorf("who has ended the program reads %q", got)
	}
}

// Every step has a name of its own and a limit, and its typing is possible.
func TestSteps(t *testing.T) {
	v := imagebuild.Vars{URL: "http://10.0.2.2:65535"}
	for _, firmware := range []string{"bios", "uefi"} {
		for _, s := range steps(options{firmware: firmware}) {
			if s.Name == "" || s.Timeout <= 0 || s.Do == nil {
				t.Errorf("%s: %+v", firmware, s)
			}
			if s.Check == nil {
				continue
			}
			if err := s.Check(v); err != nil {
				t.Errorf("%s: %s: %v", firmware, s.Name, err)
			}
		}
	}
}
