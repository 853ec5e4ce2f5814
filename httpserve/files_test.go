package httpserve_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/bootscribe/bootscribe/httpserve"
)

// TestNothingOutside asks for what must not be had, in every spelling, on a
// raw socket, since Go's client would clean the paths.
func TestNothingOutside(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "files")
	write(t, filepath.Join(root, "secret"), "SECRET")
	write(t, filepath.Join(root, "outside", "secret"), "SECRET")
	write(t, filepath.Join(path, "ok"), "ok")
	write(t, filepath.Join(path, "sub", "ok"), "ok")
	for link, target := range map[string]string{
		"link": "../secret", "dirlink": "../outside", "abs": filepath.Join(root, "secret"),
		"inside": "sub/ok", "loop": "loop", "dangling": "nowhere",
	} {
		if err := os.Symlink(target, filepath.Join(path, link)); err != nil {
			t.Fatal(err)
		}
	}
	files, err := httpserve.Dir(path)
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, &httpserve.Config{Files: files})
	for _, tt := range []struct {
		path, status string
	}{
		{"/ok", "200"},
		{"/inside", "200"}, // a link that stays inside
		{"/sub/../ok", "404"},
		{"/../secret", "404"},
		{"/../../../../etc/passwd", "404"},
		{"/%2e%2e/secret", "404"},
		{"/..%2fsecret", "404"},
		{"/%2e%2e%2fsecret", "404"},
		{"/..%5csecret", "404"},
		{`/..\secret`, "404"},
		{"/./ok", "404"},
		{"//etc/passwd", "404"},
		{"/%2fetc/passwd", "404"},
		{"/ok%00", "404"},
		{"/ok%00.cfg", "404"},
		{"/ok/", "404"},
		{"/sub", "404"},
		{"/sub/", "404"},
		{"/link", "404"},
		{"/dirlink/secret", "404"},
		{"/abs", "404"},
		{"/loop", "404"},
		{"/dangling", "404"},
		{"/" + strings.Repeat("a", 5000), "404"},
		{"/" + strings.Repeat("a/", 2500), "404"},
		{"/" + strings.Repeat("a", 30_000), "431"},
		{"http://elsewhere/../secret", "404"},
		{"/%zz", "400"},
		{"/ok\x00", "400"},
		{"ok", "400"},
		{"*", "404"},
	} {
		answer := raw(t, s, "GET "+tt.path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if !strings.HasPrefix(answer, "HTTP/1.1 "+tt.status) || strings.Contains(answer, "SECRET") || strings.Contains(answer, "Location:") {
			t.Errorf("%.60q: %.200q, want status %s", tt.path, answer, tt.status)
		}
	}
}

func TestOtherFSLeavesLinksOut(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "secret"), "SECRET")
	write(t, filepath.Join(root, "files", "ok"), "ok")
	if err := os.Symlink("../secret", filepath.Join(root, "files", "link")); err != nil {
		t.Fatal(err)
	}
	s := start(t, &httpserve.Config{Files: os.DirFS(filepath.Join(root, "files"))})
	if status, _ := get(t, s.URL()+"/link"); status != 404 {
		t.Errorf("a link in os.DirFS: status %d, want 404", status)
	}
	if status, body := get(t, s.URL()+"/ok"); status != 200 || body != "ok" {
		t.Errorf("a file in os.DirFS: %d %q", status, body)
	}
}

// TestSymlinkRace swaps a file for a link to a secret while it is opened.
func TestSymlinkRace(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "files")
	write(t, filepath.Join(root, "secret"), "SECRET")
	write(t, filepath.Join(path, "file"), "public")
	files, err := httpserve.Dir(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../secret", filepath.Join(path, "evil")); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var swapping sync.WaitGroup
	swapping.Go(func() {
		file, evil, spare := filepath.Join(path, "file"), filepath.Join(path, "evil"), filepath.Join(path, "spare")
		for {
			select {
			case <-stop:
				return
			default:
			}
			_, _ = os.Rename(file, spare), os.Rename(evil, file)
			_, _ = os.Rename(file, evil), os.Rename(spare, file)
		}
	})
	defer swapping.Wait()
	defer close(stop)
	opened := 0
	for range 20_000 {
		f, err := files.Open("file")
		if err != nil {
			continue
		}
		body, _ := io.ReadAll(f)
		f.Close()
		if string(body) != "public" {
			t.Fatalf("read %q through a swapped link", body)
		}
		opened++
	}
	t.Logf("opened the file %d times in 20000", opened)
}

func TestChange(t *testing.T) {
	path := t.TempDir()
	big := filepath.Join(path, "big")
	write(t, big, strings.Repeat("x", 2<<20))
	write(t, filepath.Join(path, "small"), "before")
	files, err := httpserve.Dir(path)
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, &httpserve.Config{Files: files})
	write(t, filepath.Join(path, "small"), "after")
	write(t, filepath.Join(path, "new"), "new")
	if _, body := get(t, s.URL()+"/small"); body != "before" {
		t.Errorf("a small file edited after the start: %q, want what it was", body)
	}
	if status, _ := get(t, s.URL()+"/new"); status != 404 {
		t.Errorf("a file made after the start: status %d, want 404", status)
	}
	write(t, big, strings.Repeat("y", 2<<20+1))
	if status, body := get(t, s.URL()+"/big"); status != 500 || strings.Contains(body, "yy") {
		t.Errorf("a large file edited after the start: %d %.40q, want 500", status, body)
	}
	last := waitRequests(t, s, 3)[2]
	if last.Err == nil || last.Complete {
		t.Errorf("its event does not say that it changed: %v", last)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.WaitFetch(ctx, "/big"); err == nil || !strings.Contains(err.Error(), "changed since") {
		t.Errorf("WaitFetch does not say that it changed: %v", err)
	}
}
