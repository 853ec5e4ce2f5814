//go:build unix

package iso_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/iso"
)

// I-09: a mismatch is kept where the right checksum finds it.
func TestFetchMismatchThenCorrected(t *testing.T) {
	body := noise(5000, 20)
	for _, at := range []int{0, 2500, 4999} {
		for alg := range sums(nil) {
			t.Run(fmt.Sprintf("%s/%d", alg, at), func(t *testing.T) {
				wrong := bytes.Clone(body)
				wrong[at] ^= 1
				m := newMirror(t, body)
				f := quick(t)
				src := iso.Source{URLs: []string{m.URL + "/disc.iso"}, Checksum: alg + ":" + sums(wrong)[alg]}
				_, err := f.Fetch(t.Context(), src)
				var mismatch *iso.ChecksumError
				if !errors.As(err, &mismatch) {
					t.Fatal(err)
				}
				wantError(t, err, src.Checksum, alg+":"+sums(body)[alg], "5000 bytes", src.URLs[0], mismatch.Kept)
				absent(t, f.Dir, sha(body))
				soundCache(t, f.Dir)
				src.Checksum = mismatch.Got
				got, err := f.Fetch(t.Context(), src)
				wantFile(t, got, err, body)
				if !got.Cached || m.count() != 1 {
					t.Errorf("cached is %v after %d requests", got.Cached, m.count())
				}
			})
		}
	}
}

// I-10: whatever has become of a file in the cache, the next Fetch heals it.
func TestFetchHealsCache(t *testing.T) {
	body := noise(5000, 21)
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, noise(5000, 22), 0o600); err != nil {
		t.Fatal(err)
	}
	replace := func(f func(path string) error) func(string) error {
		return func(path string) error { return errors.Join(os.Remove(path), f(path)) }
	}
	for name, damage := range map[string]func(path string) error{
		"a byte flipped": replace(func(p string) error {
			b := bytes.Clone(body)
			b[77] ^= 1
			return os.WriteFile(p, b, 0o600)
		}),
		"truncated": replace(func(p string) error { return os.WriteFile(p, body[:4000], 0o600) }),
		"emptied":   replace(func(p string) error { return os.WriteFile(p, nil, 0o600) }),
		"longer":    replace(func(p string) error { return os.WriteFile(p, append(bytes.Clone(body), 1), 0o600) }),
		"a symlink": replace(func(p string) error { return os.Symlink(other, p) }),
		"a symlink to a copy": replace(func(p string) error {
			copied := filepath.Join(filepath.Dir(other), "copy")
			return errors.Join(os.WriteFile(copied, body, 0o600), os.Symlink(copied, p))
		}),
		"a FIFO": replace(func(p string) error { return syscall.Mkfifo(p, 0o600) }),
		"a directory": replace(func(p string) error {
			return errors.Join(os.Mkdir(p, 0o700), os.WriteFile(filepath.Join(p, "precious"), nil, 0o600))
		}),
		"gone": replace(func(p string) error { return nil }),
	} {
		for alg, sum := range map[string]string{"sha256": sha(body), "md5": sums(body)["md5"], "none": "none"} {
			t.Run(name+"/"+alg, func(t *testing.T) {
				m := newMirror(t, body)
				f := quick(t)
				src := iso.Source{URLs: []string{m.URL + "/disc.iso"}, Checksum: sum}
				got, err := f.Fetch(t.Context(), src)
				wantFile(t, got, err, body)
				if err := damage(got.Path); err != nil {
					t.Fatal(err)
				}
				if err := got.Check(); err == nil {
					t.Error("Check does not notice")
				}
				got, err = f.Fetch(t.Context(), src)
				wantFile(t, got, err, body)
				if got.Cached {
					t.Error("taken from the cache")
				}
				precious, _ := filepath.Glob(filepath.Join(f.Dir, "quarantine", "*", "*", "precious"))
				if (name == "a directory") != (len(precious) == 1) {
					t.Errorf("what was in the directory is at %v", precious)
				}
			})
		}
	}
	if b, err := os.ReadFile(other); err != nil || !bytes.Equal(b, noise(5000, 22)) {
		t.Error("what the symlink led to was touched")
	}
}

// An index that lies leads nowhere.
func TestFetchLyingIndex(t *testing.T) {
	body, other := []byte("medium"), []byte("another")
	m := newMirror(t, body)
	f := quick(t)
	if err := os.MkdirAll(filepath.Join(f.Dir, "index"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(f.Dir, "sha256"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{`{"sha256":"` + sha(other) + `"}`, `{"sha256":"../../../etc/passwd"}`, `{`, ``} {
		os.WriteFile(filepath.Join(f.Dir, "sha256", sha(other)), other, 0o600)
		if err := os.WriteFile(filepath.Join(f.Dir, "index", "md5-"+sums(body)["md5"]), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := f.Fetch(t.Context(), iso.Source{URLs: []string{m.URL + "/x.iso"}, Checksum: sums(body)["md5"]})
		wantFile(t, got, err, body)
	}
}

// Without a checksum the server is asked whether it has a newer file.
func TestFetchUnpinnedAsksTheServer(t *testing.T) {
	one, two := noise(1000, 23), noise(1000, 24)
	m := newMirror(t, one)
	f := quick(t)
	src := iso.Source{URLs: []string{m.URL + "/disc.iso"}, Checksum: "none"}
	for i, step := range []struct {
		body   []byte
		etag   string
		cached bool
	}{
		{one, `"1"`, false}, {one, `"1"`, true}, {two, `"2"`, false}, {two, `"2"`, true},
		{one, `W/"3"`, false}, {one, `W/"3"`, false}, {two, ``, false},
	} {
		m.change(step.body, step.etag)
		got, err := f.Fetch(t.Context(), src)
		wantFile(t, got, err, step.body)
		if got.Cached != step.cached || got.Checksum != "" {
			t.Errorf("step %d: cached is %v, checksum %q", i, got.Cached, got.Checksum)
		}
	}
	m.Close()
	if _, err := f.Fetch(t.Context(), src); err == nil {
		t.Error("a file of unknown freshness was taken without the server")
	}
}

// I-11: goroutines want the same file.
func TestFetchGoroutines(t *testing.T) {
	body := noise(1<<20, 25)
	m := newMirror(t, body)
	f := quick(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			got, err := f.Fetch(t.Context(), iso.Source{URLs: []string{m.URL + "/disc.iso"}, Checksum: sha(body)})
			if err != nil || got.Size != int64(len(body)) {
				t.Error(got, err)
			}
		})
	}
	wg.Wait()
	if n := m.sent.Load(); n != int64(len(body)) {
		t.Errorf("%d bytes served, want %d", n, len(body))
	}
}

// TestMain lets the test binary play the other process of the tests below.
func TestMain(m *testing.M) {
	if url := os.Getenv("ISO_TEST_CHILD_URL"); url != "" {
		os.Exit(fetchInChild(url))
	}
	os.Exit(m.Run())
}

func fetchInChild(url string) int {
	f := iso.Fetcher{Dir: os.Getenv("ISO_TEST_CHILD_DIR"), Observe: func(e iso.Event) { fmt.Printf("%T %+v\n", e, e) }}
	m, err := f.Fetch(context.Background(), iso.Source{URLs: []string{url}, Checksum: os.Getenv("ISO_TEST_CHILD_SUM")})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("path", m.Path)
	return 0
}

func child(t *testing.T, dir, url, sum string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "ISO_TEST_CHILD_URL="+url, "ISO_TEST_CHILD_DIR="+dir, "ISO_TEST_CHILD_SUM="+sum)
	return cmd
}

// I-11: processes want the same file.
func TestFetchProcesses(t *testing.T) {
	body := noise(2<<20, 26)
	m := newMirror(t, body)
	dir := filepath.Join(t.TempDir(), "cache")
	var wg sync.WaitGroup
	for range 8 {
		cmd := child(t, dir, m.URL+"/disc.iso", sha(body))
		wg.Go(func() {
			if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "path "+dir) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	wg.Wait()
	if n := m.sent.Load(); n != int64(len(body)) {
		t.Errorf("%d bytes served, want %d", n, len(body))
	}
	soundCache(t, dir)
}

// I-11: the process that downloads is killed; the one that waits goes on.
func TestFetchHolderKilled(t *testing.T) {
	body := noise(1<<20, 27)
	half, gate := len(body)/2, make(chan struct{})
	var once sync.Once
	url := rawServer(t, func(n int, req *http.Request, w io.Writer) {
		if n == 0 {
			fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body[:half])
			<-gate
			return
		}
		if got, want := req.Header.Get("Range"), fmt.Sprintf("bytes=%d-", half); got != want {
			t.Errorf("the successor asks for %q, want %q", got, want)
		}
		fmt.Fprintf(w, "HTTP/1.1 206 Partial Content\r\nConnection: close\r\nContent-Range: bytes %d-%d/%d\r\n\r\n%s",
			half, len(body)-1, len(body), body[half:])
	})
	defer once.Do(func() { close(gate) })
	f := quick(t)
	cmd := child(t, f.Dir, url+"/disc.iso", sha(body))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	for lines := bufio.NewScanner(out); lines.Scan() && !strings.HasPrefix(lines.Text(), "iso.Progress"); {
	}
	var waited []iso.Waiting
	f.Observe = func(e iso.Event) {
		w, ok := e.(iso.Waiting)
		if !ok {
			return
		}
		if waited = append(waited, w); w.Done == int64(half) {
			cmd.Process.Kill() // what the kernel has is all there is
			once.Do(func() { close(gate) })
		}
	}
	got, err := f.Fetch(t.Context(), iso.Source{URLs: []string{url + "/disc.iso"}, Checksum: sha(body)})
	wantFile(t, got, err, body)
	if len(waited) == 0 || waited[len(waited)-1].Total != int64(len(body)) {
		t.Errorf("waited: %v", waited)
	}
	cmd.Wait()
}

func TestFetchWaiterCancels(t *testing.T) {
	gate, reached := make(chan struct{}), make(chan struct{})
	url := rawServer(t, func(_ int, _ *http.Request, w io.Writer) {
		close(reached)
		<-gate
		fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	})
	f := quick(t)
	src := iso.Source{URLs: []string{url + "/disc.iso"}, Checksum: sha([]byte("ok"))}
	done := make(chan error)
	go func() { _, err := f.Fetch(t.Context(), src); done <- err }()
	<-reached
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := f.Fetch(ctx, src); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > patience {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
	close(gate)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// I-13: cache directories that will not do.
func TestFetchCacheDir(t *testing.T) {
	body := []byte("medium")
	m := newMirror(t, body)
	src := iso.Source{URLs: []string{m.URL + "/x.iso"}, Checksum: sha(body)}
	base := t.TempDir()
	file := filepath.Join(base, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(base, "open")
	if err := errors.Join(os.Mkdir(open, 0o700), os.Chmod(open, 0o777)); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		file:                         "is not a directory",
		filepath.Join(file, "below"): "not a directory",
		open:                         "is writable by everyone",
	} {
		_, err := (&iso.Fetcher{Dir: dir}).Fetch(t.Context(), src)
		wantError(t, err, "iso: Fetcher.Dir", want)
	}
	if m.count() != 0 {
		t.Error("the server was asked before the directory was looked at")
	}
	link := filepath.Join(base, "link")
	if err := errors.Join(os.Chmod(open, 0o777|os.ModeSticky), os.Symlink(open, link)); err != nil {
		t.Fatal(err)
	}
	got, err := (&iso.Fetcher{Dir: link}).Fetch(t.Context(), src)
	wantFile(t, got, err, body)
	if info, err := os.Stat(got.Path); err != nil || info.Mode().Perm() != 0o444 {
		t.Errorf("mode is %v, %v", info.Mode(), err)
	}
	if info, _ := os.Stat(open); info.Mode().Perm() != 0o777 {
		t.Errorf("the mode of a directory of the user's was changed to %v", info.Mode())
	}
}

// I-15: local files are used in place and nothing but files will do.
func TestFetchLocal(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	body := noise(3000, 28)
	path := filepath.Join(dir, "my disc.iso")
	if err := os.WriteFile(path, body, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(syscall.Mkfifo("fifo", 0o600), os.Symlink(path, "link")); err != nil {
		t.Fatal(err)
	}
	f := quick(t)
	for _, u := range []string{path, "my disc.iso", "./my disc.iso", "file://" + strings.ReplaceAll(path, " ", "%20"), "file:my disc.iso"} {
		for _, sum := range []string{"none", sha(body), sums(body)["sha512"]} {
			got, err := f.Fetch(t.Context(), iso.Source{URLs: []string{u}, Checksum: sum})
			wantFile(t, got, err, body)
			if got.Path != path {
				t.Errorf("%s is used at %s", u, got.Path)
			}
		}
	}
	got, err := f.Fetch(t.Context(), iso.Source{URLs: []string{"link"}, Checksum: "none"})
	wantFile(t, got, err, body)
	for u, want := range map[string]string{
		"fifo": "is not a regular file", dir: "is not a regular file", "/dev/zero": "is not a regular file", "none.iso": "no such file",
	} {
		_, err := f.Fetch(t.Context(), iso.Source{URLs: []string{u}, Checksum: "none"})
		wantError(t, err, u, want)
	}
	_, err = f.Fetch(t.Context(), iso.Source{URLs: []string{path}, Checksum: sha(nil)})
	wantError(t, err, "checksum mismatch", sha(nil), sha(body))
	if _, err := os.Stat(f.Dir); err == nil {
		t.Error("a cache was made for local files")
	}
}

// I-15: a file that is replaced after it was verified.
func TestMediumCheck(t *testing.T) {
	for name, swap := range map[string]func(path string) error{
		"replaced": func(p string) error {
			return errors.Join(os.WriteFile(p+".new", []byte("medium"), 0o600), os.Rename(p+".new", p))
		},
		"written": func(p string) error { return os.WriteFile(p, []byte("MEDIUM"), 0o600) },
		"written, with its time set back": func(p string) error {
			info, err := os.Stat(p)
			return errors.Join(err, os.WriteFile(p, []byte("MEDIUM"), 0o600), os.Chtimes(p, info.ModTime(), info.ModTime()))
		},
		"longer": func(p string) error { return os.WriteFile(p, []byte("medium."), 0o600) },
		"gone":   os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.iso")
			if err := os.WriteFile(path, []byte("medium"), 0o600); err != nil {
				t.Fatal(err)
			}
			m, err := quick(t).Fetch(t.Context(), iso.Source{URLs: []string{path}, Checksum: "none"})
			wantFile(t, m, err, []byte("medium"))
			nextTick(t, path)
			if err := swap(path); err != nil {
				t.Fatal(err)
			}
			wantError(t, m.Check(), "iso: check")
		})
	}
}

// nextTick waits until a file that is written now has a later time than path:
// the clock of file times has ticks of some milliseconds.
func nextTick(t *testing.T, path string) {
	t.Helper()
	old, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	for probe := filepath.Join(filepath.Dir(path), "probe"); ; {
		err := os.WriteFile(probe, []byte("x"), 0o600)
		now, serr := os.Stat(probe)
		if err := errors.Join(err, serr); err != nil {
			t.Fatal(err)
		}
		if now.ModTime().After(old.ModTime()) {
			return
		}
	}
}
