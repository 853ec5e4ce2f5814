package qemuimg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
)

// ConvertOptions is how an image is converted.
type ConvertOptions struct {
	SourceFormat Format      // required: it is never guessed
	Format       Format      // of the result; "" is qcow2
	Compress     Compression // of the result's data; "" is none

	// SourceBacking lists the backing files that the source may have, the
	// nearest first; the result contains their data and has none. nil is none:
	// a source that has one is refused.
	SourceBacking []string

	// Backing makes of the result, which must be qcow2, an image of what differs
	// from that one, and that cannot be used without it. It must be the only
	// SourceBacking. "" is an image of its own. BackingFormat is required with it.
	Backing       string
	BackingFormat Format

	// Args are further arguments of qemu-img convert, as in [CreateOptions],
	// such as {"-o", "cluster_size=2M"}. Nil is none.
	Args []string

	// Progress is told, from 0 to 1 and never downwards, how much is done. It
	// is called on a goroutine that reads from qemu-img, which waits meanwhile,
	// and not after the conversion has returned. nil is none.
	Progress func(fraction float64)
}

// PublishOptions is how an image is published.
type PublishOptions struct {
	ConvertOptions
	Overwrite bool // replace a regular file of that name

	// Mode is the permission of the result. 0 is that of any new file: 0666
	// less the umask. Until the image has its name, only its owner may read it.
	Mode fs.FileMode

	// Dir is the directory in which the image is made until it gets its name,
	// on the same file system. "" is that of the result. A program that is
	// killed leaves its half image there.
	Dir string

	// Finished is called with the path of the image when it is whole and on
	// the disk, before it gets its name. Its error is wrapped in Publish's,
	// and nothing is published then. nil is none.
	Finished func(path string) error
}

// Validate returns all that is wrong with the options, without looking at any
// file.
func (o ConvertOptions) Validate() error {
	errs := []error{checkFormat("SourceFormat", o.SourceFormat)}
	if o.Format != "" {
		errs = append(errs, checkFormat("Format", o.Format))
	}
	return errors.Join(append(errs, checkCompression(o.Compress, o.format()), o.checkBacking(), checkArgs("convert", o.Args))...)
}

func (o ConvertOptions) checkBacking() error {
	switch {
	case o.Backing == "" && o.BackingFormat != "":
		return fmt.Errorf("field BackingFormat %q is set, but Backing is not", o.BackingFormat)
	case o.Backing == "":
		return nil
	case o.format() != Qcow2:
		return fmt.Errorf("field Backing works with Format %q only, not with %q", Qcow2, o.Format)
	case !slices.Equal(o.SourceBacking, []string{o.Backing}):
		return fmt.Errorf("field Backing %q must be the only SourceBacking, which is %q: the result holds what differs from it", o.Backing, o.SourceBacking)
	}
	return checkFormat("BackingFormat", o.BackingFormat)
}

func (o ConvertOptions) format() Format {
	if o.Format == "" {
		return Qcow2
	}
	return o.Format
}

// Convert writes the disk in the image src to a new image dst, readable by
// its owner only, which gets its name when it is whole. It never overwrites: a
// file that exists makes it fail with an error that is [fs.ErrExist]. A full
// disk is [syscall.ENOSPC].
func (t *Tool) Convert(ctx context.Context, src, dst string, o ConvertOptions) error {
	if err := t.convert(ctx, src, dst, o, placement{}); err != nil {
		return fmt.Errorf("qemuimg: convert %q to %q: %w", src, dst, err)
	}
	return nil
}

// Publish converts like [Tool.Convert] and makes sure that dst, once it has
// its name, survives a power cut: whenever the machine dies, there is the old
// dst, or none, or the whole new one.
func (t *Tool) Publish(ctx context.Context, src, dst string, o PublishOptions) error {
	p := placement{overwrite: o.Overwrite, durable: true, mode: o.Mode, public: true, dir: o.Dir, finished: o.Finished}
	if err := t.convert(ctx, src, dst, o.ConvertOptions, p); err != nil {
		return fmt.Errorf("qemuimg: publish %q as %q: %w", src, dst, err)
	}
	return nil
}

func (t *Tool) convert(ctx context.Context, src, dst string, o ConvertOptions, p placement) error {
	src, srcErr := absolute(src)
	dst, dstErr := absolute(dst)
	if err := errors.Join(srcErr, dstErr, o.Validate()); err != nil {
		return err
	}
	if o.Backing != "" {
		var err error
		if o.Backing, err = absolute(o.Backing); err != nil {
			return fmt.Errorf("field Backing: %w", err)
		}
	}
	source, err := t.inspect(ctx, src, o.SourceFormat, o.SourceBacking)
	if err != nil {
		return err
	}
	return place(dst, p, func(temp string) error {
		if err := t.run(ctx, o.stdout(), o.args(src, temp)...); err != nil {
			return o.explain(err)
		}
		return t.verify(ctx, temp, o, source.VirtualSize)
	})
}

func (o ConvertOptions) args(src, dst string) []string {
	args := []string{"convert", "-f", string(o.SourceFormat), "-O", string(o.format())}
	if o.Progress != nil {
		args = append(args, "-p")
	}
	if o.Compress != None {
		args = append(args, "-c")
	}
	switch {
	case o.Compress == Zstd: // zlib is the default, also where there is no such option
		args = append(args, "-o", "compression_type=zstd")
	case o.Compress == Zlib && o.format() == VMDK:
		args = append(args, "-o", "subformat=streamOptimized")
	}
	if o.Backing != "" {
		args = append(args, "-B", o.Backing, "-o", "backing_fmt="+string(o.BackingFormat)) // -F is younger
	}
	return append(append(args, o.Args...), src, dst)
}

func (o ConvertOptions) stdout() io.Writer {
	if o.Progress == nil {
		return io.Discard
	}
	return &progress{report: o.Progress, last: -1}
}

// explain adds the remedy where this qemu-img does not know a compression.
func (o ConvertOptions) explain(err error) error {
	var e *Error
	if errors.As(err, &e) && o.Compress == Zstd && strings.Contains(e.Stderr, "compression") {
		return fmt.Errorf("field Compress %q is not known to this qemu-img, take %q: %w", o.Compress, Zlib, err)
	}
	return err
}

// verify makes sure that what qemu-img left is an image of the right kind and
// size, before it gets a name that says so.
func (t *Tool) verify(ctx context.Context, path string, o ConvertOptions, size int64) error {
	info, err := t.info(ctx, path, o.format())
	if err != nil {
		return fmt.Errorf("verify the result: %w", err)
	}
	if info.Format != o.format() || info.VirtualSize < size { // vpc rounds up to whole cylinders
		return fmt.Errorf("the result is a %s disk of %d bytes instead of a %s disk of %d", info.Format, info.VirtualSize, o.format(), size)
	}
	if info.Backing != asJSON(o.Backing) {
		return fmt.Errorf("the result has the backing file %q instead of %q", info.Backing, o.Backing)
	}
	return nil
}
