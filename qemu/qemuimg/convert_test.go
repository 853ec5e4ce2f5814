package qemuimg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestConvert(t *testing.T) {
	tool := realTool(t)
	source := disk(t, 4)
	for _, c := range []struct {
		format   Format
		compress Compression
	}{
		{"", None}, {Qcow2, Zlib}, {Qcow2, Zstd}, {Raw, None}, {VMDK, None}, {VMDK, Zlib}, {VDI, None}, {VHDX, None}, {VPC, None},
	} {
		t.Run(fmt.Sprint(c.format, c.compress), func(t *testing.T) {
			dir := t.TempDir()
			unchanged(t, dir, "image", "back")
			image, back := filepath.Join(dir, "image"), filepath.Join(dir, "back")
			var steps []float64
			o := ConvertOptions{SourceFormat: Raw, Format: c.format, Compress: c.compress}
			o.Progress = func(f float64) { steps = append(steps, f) }
			if err := tool.Convert(soon(t), source, image, o); err != nil {
				t.Fatal(err)
			}
			if err := tool.Convert(soon(t), image, back, ConvertOptions{SourceFormat: o.format(), Format: Raw}); err != nil {
				t.Fatal(err)
			}
			if read(t, source) != read(t, back)[:4<<20] { // vpc rounds up
				t.Error("the disk has changed")
			}
			if len(steps) < 2 || steps[len(steps)-1] != 1 {
				t.Error(steps)
			}
			info, err := tool.Info(soon(t), image, o.format())
			if err != nil || (c.compress == Zstd && info.Compression != Zstd) {
				t.Error(info, err)
			}
			if c.compress != None && info.ActualSize > 3<<20 {
				t.Errorf("not compressed: %d bytes", info.ActualSize)
			}
		})
	}
}

func TestConvertRefuses(t *testing.T) {
	tool := realTool(t)
	dir := t.TempDir()
	source := disk(t, 1)
	unchanged(t, dir, "mine")
	mine := write(t, filepath.Join(dir, "mine"), []byte("my file"))
	err := tool.Publish(soon(t), source, mine, PublishOptions{ConvertOptions: ConvertOptions{SourceFormat: Raw}})
	if !errors.Is(err, fs.ErrExist) || read(t, mine) != "my file" {
		t.Errorf("%v, %.20q", err, read(t, mine))
	}
	for want, o := range map[string]ConvertOptions{
		"SourceFormat is not set":                              {},
		`SourceFormat "host_device" is unknown`:                {SourceFormat: "host_device"},
		`Format "iso" is unknown`:                              {SourceFormat: Raw, Format: "iso"},
		`Compress "zstd" works with Format "qcow2" only`:       {SourceFormat: Raw, Format: VMDK, Compress: Zstd},
		`Compress "zlib" works with Format "qcow2" and "vmdk"`: {SourceFormat: Raw, Format: Raw, Compress: Zlib},
		`Compress "lzma" is unknown`:                           {SourceFormat: Raw, Compress: "lzma"},
	} {
		wantError(t, tool.Convert(soon(t), source, filepath.Join(dir, "x"), o), want)
	}
	err = tool.Convert(soon(t), filepath.Join(dir, "none"), filepath.Join(dir, "x"), ConvertOptions{SourceFormat: Raw})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	wantError(t, tool.Convert(soon(t), mine, filepath.Join(dir, "x"), ConvertOptions{SourceFormat: VMDK}), "qemu-img info: ")
}

func TestPublishOverwrite(t *testing.T) {
	tool := realTool(t)
	dir := t.TempDir()
	source := disk(t, 1)
	o := PublishOptions{ConvertOptions: ConvertOptions{SourceFormat: Raw, Format: Raw}, Overwrite: true, Mode: 0o644}
	old := write(t, filepath.Join(dir, "old"), []byte("old"))
	unchanged(t, dir, "link", "sub")
	link, sub := filepath.Join(dir, "link"), filepath.Join(dir, "sub")
	if err := errors.Join(os.Symlink("old", link), os.Mkdir(sub, 0o755)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, sub} {
		wantError(t, tool.Publish(soon(t), source, path, o), "not a regular file")
	}
	if read(t, old) != "old" {
		t.Error("the link's target has changed")
	}
	if err := tool.Publish(soon(t), source, old, o); err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(old); read(t, old) != read(t, source) || info.Mode() != 0o644 {
		t.Error(info.Mode())
	}
}

// A file that comes into being while qemu-img works is not replaced either.
func TestPublishRace(t *testing.T) {
	tool := realTool(t)
	dir := t.TempDir()
	unchanged(t, dir, "x")
	path := filepath.Join(dir, "x")
	err := tool.Publish(soon(t), disk(t, 1), path, PublishOptions{ConvertOptions: ConvertOptions{
		SourceFormat: Raw,
		Progress:     func(float64) { os.WriteFile(path, []byte("my file"), 0o600) },
	}})
	if !errors.Is(err, fs.ErrExist) || read(t, path) != "my file" {
		t.Errorf("%v, %.20q", err, read(t, path))
	}
}

// A system without a rename that does not replace uses links.
func TestLinkAndRemove(t *testing.T) {
	dir := t.TempDir()
	unchanged(t, dir, "b", "c")
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	write(t, a, []byte("a"))
	if err := linkAndRemove(a, b); err != nil || read(t, b) != "a" {
		t.Fatal(err)
	}
	c := write(t, filepath.Join(dir, "c"), []byte("c"))
	if err := linkAndRemove(c, b); !errors.Is(err, fs.ErrExist) || read(t, b) != "a" || read(t, c) != "c" {
		t.Error(err)
	}
}

func TestConvertCancel(t *testing.T) {
	tool := realTool(t)
	dir := t.TempDir()
	unchanged(t, dir)
	why := errors.New("no more interest")
	ctx, cancel := context.WithCancelCause(soon(t))
	o := ConvertOptions{SourceFormat: Raw, Compress: Zlib, Progress: func(float64) { cancel(why) }}
	err := tool.Publish(ctx, disk(t, 64), filepath.Join(dir, "x"), PublishOptions{ConvertOptions: o})
	if !errors.Is(err, context.Canceled) || !errors.Is(err, why) {
		t.Error(err)
	}
	if err := tool.Create(ctx, filepath.Join(dir, "x"), CreateOptions{Size: 1 << 20}); !errors.Is(err, why) {
		t.Error(err)
	}
}

func TestCanCompress(t *testing.T) {
	tool := realTool(t)
	if err := tool.CanCompress(soon(t), Zlib, VMDK); err != nil {
		t.Error(err)
	}
	wantError(t, tool.CanCompress(soon(t), Zlib, VDI), `Compress "zlib" works with`)
	old := &Error{Args: []string{"convert"}, Stderr: "Parameter 'compression-type' does not accept value 'zstd'", Err: errors.New("exit status 1")}
	wantError(t, ConvertOptions{Compress: Zstd}.explain(old), `take "zlib"`, "does not accept")
}

func TestProgress(t *testing.T) {
	var got []float64
	p := &progress{report: func(f float64) { got = append(got, f) }, last: -1}
	for _, s := range []string{"    (0.00/1", "00%)\r    (12.34/100%)\r", "(12.34/100%)\r(5.00/100%)\r(NaN/100%)\r(1e9/100%)\r(/100%)\rx\r", "(100.00/100%)\r\n"} {
		p.Write([]byte(s))
	}
	if fmt.Sprint(got) != "[0 0.1234 1]" {
		t.Error(got)
	}
}
