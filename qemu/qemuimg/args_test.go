package qemuimg

import (
	"path/filepath"
	"strings"
	"testing"
)

// What is given besides gets to qemu-img, as the images show.
func TestArgs(t *testing.T) {
	tool := realTool(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	if err := tool.Create(soon(t), path, CreateOptions{Size: 2 << 20, Args: []string{"-o", "cluster_size=4096"}}); err != nil {
		t.Fatal(err)
	}
	if info, err := tool.Info(soon(t), path, Qcow2); err != nil || info.ClusterSize != 4096 {
		t.Errorf("created: %+v, %v", info, err)
	}
	before, _ := tool.Info(soon(t), path, Qcow2)
	o := ResizeOptions{Format: Qcow2, Size: 8 << 20, Args: []string{"--preallocation=full"}}
	if err := tool.Resize(soon(t), path, o); err != nil {
		t.Fatal(err)
	}
	if info, err := tool.Info(soon(t), path, Qcow2); err != nil || info.ActualSize < before.ActualSize+6<<20 {
		t.Errorf("resized: %+v, %v", info, err)
	}
	converted := filepath.Join(dir, "y")
	err := tool.Convert(soon(t), path, converted, ConvertOptions{SourceFormat: Qcow2, Args: []string{"-o", "compat=0.10,cluster_size=128k", "-W"}})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := tool.Info(soon(t), converted, Qcow2); err != nil || info.ClusterSize != 128<<10 {
		t.Errorf("converted: %+v, %v", info, err)
	}
	err = tool.Convert(soon(t), path, filepath.Join(dir, "z"), ConvertOptions{SourceFormat: Qcow2, Args: []string{"-o", "colour=red"}})
	wantError(t, err, "colour")
	if names := list(t, dir); len(names) != 2 {
		t.Error(names)
	}
}

// What a field is for, and what would make qemu-img do something else, is found
// before it runs.
func TestArgsRefused(t *testing.T) {
	for arg, want := range map[string]string{
		"-fraw":               "field Format says",
		"-b":                  "field Backing says",
		"-u":                  "cannot be given",
		"--help":              "leave it out",
		"size":                "no option of qemu-img create",
		"-o\x00":              "zero byte",
		"--object=secret,...": "",
	} {
		err := CreateOptions{Size: MinSize, Args: []string{arg}}.Validate()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("create %q: %v", arg, err)
		}
	}
	for _, args := range [][]string{{"-O", "raw"}, {"-c"}, {"-n"}, {"-o", "help"}, {"--image-opts"}} {
		if err := (ConvertOptions{SourceFormat: Raw, Args: args}).Validate(); err == nil {
			t.Errorf("convert %q is no error", args)
		}
	}
	wantError(t, (&Tool{}).Resize(soon(t), "x", ResizeOptions{Format: Raw, Size: MinSize, Args: []string{"--shrink"}}), "field Shrink says")
}
