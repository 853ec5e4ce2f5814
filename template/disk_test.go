package template_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/qemu/qemuimg"
	"github.com/bootscribe/bootscribe/template"
)

// typedDisk is a template's test whose guest writes what is typed to the start
// of the disk that it was booted from.
func typedDisk(t *testing.T, options map[string]any) (image string, err error) {
	t.Helper()
	var c template.Config
	c.CacheDir = filepath.Join(t.TempDir(), "cache")
	look(t, &c, func(ctx context.Context, g *imagebuild.Guest) error {
		if _, err := g.WaitSerial(ctx, regexp.MustCompile("W|E")); err != nil {
			return err
		}
		return g.VM.Powerdown(ctx)
	})
	out := filepath.Join(t.TempDir(), "out")
	options["communicator"], options["output_directory"], options["vm_name"] = "none", out, "disk"
	options["boot_command"] = []string{"typed<enter>"}
	_, _, err = run(t, options, map[string]any{"provisioners": []any{map[string]any{"type": "look"}}}, &c)
	return filepath.Join(out, "disk"), err
}

// TestDiskImage builds from images instead of a medium: as they are, grown,
// larger than disk_size, compressed, and as overlays.
func TestDiskImage(t *testing.T) {
	t.Parallel()
	base := guest.Disk(t, guest.Install) // 1 MiB
	before, err := os.ReadFile(base)
	if err != nil {
		t.Fatal(err)
	}
	packed := filepath.Join(t.TempDir(), "image.raw.gz")
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(before)
	z.Close()
	if err := os.WriteFile(packed, b.Bytes(), 0o400); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		options map[string]any
		size    int64
		cluster int64
		backing string // matches it; empty for none
	}{
		{"grown", map[string]any{"iso_url": base, "disk_size": "3M"}, 3 << 20, 64 << 10, ""},
		{"not resized", map[string]any{"iso_url": base, "disk_size": "3M", "skip_resize_disk": true}, 1 << 20, 64 << 10, ""},
		{"compressed", map[string]any{"iso_url": packed, "skip_resize_disk": true, "disk_compression": true}, 1 << 20, 64 << 10, ""},
		{"overlay", map[string]any{"iso_url": base, "disk_size": "2M", "use_backing_file": true}, 2 << 20, 64 << 10, "^" + regexp.QuoteMeta(base) + "$"},
		{"overlay of compressed", map[string]any{"iso_url": packed, "disk_size": "1M", "use_backing_file": true}, 1 << 20, 64 << 10, "/cache/sha256/[0-9a-f]{64}$"},
		{"arguments", map[string]any{"iso_url": base, "disk_size": "2M", "qemu_img_args": map[string]any{"resize": "--preallocation=metadata", "convert": []string{"-o", "cluster_size=8k"}}}, 2 << 20, 8 << 10, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.options["disk_image"] = true
			image, err := typedDisk(t, tt.options)
			if err != nil {
				t.Fatal(err)
			}
			info, err := (&qemuimg.Tool{}).Info(context.Background(), image, qemuimg.Qcow2)
			if err != nil || info.VirtualSize != tt.size || info.ClusterSize != tt.cluster || !regexp.MustCompile(tt.backing).MatchString(info.Backing) || (tt.backing == "") != (info.Backing == "") {
				t.Errorf("the image is %+v, %v", info, err)
			}
			raw := filepath.Join(t.TempDir(), "raw")
			if out, err := exec.Command("qemu-img", "convert", "-f", "qcow2", "-O", "raw", image, raw).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if data, err := os.ReadFile(raw); err != nil || !bytes.HasPrefix(data, []byte("typed\x00")) {
				t.Errorf("the disk begins with %q, %v", data[:16], err)
			}
		})
	}
	t.Cleanup(func() {
		if now, err := os.ReadFile(base); err != nil || !bytes.Equal(now, before) {
			t.Error("the image was written to", err)
		}
	})
}

// TestImgArgs gives further disks what qemu_img_args says.
func TestImgArgs(t *testing.T) {
	t.Parallel()
	image, err := typedDisk(t, map[string]any{
		"iso_url": guest.CD(t, guest.Install), "disk_additional_size": "1M",
		"qemu_img_args": map[string]any{"create": []string{"-o", "cluster_size=4k"}, "convert": []string{"-o", "cluster_size=128k"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{image, image + "-1"} {
		if info, err := (&qemuimg.Tool{}).Info(context.Background(), path, qemuimg.Qcow2); err != nil || info.ClusterSize != 128<<10 {
			t.Errorf("%s: %+v, %v", path, info, err)
		}
	}
}

// TestCreateArgs gives the image the arguments of qemu-img create where Packer
// would publish what that has made.
func TestCreateArgs(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		options  map[string]any
		create   string
		cluster  int64 // of the image; 0 for a raw one
		occupied bool  // the whole image takes room
	}{
		"compacted":       {map[string]any{}, "cluster_size=4k", 64 << 10, false},
		"not compacted":   {map[string]any{"skip_compaction": true}, "cluster_size=4k", 4 << 10, false},
		"compressed":      {map[string]any{"skip_compaction": true, "disk_compression": true}, "cluster_size=4k", 64 << 10, false},
		"raw":             {map[string]any{"format": "raw"}, "preallocation=full", 0, true},
		"raw, as default": {map[string]any{"format": "raw"}, "preallocation=off", 0, false},
		"overlay":         {map[string]any{"disk_image": true, "use_backing_file": true, "iso_url": guest.Disk(t, guest.Install)}, "cluster_size=8k", 8 << 10, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.options["iso_url"] == nil {
				tt.options["iso_url"] = guest.CD(t, guest.Install)
			}
			tt.options["qemu_img_args"] = map[string]any{"create": []string{"-o", tt.create}}
			image, err := typedDisk(t, tt.options)
			if err != nil {
				t.Fatal(err)
			}
			info, err := (&qemuimg.Tool{}).Info(context.Background(), image, "")
			if err != nil || info.ClusterSize != tt.cluster || (info.ActualSize >= 8<<20) != tt.occupied {
				t.Errorf("the image is %+v, %v", info, err)
			}
		})
	}
}

// TestCDROMInterface looks where QEMU has the CD-ROMs, with the disk of a
// template beside them on the same bus.
func TestCDROMInterface(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		machine, cd, disk string
		want              string // QEMU's device of the medium
	}{
		{"pc", "ide", "ide", "ide-cd"},
		{"pc", "sata", "sata", "ide-cd"},
		{"pc", "scsi", "virtio-scsi", "scsi-cd"},
		{"q35", "virtio-scsi", "scsi", "scsi-cd"},
		{"q35", "ide", "ide", "ide-cd"},
		{"q35", "usb", "usb", "scsi-cd"},
		{"pc", "virtio", "virtio", "virtio-blk-pci"},
	} {
		t.Run(fmt.Sprint(tt.machine, " ", tt.cd), func(t *testing.T) {
			t.Parallel()
			var c template.Config
			var devices string
			look(t, &c, func(ctx context.Context, g *imagebuild.Guest) error {
				var list []struct{ Name, Type string }
				if err := g.VM.QMP().Execute(ctx, "qom-list", map[string]any{"path": "/machine/peripheral"}, &list); err != nil {
					return err
				}
				for _, d := range list {
					devices += d.Name + "=" + strings.TrimSuffix(strings.TrimPrefix(d.Type, "child<"), ">") + " "
				}
				return g.VM.Powerdown(ctx)
			})
			medium := guest.CD(t, guest.Button)
			if tt.cd == "virtio" {
				medium = guest.Disk(t, guest.Button) // as a hybrid medium begins
			}
			_, _, err := run(t, map[string]any{
				"iso_url": medium, "communicator": "none", "output_directory": filepath.Join(t.TempDir(), "out"),
				"machine_type": tt.machine, "cdrom_interface": tt.cd, "disk_interface": tt.disk,
			}, map[string]any{"provisioners": []any{map[string]any{"type": "look"}}}, &c)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(devices, "cd0="+tt.want+" ") {
				t.Errorf("no %s in %s", tt.want, devices)
			}
		})
	}
}
