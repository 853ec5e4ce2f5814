//go:build unix

package httpserve_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bootscribe/bootscribe/httpserve"
)

func TestPipe(t *testing.T) {
	path := t.TempDir()
	fifo, big := filepath.Join(path, "fifo"), filepath.Join(path, "big")
	write(t, big, strings.Repeat("x", 2<<20))
	if err := syscall.Mkfifo(fifo, 0o644); err != nil {
		t.Skip("needs named pipes:", err)
	}
	files, err := httpserve.Dir(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := files.Open("fifo"); err == nil {
		t.Error("a named pipe can be opened")
	}
	s := start(t, &httpserve.Config{Files: files})
	if status, _ := get(t, s.URL()+"/fifo"); status != 404 {
		t.Errorf("a named pipe: status %d, want 404", status)
	}
	if err := os.Rename(fifo, big); err != nil {
		t.Fatal(err)
	}
	if status, _ := get(t, s.URL()+"/big"); status != 500 {
		t.Errorf("a file that became a pipe: status %d, want 500", status)
	}
}
