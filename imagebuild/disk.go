package imagebuild

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"os/exec"
	"strings"

	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/qemu/qemuimg"
)

func given(s iso.Source) bool { return len(s.URLs) > 0 || s.Checksum != "" }

// hasImage reports whether the disk begins as an image.
func (b *Build) hasImage() bool { return given(b.Disk.Image) }

// diskSize returns the size of a disk that begins empty.
func (b *Build) diskSize() int64 {
	if b.Disk.Size == 0 {
		return defaultDiskSize
	}
	return b.Disk.Size
}

// base is the image that the disk begins as.
type base struct {
	*iso.Medium
	format qemuimg.Format
}

// makeDisk makes the disk that the machine runs with: an empty one, or what
// will hold the differences from the image that it begins as. So that image is
// neither copied nor written to.
func (r *run) makeDisk(ctx context.Context) error {
	var tool qemuimg.Tool
	r.media.disk = r.scratch.path("disk.qcow2")
	if r.base == nil {
		return tool.Create(ctx, r.media.disk, qemuimg.CreateOptions{Size: r.b.diskSize(), Args: r.b.ImgArgs.Create})
	}
	info, err := tool.Info(ctx, r.base.Path, r.b.Disk.ImageFormat)
	if err != nil {
		return fmt.Errorf("imagebuild: Disk.Image: %w", err)
	}
	if info.Encrypted {
		return &ConfigError{"Disk.Image", fmt.Sprintf("%q is encrypted", r.base.Path), "decrypt it with qemu-img convert"}
	}
	r.base.format = info.Format
	o := qemuimg.CreateOptions{Backing: r.base.Path, BackingFormat: info.Format}
	if r.b.Disk.Overlay {
		o.Args = r.b.ImgArgs.Create
	}
	if err := tool.Create(ctx, r.media.disk, o); err != nil {
		return fmt.Errorf("imagebuild: Disk.Image: %w", err)
	}
	size := r.b.Disk.grown(info.VirtualSize)
	if size == info.VirtualSize {
		return nil
	}
	return tool.Resize(ctx, r.media.disk, qemuimg.ResizeOptions{Format: qemuimg.Qcow2, Size: size, Args: r.b.ImgArgs.Resize})
}

// grown returns the size of a disk that begins as an image of a size.
func (d Disk) grown(size int64) int64 {
	size = max(size, d.Size)
	if d.Bus == qemu.SD {
		return cardSize(size)
	}
	return size
}

// cardSize returns the least size of an SD card that holds so much.
func cardSize(size int64) int64 { return 1 << bits.Len64(uint64(size-1)) }

// conversion says how the machine's disk becomes the image.
func (r *run) conversion() qemuimg.ConvertOptions {
	o := r.b.conversion()
	if r.base == nil {
		return o
	}
	o.SourceBacking = []string{r.base.Path}
	if r.b.Disk.Overlay {
		o.Backing, o.BackingFormat = r.base.Path, r.base.format
	}
	return o
}

// conversion is what is known of it before the image is fetched.
func (b *Build) conversion() qemuimg.ConvertOptions {
	return qemuimg.ConvertOptions{
		SourceFormat: qemuimg.Qcow2, Format: b.format(), Compress: b.Compress, Args: b.ImgArgs.Convert,
	}
}

func (b *Build) validateDisk() error {
	d := b.Disk
	var errs []error
	if err := qemuimg.CheckSize(b.diskSize()); err != nil {
		errs = append(errs, &ConfigError{"Disk.Size", fmt.Sprintf("%d bytes: %v", d.Size, err), "write 20<<30 for 20 GiB, or 0"})
	}
	if n := b.diskSize(); d.Bus == qemu.SD && !b.hasImage() && n != cardSize(n) {
		errs = append(errs, &ConfigError{"Disk.Size", fmt.Sprintf("%d bytes is no size of an SD card, which is a power of two", n), "write 32<<30 for 32 GiB"})
	}
	if d.Overlay && b.format() != qemuimg.Qcow2 {
		errs = append(errs, &ConfigError{"Disk.Overlay", fmt.Sprintf("an image of the format %s cannot have a backing file", b.Format), "set Format to qcow2"})
	}
	if !b.hasImage() && (d.Overlay || d.ImageFormat != "") {
		errs = append(errs, &ConfigError{"Disk.Image", "is empty, while Overlay or ImageFormat is set", "say where the image is, or leave them out"})
	}
	if _, err := exec.LookPath("qemu-img"); err != nil {
		errs = append(errs, &ConfigError{"Disk", "the program qemu-img was not found in PATH", "install it: package qemu-utils on Debian and Ubuntu, qemu-img on Fedora, openSUSE and Arch"})
	}
	return errors.Join(append(errs, b.ImgArgs.Validate())...)
}

// Validate returns everything that is wrong with a, a [ConfigError] each,
// joined by [errors.Join]. It runs nothing.
func (a ImgArgs) Validate() error {
	var errs []error
	for _, c := range []struct {
		field string
		err   error
	}{
		{"ImgArgs.Create", qemuimg.CreateOptions{Size: qemuimg.MinSize, Args: a.Create}.Validate()},
		{"ImgArgs.Resize", qemuimg.ResizeOptions{Format: qemuimg.Qcow2, Size: qemuimg.MinSize, Args: a.Resize}.Validate()},
		{"ImgArgs.Convert", qemuimg.ConvertOptions{SourceFormat: qemuimg.Qcow2, Args: a.Convert}.Validate()},
	} {
		if c.err != nil {
			errs = append(errs, &ConfigError{c.field, strings.TrimPrefix(c.err.Error(), "field Args: "), ""})
		}
	}
	return errors.Join(errs...)
}
