package imagebuild

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/detect"
	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/qemu/qemuimg"
)

// imageBuild returns a build whose disk begins as an image with a boot sector,
// which writes over itself what is typed.
func imageBuild(t *testing.T, format string) (b *Build, image string) {
	t.Helper()
	b, _ = newBuild(t, guest.Install, ready(), Type("typed<enter>"), WaitSerial("W|E"))
	b.Media, b.Disk.Size = iso.Source{}, 0
	image = filepath.Join(t.TempDir(), "image."+format)
	out, err := exec.Command("qemu-img", "convert", "-f", "raw", "-O", format, guest.Disk(t, guest.Install), image).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.Chmod(image, 0o400); err != nil {
		t.Fatal(err)
	}
	b.Disk.Image = iso.Source{URLs: []string{image}, Checksum: "none"}
	return b, image
}

func enlarge(t *testing.T, image, format string, size int64) {
	t.Helper()
	raw := guest.Disk(t, guest.Install)
	if err := errors.Join(os.Truncate(raw, size), os.Remove(image)); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("qemu-img", "convert", "-f", "raw", "-O", format, raw, image).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func fileDigest(t *testing.T, path string) string {
	t.Helper()
	_, d, err := digest(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// wantDisk checks an image that a build of imageBuild made.
func wantDisk(t *testing.T, path string, size int64, backing string) {
	t.Helper()
	info, err := (&qemuimg.Tool{}).Info(soon(t), path, qemuimg.Qcow2)
	if err != nil || info.VirtualSize != size || info.Backing != backing {
		t.Errorf("the image is %+v, %v; want %d bytes over %q", info, err, size, backing)
	}
	raw := filepath.Join(t.TempDir(), "raw")
	if out, err := exec.Command("qemu-img", "convert", "-f", "qcow2", "-O", "raw", path, raw).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	data, err := os.ReadFile(raw)
	if err != nil || int64(len(data)) != size || !bytes.HasPrefix(data, []byte("typed\x00")) {
		t.Errorf("the disk has %d bytes and begins with %q, %v", len(data), data[:16], err)
	}
}

// The disk begins as an image, of whatever format, which is not written to; it
// grows and never shrinks.
func TestDiskImage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, format string
		set          func(*Disk)
		size         int64 // of the disk that comes out
		overlay      bool
	}{
		{"raw", "raw", func(*Disk) {}, 1 << 20, false},
		{"said to be raw", "raw", func(d *Disk) { d.ImageFormat = qemuimg.Raw }, 1 << 20, false},
		{"grown", "qcow2", func(d *Disk) { d.Size = 3 << 20 }, 3 << 20, false},
		{"larger than the size", "vmdk", func(d *Disk) { d.Size = 1 << 20 }, 2 << 20, false},
		{"on a card", "raw", func(d *Disk) { d.Bus, d.Size = qemu.SD, 3<<20 }, 4 << 20, false},
		{"overlay", "qcow2", func(d *Disk) { d.Overlay = true }, 1 << 20, true},
		{"overlay, grown", "raw", func(d *Disk) { d.Overlay, d.Size = true, 3<<20 }, 3 << 20, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b, image := imageBuild(t, tt.format)
			tt.set(&b.Disk)
			if tt.format == "vmdk" { // the image itself is so large
				enlarge(t, image, tt.format, tt.size)
			}
			before := fileDigest(t, image)
			a, err := b.Run(soon(t))
			if err != nil {
				t.Fatal(err)
			}
			backing := ""
			if tt.overlay {
				backing = image
			}
			wantDisk(t, b.Output, tt.size, backing)
			if now := fileDigest(t, image); now != before || a.Base != before || a.Medium != "" {
				t.Errorf("the image is %s and was %s; the artifact says %q, medium %q", now, before, a.Base, a.Medium)
			}
		})
	}
}

// An installation goes to a disk on each bus, from a CD-ROM on the same one.
func TestDiskBus(t *testing.T) {
	t.Parallel()
	for disk, cd := range map[qemu.Bus]qemu.Bus{qemu.SD: "", qemu.USB: qemu.USB, qemu.SATA: qemu.SATA, qemu.VirtIOSCSI: qemu.VirtIOSCSI, qemu.NVMe: qemu.IDE} {
		t.Run(string(disk), func(t *testing.T) {
			t.Parallel()
			b, _ := newBuild(t, guest.Install, ready(), Type("typed<enter>"), WaitSerial("W|E"))
			b.Disk.Bus, b.CDBus = disk, cd
			if _, err := b.Run(soon(t)); err != nil {
				t.Fatal(err)
			}
			wantDisk(t, b.Output, 1<<20, "")
		})
	}
}

// An image that was compressed comes from a server, and an overlay is over what
// was in it.
func TestDiskImageFetched(t *testing.T) {
	t.Parallel()
	b, image := imageBuild(t, "qcow2")
	data, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(data)
	z.Close()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(packed.Bytes()) }))
	defer s.Close()
	sum := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(sum, packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	b.Disk.Image = iso.Source{URLs: []string{s.URL + "/image.qcow2.gz"}, Checksum: fileDigest(t, sum), Unpack: true}
	b.Disk.Overlay = true
	a, err := b.Run(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	hex := strings.TrimPrefix(a.Base, "sha256:")
	if a.Base != fileDigest(t, image) {
		t.Errorf("the base is %q", a.Base)
	}
	wantDisk(t, b.Output, 1<<20, filepath.Join(b.Fetcher.Dir, "sha256", hex))
}

// The disk boots before CD-ROMs that are not an installation medium.
func TestDiskImageBootsFirst(t *testing.T) {
	t.Parallel()
	b, _ := imageBuild(t, "raw")
	b.VM.CDROMs = []qemu.CDROM{{Path: guest.CD(t, guest.Show("the CD"))}}
	b.Detect, b.StepTimeout = &detect.Set{}, 30*time.Second
	if _, err := b.Run(soon(t)); err != nil {
		t.Fatal(err)
	}
	wantDisk(t, b.Output, 1<<20, "")
}

// An image may be on the disk and a medium in the drive, which boots first.
func TestDiskImageAndMedium(t *testing.T) {
	t.Parallel()
	b, _ := imageBuild(t, "qcow2")
	b.Media = iso.Source{URLs: []string{guest.CD(t, guest.Show("from the medium"))}, Checksum: "none"}
	b.Seed = &iso.Volume{Content: map[string]string{"a": "b"}}
	b.CDBus = qemu.USB
	b.Steps = []Step{WaitSerial("from the medium"), do("look", func(ctx context.Context, g *Guest) error {
		var tree string
		err := g.VM.QMP().Execute(ctx, "human-monitor-command", map[string]any{"command-line": "info qtree"}, &tree)
		if n := strings.Count(tree, "dev: scsi-cd"); n != 2 || !strings.Contains(tree, "dev: usb-bot") {
			t.Errorf("%d CD-ROMs on bus USB:\n%s", n, tree)
		}
		return err
	}), do("stop", func(ctx context.Context, g *Guest) error { return g.VM.Close() })}
	if _, err := b.Run(soon(t)); err == nil {
		t.Error("a machine that was stopped made an image")
	}
}

// An image that would bring other files of the host with it, or that changes
// while it is used, makes no image.
func TestDiskImageRefused(t *testing.T) {
	t.Parallel()
	t.Run("backing file", func(t *testing.T) {
		t.Parallel()
		b, image := imageBuild(t, "qcow2")
		over := filepath.Join(t.TempDir(), "over")
		if out, err := exec.Command("qemu-img", "create", "-q", "-f", "qcow2", "-b", image, "-F", "qcow2", over).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		b.Disk.Image.URLs = []string{over}
		if _, err := b.Run(soon(t)); err == nil || !strings.Contains(err.Error(), "backing file") || !strings.Contains(err.Error(), "Disk.Image") {
			t.Error(err)
		}
	})
	t.Run("wrong format", func(t *testing.T) {
		t.Parallel()
		b, _ := imageBuild(t, "raw")
		b.Disk.ImageFormat = qemuimg.VDI
		if _, err := b.Run(soon(t)); err == nil || !strings.Contains(err.Error(), "Disk.Image") {
			t.Error(err)
		}
	})
	t.Run("written to", func(t *testing.T) {
		t.Parallel()
		b, image := imageBuild(t, "raw")
		b.Steps = append(b.Steps, do("write", func(context.Context, *Guest) error {
			if err := os.Chmod(image, 0o600); err != nil {
				return err
			}
			return os.WriteFile(image, make([]byte, 1<<20), 0o600)
		}))
		if _, err := b.Run(soon(t)); err == nil || !strings.Contains(err.Error(), "written to") {
			t.Error(err)
		}
		if left := names(t, filepath.Dir(b.Output)); len(left) != 1 {
			t.Error(left)
		}
	})
}

// Further arguments get to qemu-img: the disk has the clusters that they ask
// for while the machine runs, and the image has its own.
func TestImgArgs(t *testing.T) {
	t.Parallel()
	b, _ := newBuild(t, guest.Button, ready())
	b.ImgArgs = ImgArgs{Create: []string{"-o", "cluster_size=4k"}, Convert: []string{"-o", "cluster_size=128k"}}
	b.Steps = append(b.Steps, do("look", func(ctx context.Context, g *Guest) error {
		var blocks []struct {
			Inserted struct {
				Image struct {
					Format      string
					ClusterSize int `json:"cluster-size"`
				}
			}
		}
		if err := g.VM.QMP().Execute(ctx, "query-block", nil, &blocks); err != nil {
			return err
		}
		found := false
		for _, b := range blocks {
			found = found || b.Inserted.Image.Format == "qcow2" && b.Inserted.Image.ClusterSize == 4096
		}
		if !found {
			t.Errorf("the machine's disks: %+v", blocks)
		}
		return nil
	}))
	if _, err := b.Run(soon(t)); err != nil {
		t.Fatal(err)
	}
	info, err := (&qemuimg.Tool{}).Info(soon(t), b.Output, qemuimg.Qcow2)
	if err != nil || info.ClusterSize != 128<<10 {
		t.Errorf("%+v, %v", info, err)
	}
	b, _ = imageBuild(t, "qcow2")
	b.Disk.Size, b.ImgArgs.Resize = 2<<20, []string{"--preallocation=nonsense"}
	if _, err := b.Run(soon(t)); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Error("the arguments of resize were not used:", err)
	}
}
