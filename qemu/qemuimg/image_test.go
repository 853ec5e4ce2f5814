package qemuimg

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestCreate(t *testing.T) {
	tool := realTool(t)
	dir := t.TempDir()
	base := filepath.Join(dir, "base")
	for name, c := range map[string]struct {
		options CreateOptions
		want    Info
	}{
		"base":  {CreateOptions{Size: 3 << 20}, Info{Format: Qcow2, VirtualSize: 3 << 20, ClusterSize: 65536, Compression: Zlib}},
		"big":   {CreateOptions{Size: 64 << 40, ClusterSize: 2 << 20}, Info{Format: Qcow2, VirtualSize: 64 << 40, ClusterSize: 2 << 20, Compression: Zlib}},
		"pre":   {CreateOptions{Size: 1 << 20, Preallocation: PreallocateMetadata}, Info{Format: Qcow2, VirtualSize: 1 << 20, ClusterSize: 65536, Compression: Zlib}},
		"raw":   {CreateOptions{Format: Raw, Size: 1 << 20}, Info{Format: Raw, VirtualSize: 1 << 20}},
		"vmdk":  {CreateOptions{Format: VMDK, Size: 1 << 20}, Info{Format: VMDK, VirtualSize: 1 << 20, ClusterSize: 65536}},
		"vdi":   {CreateOptions{Format: VDI, Size: 1 << 20}, Info{Format: VDI, VirtualSize: 1 << 20, ClusterSize: 1 << 20}},
		"vhdx":  {CreateOptions{Format: VHDX, Size: 1 << 20}, Info{Format: VHDX, VirtualSize: 1 << 20, ClusterSize: 8 << 20}},
		"over":  {CreateOptions{Backing: base, BackingFormat: Qcow2}, Info{Format: Qcow2, VirtualSize: 3 << 20, ClusterSize: 65536, Compression: Zlib, Backing: base, BackingFormat: Qcow2}},
		"over2": {CreateOptions{Backing: base, BackingFormat: Qcow2, Size: 9 << 20}, Info{Format: Qcow2, VirtualSize: 9 << 20, ClusterSize: 65536, Compression: Zlib, Backing: base, BackingFormat: Qcow2}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.want.Backing != "" {
				if err := tool.Create(soon(t), base, CreateOptions{Size: 3 << 20}); err != nil && !errors.Is(err, fs.ErrExist) {
					t.Fatal(err)
				}
			}
			path := filepath.Join(dir, name)
			os.Remove(path)
			if err := tool.Create(soon(t), path, c.options); err != nil {
				t.Fatal(err)
			}
			got, err := tool.Info(soon(t), path, c.want.Format)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&c.want, got, cmpopts.IgnoreFields(Info{}, "ActualSize")); diff != "" {
				t.Error(diff)
			}
			if info, _ := os.Stat(path); info.Mode() != 0o600 {
				t.Error(info.Mode())
			}
		})
	}
	if names := list(t, dir); len(names) != 9 {
		t.Error(names)
	}
}

func TestCreateRefuses(t *testing.T) {
	tool := realTool(t)
	dir := t.TempDir()
	unchanged(t, dir, "mine", "sub")
	mine := write(t, filepath.Join(dir, "mine"), []byte("my file"))
	os.Mkdir(filepath.Join(dir, "sub"), 0o755)

	for _, path := range []string{mine, filepath.Join(dir, "sub")} {
		err := tool.Create(soon(t), path, CreateOptions{Size: 1 << 20})
		if !errors.Is(err, fs.ErrExist) {
			t.Error(err)
		}
		wantError(t, err, fmt.Sprintf("qemuimg: create %q: ", path), "remove it")
	}
	if got := read(t, mine); got != "my file" {
		t.Errorf("the user's file is now %q", got)
	}
	err := tool.Create(soon(t), "", CreateOptions{Format: "iso", Size: 511, ClusterSize: 3, Preallocation: "some"})
	wantError(t, err, "no path given", `Format "iso" is unknown`, "Size 511 is less than 1 MiB", "ClusterSize 3", `Preallocation "some"`)
	err = tool.Create(soon(t), "x", CreateOptions{Format: Raw, Backing: "y"})
	wantError(t, err, "BackingFormat is not set", `Backing works with Format "qcow2" only`)
	wantError(t, tool.Create(soon(t), "x", CreateOptions{}), "Size 0 is less than 1 MiB")
	wantError(t, tool.Create(soon(t), "x", CreateOptions{Size: 1 << 20, BackingFormat: Raw}), "Backing is not")
	wantError(t, tool.Create(soon(t), filepath.Join(dir, "no/x"), CreateOptions{Size: 1 << 20}), "no such file or directory")
	wantError(t, tool.Create(soon(t), "a\x00b", CreateOptions{Size: 1 << 20}), "zero byte")
	err = tool.Create(soon(t), filepath.Join(dir, "x"), CreateOptions{Backing: filepath.Join(dir, "none"), BackingFormat: Raw})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// oddNames are legal names of files that mean something to qemu-img.
var oddNames = []string{
	"a b,b=c,file=d", "nbd:localhost:1", "json:{}", "file:x", "-x.img", "--help", "new\nline", "ünï☃",
	"%s%n\\'\"`$(id)", "\xff\xfe",
}

func TestOddNames(t *testing.T) {
	tool := realTool(t)
	t.Chdir(t.TempDir())
	for _, name := range oddNames {
		over, flat := name+".over", name+".flat"
		if err := errors.Join(
			tool.Create(soon(t), name, CreateOptions{Size: 1 << 20}),
			tool.Create(soon(t), over, CreateOptions{Backing: name, BackingFormat: Qcow2}),
			tool.Convert(soon(t), over, flat, ConvertOptions{SourceFormat: Qcow2, SourceBacking: []string{name}, Format: VMDK}),
			tool.Resize(soon(t), name, ResizeOptions{Format: Qcow2, Size: 2 << 20}),
		); err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if r, err := tool.Check(soon(t), name, Qcow2); err != nil || !r.OK() {
			t.Errorf("%q: %+v, %v", name, r, err)
		}
		if info, err := tool.Info(soon(t), flat, VMDK); err != nil || info.VirtualSize != 1<<20 || len(info.OtherFiles) > 0 {
			t.Errorf("%q: %+v, %v", name, info, err)
		}
	}
	var want []string
	for _, name := range oddNames {
		want = append(want, name, name+".over", name+".flat")
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, list(t, ".")); diff != "" {
		t.Error(diff)
	}
}

func TestInfoRefuses(t *testing.T) {
	tool := realTool(t)
	text := write(t, filepath.Join(t.TempDir(), "text"), []byte("no image"))
	_, err := tool.Info(soon(t), text, Qcow2)
	wantError(t, err, fmt.Sprintf("qemuimg: inspect %q: qemu-img info: ", text), "not in qcow2 format", "exit status 1")
	var failed *Error
	if !errors.As(err, &failed) || failed.Args[0] != "info" {
		t.Errorf("%#v", err)
	}
	_, err = tool.Info(soon(t), text, "nonsense")
	wantError(t, err, `format "nonsense" is unknown`)
	_, err = tool.Info(soon(t), text+".none", "")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	_, err = tool.Info(soon(t), t.TempDir(), "")
	wantError(t, err, "neither a regular file nor a disk")
	_, err = tool.Info(soon(t), "/dev/zero", Raw)
	wantError(t, err, "neither a regular file nor a disk")
}

func TestResize(t *testing.T) {
	tool := realTool(t)
	path := filepath.Join(t.TempDir(), "x")
	if err := tool.Create(soon(t), path, CreateOptions{Size: 2 << 20}); err != nil {
		t.Fatal(err)
	}
	wantError(t, tool.Resize(soon(t), path, ResizeOptions{Size: 1}), "Format is not set", "Size 1 is less than 1 MiB")
	wantError(t, tool.Resize(soon(t), path, ResizeOptions{Format: Qcow2, Size: 1 << 20}), "shrink")
	if err := tool.Resize(soon(t), path, ResizeOptions{Format: Qcow2, Size: 1 << 20, Shrink: true}); err != nil {
		t.Error(err)
	}
	if info, err := tool.Info(soon(t), path, Qcow2); err != nil || info.VirtualSize != 1<<20 {
		t.Error(info, err)
	}
}

func TestCheck(t *testing.T) {
	tool := realTool(t)
	path := filepath.Join(t.TempDir(), "x")
	if err := tool.Convert(soon(t), disk(t, 1), path, ConvertOptions{SourceFormat: Raw}); err != nil {
		t.Fatal(err)
	}
	image := []byte(read(t, path))
	copy(image[0x40000:], "\xff\xff\xff\xff\xff\xff\xff") // the first entries of the L2 table
	damaged := write(t, path+".damaged", image)
	r, err := tool.Check(soon(t), damaged, Qcow2)
	if err != nil || r.OK() || r.Corruptions == 0 {
		t.Errorf("%+v, %v", r, err)
	}
	_, err = tool.Check(soon(t), path, Raw)
	wantError(t, err, "does not support checks")
	_, err = tool.Check(soon(t), path, "")
	wantError(t, err, "format is not set")
}
