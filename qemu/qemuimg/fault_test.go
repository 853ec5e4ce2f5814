package qemuimg

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestStub(t *testing.T) {
	for how, want := range map[string]string{
		"garbage": "qemu-img info does not answer with JSON",
		"empty":   `qemu-img info answers with nonsense: "{}\n"`,
		"refuse":  "qemu-img convert: first; second (exit status 1)",
		"flood":   "the last words (exit status 1)",
	} {
		t.Run(how, func(t *testing.T) {
			dir := t.TempDir()
			unchanged(t, dir)
			tool := stubTool(t, how)
			err := tool.Publish(soon(t), disk(t, 1), filepath.Join(dir, "x"), PublishOptions{
				ConvertOptions: ConvertOptions{SourceFormat: Qcow2, Progress: func(float64) {}},
			})
			wantError(t, err, want)
			if err != nil && len(err.Error()) > 8<<10 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
	_, err := stubTool(t, "garbage").Check(soon(t), disk(t, 1), Qcow2)
	wantError(t, err, "answers with nonsense")
}

// A qemu-img that claims success without it is found out.
func TestStubLies(t *testing.T) {
	dir := t.TempDir()
	unchanged(t, dir)
	tool := stubTool(t, "lie")
	err := tool.Convert(soon(t), disk(t, 1), filepath.Join(dir, "x"), ConvertOptions{SourceFormat: Raw, Format: VMDK})
	wantError(t, err, "the result is a qcow2 disk of 1048576 bytes instead of a vmdk disk of 1048576")
}

func TestStubHangs(t *testing.T) {
	dir := t.TempDir()
	unchanged(t, dir)
	tool := stubTool(t, "hang")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	err := tool.Convert(ctx, disk(t, 1), filepath.Join(dir, "x"), ConvertOptions{SourceFormat: Qcow2})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 30*time.Second {
		t.Error(err, time.Since(start))
	}
}

func TestNoTool(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	var tool Tool
	err := tool.Create(soon(t), filepath.Join(t.TempDir(), "x"), CreateOptions{Size: 1 << 20})
	if !errors.Is(err, fs.ErrNotExist) && !strings.Contains(err.Error(), "not found") {
		t.Error(err)
	}
	wantError(t, err, "install qemu-utils")
}

// Images that try to take a file of the host with them.
func TestEvilImages(t *testing.T) {
	tool := realTool(t)
	dir := t.TempDir()
	secret := write(t, filepath.Join(dir, "secret"), []byte(strings.Repeat("secret", 1<<18)))
	plain := filepath.Join(dir, "plain")
	if err := tool.Create(soon(t), plain, CreateOptions{Size: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	raw := func(args ...string) {
		t.Helper()
		if err := tool.run(t.Context(), new(head), args...); err != nil {
			t.Fatal(err)
		}
	}
	path := func(name string) string { return filepath.Join(dir, name) }
	raw("create", "-f", "qcow2", "-b", secret, "-F", "raw", path("backing"))
	raw("create", "-f", "qcow2", "-b", path("backing"), "-F", "qcow2", path("chain"))
	raw("create", "-f", "qcow2", "-u", "-b", `json:{"driver":"raw","file.driver":"file","file.filename":"`+secret+`"}`, "-F", "raw", path("json"), "1M")
	raw("create", "-f", "qcow2", "-u", "-b", "nbd://127.0.0.1:1/x", "-F", "raw", path("nbd"), "1M")
	// An image without the header extension that says the backing's format.
	image := strings.Replace(read(t, path("backing")), "\xe2\x79\x2a\xca", "\x00\x00\x00\x01", 1)
	write(t, path("guess"), []byte(image))
	raw("create", "-f", "qcow2", "-o", "data_file="+path("other"), path("data"), "1M")
	raw("create", "-f", "vmdk", "-o", "subformat=monolithicFlat", path("flat"), "1M")

	unchanged(t, dir, "x")
	for name, c := range map[string]struct {
		format  Format
		backing []string
		want    string
	}{
		"backing": {Qcow2, nil, "which is not expected"},
		"chain":   {Qcow2, []string{path("backing")}, `"` + secret + `", which is not expected`},
		"json":    {Qcow2, []string{secret}, "instead of SourceBacking"},
		"nbd":     {Qcow2, nil, "which is not expected"},
		"guess":   {Qcow2, []string{secret}, "does not say the format"},
		"data":    {Qcow2, nil, "keeps data in other files"},
		"flat":    {VMDK, nil, "keeps data in other files"},
	} {
		err := tool.Convert(soon(t), path(name), path("x"), ConvertOptions{SourceFormat: c.format, SourceBacking: c.backing})
		wantError(t, err, path(name), c.want)
		if c.format != Qcow2 {
			continue
		}
		err = tool.Create(soon(t), path("x"), CreateOptions{Backing: path(name), BackingFormat: Qcow2})
		wantError(t, err, "Backing: ")
	}
	err := tool.Resize(soon(t), path("data"), ResizeOptions{Format: Qcow2, Size: 2 << 20})
	wantError(t, err, "keeps data in other files")

	// The same bytes, called raw by who knows, are just bytes.
	err = tool.Convert(soon(t), path("backing"), path("x"), ConvertOptions{SourceFormat: Raw, Format: Raw})
	if err != nil || !strings.HasPrefix(read(t, path("x")), read(t, path("backing"))) {
		t.Error(err)
	}
}

// A backing file that is expected is read, whatever the depth.
func TestExpectedBacking(t *testing.T) {
	tool := realTool(t)
	source := disk(t, 1)
	dir := t.TempDir()
	mid, top, flat := filepath.Join(dir, "mid"), filepath.Join(dir, "top"), filepath.Join(dir, "flat")
	if err := errors.Join(
		tool.Create(soon(t), mid, CreateOptions{Backing: source, BackingFormat: Raw}),
		tool.run(t.Context(), new(head), "create", "-f", "qcow2", "-b", mid, "-F", "qcow2", top),
		tool.Convert(soon(t), top, flat, ConvertOptions{SourceFormat: Qcow2, Format: Raw, SourceBacking: []string{mid, source}}),
	); err != nil {
		t.Fatal(err)
	}
	if read(t, flat) != read(t, source) {
		t.Error("the data are not the backing file's")
	}
}
