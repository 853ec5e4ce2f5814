package qemuimg

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/bootscribe/bootscribe/internal/need"
)

// An overlay that is published holds what differs from its backing file, and
// reads as the disk did, also where it is larger than that file.
func TestPublishOverlay(t *testing.T) {
	tool := realTool(t)
	qemuIO := need.Tool(t, "qemu-io")
	dir := t.TempDir()
	base, work, out := filepath.Join(dir, "base"), filepath.Join(dir, "work"), filepath.Join(dir, "out")
	if err := os.Rename(disk(t, 4), base); err != nil {
		t.Fatal(err)
	}
	before := read(t, base)
	if err := tool.Create(soon(t), work, CreateOptions{Backing: base, BackingFormat: Raw, Size: 8 << 20}); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(qemuIO, "-f", "qcow2", "-c", "write -P 0x11 1M 64k", "-c", "write -P 0x22 6M 64k", "-c", "write -z 2M 64k", work)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	for _, compress := range []Compression{None, Zlib} {
		o := PublishOptions{Overwrite: true, ConvertOptions: ConvertOptions{
			SourceFormat: Qcow2, SourceBacking: []string{base}, Backing: base, BackingFormat: Raw, Compress: compress,
		}}
		if err := tool.Publish(soon(t), work, out, o); err != nil {
			t.Fatal(err)
		}
		info, err := tool.Info(soon(t), out, Qcow2)
		if err != nil || info.Backing != base || info.BackingFormat != Raw || info.VirtualSize != 8<<20 || info.ActualSize > 1<<20 {
			t.Errorf("%q: %+v, %v", compress, info, err)
		}
		if text, err := exec.Command("qemu-img", "compare", "-f", "qcow2", "-F", "qcow2", work, out).CombinedOutput(); err != nil {
			t.Errorf("%q: %v: %s", compress, err, text)
		}
	}
	if read(t, base) != before {
		t.Error("the backing file has changed")
	}
	// Without the field the same disk becomes an image of its own.
	o := PublishOptions{Overwrite: true, ConvertOptions: ConvertOptions{SourceFormat: Qcow2, SourceBacking: []string{base}}}
	if err := tool.Publish(soon(t), work, out, o); err != nil {
		t.Fatal(err)
	}
	if info, err := tool.Info(soon(t), out, Qcow2); err != nil || info.Backing != "" {
		t.Errorf("%+v, %v", info, err)
	}
}

func TestBackingRefused(t *testing.T) {
	for want, o := range map[string]ConvertOptions{
		"must be the only SourceBacking": {SourceFormat: Qcow2, Backing: "b", BackingFormat: Raw},
		"BackingFormat is not set":       {SourceFormat: Qcow2, Backing: "b", SourceBacking: []string{"b"}},
		"works with Format":              {SourceFormat: Qcow2, Backing: "b", BackingFormat: Raw, SourceBacking: []string{"b"}, Format: Raw},
		"Backing is not":                 {SourceFormat: Qcow2, BackingFormat: Raw},
	} {
		wantError(t, o.Validate(), want)
	}
}
