//go:build linux

package iso_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bootscribe/bootscribe/internal/need"
)

// inMounts runs fetchInChild after a shell script in a mount namespace of
// its own; $DIR is the cache.
func inMounts(t *testing.T, script, dir, url, sum string) (string, error) {
	t.Helper()
	unshare := need.Tool(t, "unshare")
	if err := exec.Command(unshare, "-m", "mount", "-t", "tmpfs", "none", t.TempDir()).Run(); err != nil {
		t.Skip("needs the right to mount in a namespace of its own (root): ", err)
	}
	cmd := exec.CommandContext(t.Context(), unshare, "-m", "sh", "-ec", script+"\n\"$0\" || rc=$?; "+
		"ls -R \"$DIR\"; exit ${rc:-0}", os.Args[0])
	cmd.Env = append(os.Environ(), "DIR="+dir, "ISO_TEST_CHILD_DIR="+dir, "ISO_TEST_CHILD_URL="+url, "ISO_TEST_CHILD_SUM="+sum)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// I-12: the disk is full, found before the download or during it.
func TestFetchDiskFull(t *testing.T) {
	body := noise(3<<20, 30)
	for name, length := range map[string]string{"known": fmt.Sprint(len(body)), "unknown": ""} {
		t.Run(name, func(t *testing.T) {
			requests := 0
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests++
				if length != "" {
					w.Header().Set("Content-Length", length)
				}
				w.Write(body)
			}))
			defer s.Close()
			dir := filepath.Join(t.TempDir(), "cache")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			out, err := inMounts(t, `mount -t tmpfs -o size=2m,mode=700 none "$DIR"`, dir, s.URL+"/disc.iso", sha(body))
			if err == nil || !strings.Contains(out, "no space left on device") || !strings.Contains(out, "set Fetcher.Dir") ||
				!strings.Contains(out, "free") || !strings.Contains(out, dir) {
				t.Errorf("%v:\n%s", err, out)
			}
			if strings.Count(out, sha(body)+"\n") != 1 { // the lock
				t.Errorf("something is left in the cache:\n%s", out)
			}
			if requests != 1 {
				t.Errorf("%d requests", requests)
			}
		})
	}
}

// I-13: a cache that cannot be written to serves what it has, and says what
// is wrong where it would have to be written.
func TestFetchReadOnlyCache(t *testing.T) {
	body := []byte("medium")
	m := newMirror(t, body)
	dir := filepath.Join(t.TempDir(), "cache")
	if out, err := child(t, dir, m.URL+"/x.iso", sha(body)).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	readOnly := `mount --bind "$DIR" "$DIR"; mount -o remount,ro,bind "$DIR"`
	if out, err := inMounts(t, readOnly, dir, m.URL+"/x.iso", sha(body)); err != nil || m.count() != 1 {
		t.Errorf("after %d requests: %v:\n%s", m.count(), err, out)
	}
	out, err := inMounts(t, readOnly, dir, m.URL+"/x.iso", sha([]byte("new")))
	if err == nil || !strings.Contains(out, "read-only file system") || !strings.Contains(out, "Fetcher.Dir") || m.count() != 1 {
		t.Errorf("after %d requests: %v:\n%s", m.count(), err, out)
	}
}

// The first error of fsync is the last word: nothing gets a final name.
func TestFetchSyncFails(t *testing.T) {
	strace := need.Tool(t, "strace")
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "medium") }))
	defer s.Close()
	dir := filepath.Join(t.TempDir(), "cache")
	cmd := child(t, dir, s.URL+"/x.iso", sha([]byte("medium")))
	args := append([]string{strace, "-f", "-qq", "-o", "/dev/null", "-e", "inject=fsync:error=EIO:when=1"}, cmd.Args...)
	traced := exec.CommandContext(t.Context(), strace, args[1:]...)
	traced.Env = cmd.Env
	out, err := traced.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "the disk did not take the file") {
		t.Errorf("%v:\n%s", err, out)
	}
	for _, sub := range []string{"sha256", "part"} {
		if files, _ := filepath.Glob(filepath.Join(dir, sub, "*")); len(files) > 0 {
			t.Errorf("left behind: %v", files)
		}
	}
}
