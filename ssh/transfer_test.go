package ssh_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pkg/sftp"

	"github.com/bootscribe/bootscribe/ssh"
	"github.com/bootscribe/bootscribe/ssh/sshtest"
)

// odd are names that a shell or a protocol could get wrong.
var odd = []string{"plain", "with space", "new\nline", "-dash", "ünï-çødé", "quo'te\"", "$HOME", "back\\slash", "*", ";rm -rf x"}

// stores are the two ways of copying: by SFTP, and by the shell of a guest
// that has none. Paths of both are below the server's directory.
func stores(t *testing.T, test func(t *testing.T, client *ssh.Client, dir string)) {
	for _, name := range []string{"sftp", "shell"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			config := &sshtest.Config{Password: "secret", Exec: sshtest.Shell(dir)}
			if name == "sftp" {
				config = &sshtest.Config{Password: "secret", Dir: dir}
			}
			test(t, connect(t, login(start(t, config))), dir)
		})
	}
}

func TestUploadDownload(t *testing.T) {
	stores(t, func(t *testing.T, client *ssh.Client, dir string) {
		content := make([]byte, 300_000)
		rand.New(rand.NewSource(1)).Read(content)
		local := filepath.Join(t.TempDir(), "local")
		if err := os.WriteFile(local, content, 0o750); err != nil {
			t.Fatal(err)
		}
		for _, name := range odd {
			if err := client.Upload(t.Context(), local, name, nil); err != nil {
				t.Fatalf("%q: %v", name, err)
			}
			got, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("%q: %v, or other content", name, err)
			}
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil || info.Mode() != 0o750 {
				t.Errorf("%q has mode %v, %v", name, info.Mode(), err)
			}
			back := filepath.Join(t.TempDir(), "back")
			if err := client.Download(t.Context(), name, back, nil); err != nil {
				t.Fatalf("%q: %v", name, err)
			}
			if got, err := os.ReadFile(back); err != nil || !bytes.Equal(got, content) {
				t.Errorf("%q: %v, or other content came back", name, err)
			}
		}
		only(t, dir, odd...)
	})
}

// only fails the test if the directory holds anything else: no temporary files.
func only(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, e := range entries {
		got[e.Name()] = true
	}
	want := map[string]bool{}
	for _, name := range names {
		want[name] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestUploadReplaces: files are replaced, directories are not, and a source
// that fails leaves what was there.
func TestUploadReplaces(t *testing.T) {
	stores(t, func(t *testing.T, client *ssh.Client, dir string) {
		put := func(name, content string) error {
			return client.UploadReader(t.Context(), strings.NewReader(content), -1, name, &ssh.Transfer{Mode: 0o600})
		}
		if err := errors.Join(put("f", "one"), put("f", "two"), os.Mkdir(filepath.Join(dir, "d"), 0o755)); err != nil {
			t.Fatal(err)
		}
		if err := put("d", "x"); err == nil || !strings.Contains(err.Error(), "directory") {
			t.Errorf("onto a directory: %v", err)
		}
		if err := put("d/", "x"); err == nil {
			t.Error("no error for a path that ends in /")
		}
		broken := errors.New("broken")
		err := client.UploadReader(t.Context(), io.MultiReader(strings.NewReader("three"), iotestErr{broken}), -1, "f", nil)
		if !errors.Is(err, broken) {
			t.Errorf("got %v, want the reader's error", err)
		}
		if got, err := os.ReadFile(filepath.Join(dir, "f")); err != nil || string(got) != "two" {
			t.Errorf("got %q, %v, want two", got, err)
		}
		only(t, filepath.Join(dir, "d"))
	})
}

func TestUploadTree(t *testing.T) {
	stores(t, func(t *testing.T, client *ssh.Client, dir string) {
		tree := t.TempDir()
		want := map[string]string{"sub/deep/file": "deep", "script": "#!/bin/sh"}
		for _, name := range odd {
			want["odd/"+name] = name
		}
		for name, content := range want {
			path := filepath.Join(tree, name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o755)); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(os.Mkdir(filepath.Join(tree, "empty"), 0o755), os.Symlink("sub/deep", filepath.Join(tree, "link"))); err != nil {
			t.Fatal(err)
		}
		var done, total int64
		progress := func(d, n int64) { done, total = d, n }
		for range 2 { // again, over what is there
			if err := client.UploadTree(t.Context(), os.DirFS(tree), "to/here", &ssh.Transfer{Progress: progress}); err != nil {
				t.Fatal(err)
			}
		}
		if done != total || done == 0 {
			t.Errorf("progress ended at %d of %d", done, total)
		}
		target := filepath.Join(dir, "to/here")
		for name, content := range want {
			if got, err := os.ReadFile(filepath.Join(target, name)); err != nil || string(got) != content {
				t.Errorf("%q: %q, %v", name, got, err)
			}
		}
		if got, err := os.Readlink(filepath.Join(target, "link")); got != "sub/deep" {
			t.Errorf("link to %q, %v", got, err)
		}
		only(t, target, "empty", "link", "odd", "script", "sub")
		memory := fstest.MapFS{"a": {Data: []byte("a")}}
		if err := client.UploadTree(t.Context(), memory, "memory", nil); err != nil {
			t.Error(err)
		}
	})
}

func TestDownloadTree(t *testing.T) {
	dir := t.TempDir()
	client := connect(t, login(start(t, &sshtest.Config{Password: "secret", Dir: dir})))
	if err := client.UploadTree(t.Context(), fstest.MapFS{"t/x": {Data: []byte("x"), Mode: 0o4777}, "t/y/z": {Data: []byte("z"), Mode: 0o600}}, ".", nil); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "t/link")); err != nil {
		t.Fatal(err)
	}
	local := filepath.Join(t.TempDir(), "new")
	var skipped []string
	opt := &ssh.Transfer{Skipped: func(name, _ string) { skipped = append(skipped, name) }}
	if err := client.DownloadTree(t.Context(), "t", local, opt); err != nil {
		t.Fatal(err)
	}
	only(t, local, "x", "y")
	for name, mode := range map[string]fs.FileMode{"x": 0o755, "y/z": 0o644} {
		if info, err := os.Stat(filepath.Join(local, name)); err != nil || info.Mode() != mode {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
	}
	if diff := cmp.Diff([]string{"t/link"}, skipped); diff != "" {
		t.Error(diff)
	}
	if err := client.DownloadTree(t.Context(), "t", local, nil); err == nil || !strings.Contains(err.Error(), "Overwrite") {
		t.Errorf("over files that exist: %v", err)
	}
	for _, limit := range []*ssh.Transfer{{MaxBytes: 1}, {MaxFiles: 2}} {
		if err := client.DownloadTree(t.Context(), "t", t.TempDir(), limit); err == nil || !strings.Contains(err.Error(), "more than") {
			t.Errorf("beyond a limit: %v", err)
		}
	}
}

// info is what a hostile guest says of a file.
type info struct {
	name string
	mode fs.FileMode
	size int64
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) Mode() fs.FileMode  { return i.mode }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.mode.IsDir() }
func (i info) Sys() any           { return nil }

// hostile lists what it is told to, and serves an endless file of every name.
type hostile struct {
	list    []os.FileInfo
	endless bool
}

func (h *hostile) Fileread(*sftp.Request) (io.ReaderAt, error) { return h, nil }
func (h *hostile) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	if r.Method != "List" {
		return &hostile{list: []os.FileInfo{info{"x", 0o6777, 4}}}, nil
	}
	return h, nil
}

func (h *hostile) ReadAt(p []byte, off int64) (int, error) {
	if h.endless {
		return len(p), nil
	}
	return bytes.NewReader([]byte("evil")).ReadAt(p, off)
}

func (h *hostile) ListAt(to []os.FileInfo, off int64) (int, error) {
	if h.endless && len(h.list) > 0 {
		for i := range to {
			to[i] = h.list[0]
		}
		return len(to), nil
	}
	if off >= int64(len(h.list)) {
		return 0, io.EOF
	}
	return copy(to, h.list[off:]), nil
}

func (h *hostile) Filewrite(*sftp.Request) (io.WriterAt, error) { return h, nil }
func (h *hostile) Filecmd(*sftp.Request) error                  { return nil }
func (h *hostile) WriteAt(p []byte, _ int64) (int, error)       { return len(p), nil }

// evil logs in to a guest whose SFTP lies.
func evil(t *testing.T, h *hostile) *ssh.Client {
	return connect(t, login(start(t, &sshtest.Config{Password: "secret", SFTP: func(ch io.ReadWriteCloser) error {
		return sftp.NewRequestServer(ch, sftp.Handlers{FileGet: h, FilePut: h, FileCmd: h, FileList: h}).Serve()
	}})))
}

// TestDownloadHostileNames: nothing appears outside the directory.
func TestDownloadHostileNames(t *testing.T) {
	for _, name := range []string{"../x", "/x", "../../../../x", "a/../../x", "..", ".", "", "/", "x\x00y", "./x", "//x", "a/b"} {
		for _, mode := range []fs.FileMode{0o777, fs.ModeSymlink | 0o777} {
			outer := t.TempDir()
			local := filepath.Join(outer, "in")
			err := evil(t, &hostile{list: []os.FileInfo{info{name, mode, 4}}}).DownloadTree(t.Context(), "d", local, nil)
			only(t, outer, "in")
			entries, _ := os.ReadDir(local)
			for _, e := range entries {
				if !e.Type().IsRegular() {
					t.Errorf("%q with mode %v became %v (%v)", name, mode, e, err)
				}
			}
		}
	}
	// A link that is there already is not followed out of the directory.
	outer, local := t.TempDir(), t.TempDir()
	if err := os.Symlink(outer, filepath.Join(local, "d")); err != nil {
		t.Fatal(err)
	}
	h := &hostile{list: []os.FileInfo{info{"d", fs.ModeDir | 0o755, 0}}}
	if err := evil(t, h).DownloadTree(t.Context(), "d", local, nil); err == nil {
		t.Error("no error")
	}
	only(t, outer)
}

// TestDownloadEndless: nested directories, listings and files without end.
func TestDownloadEndless(t *testing.T) {
	ends(t, func() {
		for name, h := range map[string]*hostile{
			"directories deep":     {list: []os.FileInfo{info{"d", fs.ModeDir | 0o755, 0}}},
			"lists it without end": {list: []os.FileInfo{info{strings.Repeat("n", 200), 0o644, 4}}, endless: true},
		} {
			err := evil(t, h).DownloadTree(t.Context(), "d", t.TempDir(), nil)
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("got %v, want %q", err, name)
			}
		}
		client := evil(t, &hostile{endless: true})
		if err := client.DownloadTo(t.Context(), "f", io.Discard, &ssh.Transfer{MaxBytes: 1 << 20}); err == nil || !strings.Contains(err.Error(), "more than") {
			t.Errorf("got %v, want too much", err)
		}
	})
}

// TestUploadIncomplete: the guest says that it took it all, and has less.
func TestUploadIncomplete(t *testing.T) {
	err := evil(t, new(hostile)).UploadReader(t.Context(), strings.NewReader("six..."), -1, "f", nil)
	if err == nil || !strings.Contains(err.Error(), "the guest has 4 bytes of 6") {
		t.Errorf("got %v", err)
	}
}

// TestTransferCancel: a transfer ends with its context, whoever hangs.
func TestTransferCancel(t *testing.T) {
	t.Parallel()
	client := connect(t, login(start(t, &sshtest.Config{Password: "secret", Dir: t.TempDir()})))
	stuck, w := io.Pipe()
	defer w.Close()
	cancel := func(name string, do func(context.Context) error) {
		ends(t, func() {
			if err := do(within(t, 100*time.Millisecond)); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: got %v", name, err)
			}
		})
	}
	cancel("source hangs", func(ctx context.Context) error { return client.UploadReader(ctx, stuck, -1, "f", nil) })
	if client.Err() != nil {
		t.Errorf("the connection was cut though the source hung: %v", client.Err())
	}
	mute := start(t, &sshtest.Config{Password: "secret", SFTP: func(ch io.ReadWriteCloser) error {
		_, err := io.Copy(io.Discard, ch)
		return err
	}})
	client = connect(t, login(mute))
	cancel("guest hangs", func(ctx context.Context) error {
		return client.Download(ctx, "f", filepath.Join(t.TempDir(), "f"), nil)
	})
	client = connect(t, login(mute))
	mute.Freeze()
	cancel("guest frozen", func(ctx context.Context) error { return client.UploadReader(ctx, strings.NewReader("x"), -1, "f", nil) })
}

// TestUploadBig moves 64 MiB each way, 8 under the race detector.
func TestUploadBig(t *testing.T) {
	if testing.Short() {
		t.Skip("64 MiB to move; run without -short")
	}
	dir := t.TempDir()
	client := connect(t, login(start(t, &sshtest.Config{Password: "secret", Dir: dir})))
	const size = bigSize
	sent := sha256.New()
	source := io.TeeReader(io.LimitReader(rand.New(rand.NewSource(2)), size), sent)
	var last int64
	progress := &ssh.Transfer{Progress: func(done, total int64) {
		if done < last || total != size {
			t.Errorf("progress %d of %d after %d", done, total, last)
		}
		last = done
	}}
	begin := time.Now()
	if err := client.UploadReader(t.Context(), source, size, "big", progress); err != nil {
		t.Fatal(err)
	}
	up := time.Since(begin)
	last = 0
	received := sha256.New()
	if err := client.DownloadTo(t.Context(), "big", received, progress); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(sent.Sum(nil), received.Sum(nil)) || last != size {
		t.Errorf("other bytes came back, %d of them", last)
	}
	t.Logf("%d MiB up in %v, down in %v", size>>20, up, time.Since(begin)-up)
}
