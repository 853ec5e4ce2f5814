package winrm_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/winrm"
	"github.com/bootscribe/bootscribe/winrm/winrmtest"
)

// Files of all sizes arrive as they are, there and back.
func TestTransfer(t *testing.T) {
	c, server, dir := guest(t)
	for _, size := range []int{0, 1, 48 << 10, 48<<10 + 1, 1 << 20} {
		data := make([]byte, size)
		rand.NewChaCha8([32]byte{}).Read(data)
		local := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(local, data, 0o644); err != nil {
			t.Fatal(err)
		}
		var done, total int64
		count := &winrm.Transfer{Progress: func(d, all int64) { done, total = d, all }}
		name := fmt.Sprintf(`C:\it's here\%d`, size)
		if err := c.Upload(within(t, patience), local, name, count); err != nil {
			t.Fatal(err)
		}
		if size > 0 && (done != int64(size) || total != int64(size)) {
			t.Errorf("progress ended at %d of %d", done, total)
		}
		got, err := os.ReadFile(filepath.Join(dir, "C:/it's here", fmt.Sprint(size)))
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes arrived as %d: %v", size, len(got), err)
		}
		back := filepath.Join(t.TempDir(), "back")
		if err := c.Download(within(t, patience), name, back, nil); err != nil {
			t.Fatal(err)
		}
		if got, err = os.ReadFile(back); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes came back as %d: %v", size, len(got), err)
		}
		before := server.Requests()
		if err := c.Download(within(t, patience), name, back, nil); err == nil || !strings.Contains(err.Error(), "exists; remove it") || server.Requests() != before {
			t.Errorf("%v, after %d requests", err, server.Requests()-before)
		}
		if err := c.Download(within(t, patience), name, back, &winrm.Transfer{Overwrite: true}); err != nil {
			t.Error(err)
		}
	}
	tidy(t, server)
}

// Directories arrive with all that is in them.
func TestTree(t *testing.T) {
	c, _, dir := guest(t)
	files := fstest.MapFS{"a": {Data: []byte("first")}, "sub/b": {Data: []byte("second")}, "sub/deeper/c": {Data: nil}, "empty": {Mode: os.ModeDir | 0o755}}
	if err := c.UploadTree(within(t, patience), files, `tree`, nil); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a": "first", "sub/b": "second", "sub/deeper/c": "", "empty/": ""}
	if diff := cmp.Diff(want, tree(t, filepath.Join(dir, "tree"))); diff != "" {
		t.Error(diff)
	}
	back := filepath.Join(t.TempDir(), "back")
	if err := c.DownloadTree(within(t, patience), "tree", back, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, tree(t, back)); diff != "" {
		t.Error(diff)
	}
	if err := c.DownloadTree(within(t, patience), "tree", back, nil); err == nil || !strings.Contains(err.Error(), "exists; remove it") {
		t.Error(err)
	}
	if err := c.DownloadTree(within(t, patience), "tree", back, &winrm.Transfer{Overwrite: true}); err != nil {
		t.Error(err)
	}
	bad := fstest.MapFS{"a:b": {}}
	if err := c.UploadTree(t.Context(), bad, "tree", nil); err == nil || !strings.Contains(err.Error(), "cannot be the name of a file in Windows") {
		t.Error(err)
	}
}

// tree returns the files below a directory, and the directories without any.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		if !d.IsDir() {
			data, err := os.ReadFile(path)
			all[filepath.ToSlash(name)] = string(data)
			return err
		}
		if entries, err := os.ReadDir(path); err == nil && len(entries) == 0 && path != root {
			all[filepath.ToSlash(name)+"/"] = ""
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A source that is shorter than it says, or that fails, is an error.
func TestUploadSource(t *testing.T) {
	c, _, dir := guest(t)
	err := c.UploadReader(t.Context(), strings.NewReader("short"), 9, "file", nil)
	if err == nil || !strings.Contains(err.Error(), "has 5 bytes, and not 9") {
		t.Error(err)
	}
	err = c.UploadReader(t.Context(), io.MultiReader(strings.NewReader("part"), failing{io.ErrUnexpectedEOF}), -1, "other", nil)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	err = c.UploadReader(t.Context(), failing{fmt.Errorf("no such disk")}, -1, "third", nil)
	if err == nil || !strings.Contains(err.Error(), "no such disk") {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "third")); err == nil {
		t.Error("there is a file of it")
	}
	for path, want := range map[string]string{"": "the path in the guest is empty", "a\nb": "holds what no path can"} {
		if err := c.UploadReader(t.Context(), strings.NewReader(""), 0, path, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("upload to %q: %v", path, err)
		}
		if err := c.Download(t.Context(), path, filepath.Join(t.TempDir(), "x"), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("download of %q: %v", path, err)
		}
	}
	if err := c.Upload(t.Context(), dir, "dir", nil); err == nil || !strings.Contains(err.Error(), "use UploadTree") {
		t.Error(err)
	}
}

// A hostile guest writes nowhere else, and not without end.
func TestHostileDownload(t *testing.T) {
	line := func(kind, text string) string {
		return kind + base64.StdEncoding.EncodeToString([]byte(text)) + "\r\n"
	}
	sum := func(text string) string { return fmt.Sprintf("=%X\r\n", sha256.Sum256([]byte(text))) }
	for name, tt := range map[string]struct {
		sent string
		tree bool
		t    winrm.Transfer
		want string
	}{
		"out of the directory": {line("/", "") + line(">", "../evil") + sum(""), true, winrm.Transfer{}, `a file that is called "../evil"`},
		"an absolute path":     {line("/", "") + line(">", "/evil") + sum(""), true, winrm.Transfer{}, `a file that is called "/evil"`},
		"a name for a file":    {line(">", "evil") + sum(""), false, winrm.Transfer{}, `a file that is called "evil"`},
		"a directory":          {line("/", ""), false, winrm.Transfer{}, "use DownloadTree"},
		"a file":               {line(">", "") + sum(""), true, winrm.Transfer{}, "use Download"},
		"changed":              {line(">", "") + line("+", "x") + sum("y"), false, winrm.Transfer{}, "not what was sent"},
		"cut off":              {line(">", "") + line("+", "x"), false, winrm.Transfer{}, "in the midst"},
		"nothing":              {"", false, winrm.Transfer{}, "in the midst"},
		"too much":             {line(">", "") + line("+", "xxxx") + sum("xxxx"), false, winrm.Transfer{MaxBytes: 3}, "more than 3 bytes"},
		"too many":             {line("/", "") + line("/", "a") + line("/", "b"), true, winrm.Transfer{MaxFiles: 2}, "more than 2 files"},
		"something else":       {"Hello\r\n", false, winrm.Transfer{}, "what is no file"},
		"a line without end":   {strings.Repeat("+", 300<<10), false, winrm.Transfer{}, "without end"},
		"a piece of no file":   {line("+", "x"), false, winrm.Transfer{}, "piece of no file"},
		"the end of no file":   {sum(""), false, winrm.Transfer{}, "ends no file"},
	} {
		guest := &winrmtest.Guest{Dir: t.TempDir()}
		server := start(t, &winrmtest.Config{Exec: func(ctx context.Context, call *winrmtest.Call) int {
			if strings.Contains(call.Script, "# bootscribe: download") {
				io.WriteString(call.Stdout, tt.sent)
				return 0
			}
			return guest.Exec(ctx, call)
		}})
		c, err := winrm.Dial(t.Context(), login(server))
		if err != nil {
			t.Fatal(err)
		}
		above := t.TempDir()
		local := filepath.Join(above, "local")
		if tt.tree {
			err = c.DownloadTree(within(t, patience), "x", local, &tt.t)
		} else {
			err = c.Download(within(t, patience), "x", local, &tt.t)
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
		for file := range tree(t, above) {
			if !strings.HasPrefix(file, "local/") || !strings.HasSuffix(file, "/") {
				t.Errorf("%s: there is %s", name, file)
			}
		}
		server.Close()
	}
}
