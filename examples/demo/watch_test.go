package main

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bootscribe/bootscribe/imagebuild"
)

// A build can be watched while it runs, and what stays is the report alone.
func TestWatch(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dir := t.TempDir()
	for range 2 { // the second report replaces the first
		w, err := watch(filepath.Join(dir, "demo.qcow2"))
		if err != nil {
			t.Fatal(err)
		}
		w.observe(imagebuild.PhaseStarted{Phase: imagebuild.PhaseCheck})
		answer, err := http.Get(w.address)
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || !strings.Contains(string(page), "<h1>demo.qcow2</h1>") {
			t.Errorf("%v: %.300s", err, page)
		}
		if err := w.finish(errors.New("no disk")); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(w.trace); err == nil {
			t.Error("the trace has stayed")
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 || files[0].Name() != "demo-report.html" {
		t.Fatalf("%v, %v", files, err)
	}
	report, err := os.ReadFile(filepath.Join(dir, "demo-report.html"))
	if err != nil || !strings.Contains(string(report), "no disk") {
		t.Errorf("%v: %.300s", err, report)
	}
}
