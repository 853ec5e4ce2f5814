package qemuimg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// CreateOptions is what a new image is like.
type CreateOptions struct {
	Format Format // "" is qcow2
	Size   int64  // of the disk, in bytes: 1 MiB to 64 TiB, a multiple of 512; 0 with Backing: as large as that

	// Backing is an image under the new one, which then holds the differences
	// only; "" is none. It must have no backing file itself. BackingFormat is
	// required with it.
	Backing       string
	BackingFormat Format

	ClusterSize   int64         // of qcow2, in bytes: a power of two from 512 to 2 MiB; 0 is QEMU's, 64 KiB
	Preallocation Preallocation // what is allocated at once; "" is nothing

	// Args are further arguments of qemu-img create, put before the path, such
	// as {"-o", "lazy_refcounts=on"}. Nil is none. One that a field here is for
	// is an error.
	Args []string
}

// Validate returns all that is wrong with the options, without looking at any
// file.
func (o CreateOptions) Validate() error {
	var errs []error
	if o.Format != "" {
		errs = append(errs, checkFormat("Format", o.Format))
	}
	if o.Size != 0 || o.Backing == "" {
		if err := CheckSize(o.Size); err != nil {
			errs = append(errs, fmt.Errorf("field Size %d %w", o.Size, err))
		}
	}
	if o.Backing != "" {
		errs = append(errs, checkFormat("BackingFormat", o.BackingFormat))
		if o.format() != Qcow2 {
			errs = append(errs, fmt.Errorf("field Backing works with Format %q only, not with %q", Qcow2, o.Format))
		}
	} else if o.BackingFormat != "" {
		errs = append(errs, fmt.Errorf("field BackingFormat %q is set, but Backing is not", o.BackingFormat))
	}
	if c := o.ClusterSize; c != 0 && (c < 512 || c > 2<<20 || c&(c-1) != 0 || o.format() != Qcow2) {
		errs = append(errs, fmt.Errorf("field ClusterSize %d must be a power of two from 512 to 2097152, for Format %q only", c, Qcow2))
	}
	return errors.Join(append(errs, checkPreallocation(o.Preallocation), checkArgs("create", o.Args))...)
}

func (o CreateOptions) format() Format {
	if o.Format == "" {
		return Qcow2
	}
	return o.Format
}

// Create makes a new image at path, readable by its owner only. It never
// overwrites: a file that exists makes it fail with an error that is
// [fs.ErrExist].
func (t *Tool) Create(ctx context.Context, path string, o CreateOptions) error {
	if err := t.create(ctx, path, o); err != nil {
		return fmt.Errorf("qemuimg: create %q: %w", path, err)
	}
	return nil
}

func (t *Tool) create(ctx context.Context, path string, o CreateOptions) error {
	path, err := absolute(path)
	if err := errors.Join(err, o.Validate()); err != nil {
		return err
	}
	if o.Backing != "" {
		if o.Backing, err = absolute(o.Backing); err != nil {
			return fmt.Errorf("field Backing: %w", err)
		}
		if _, err := t.inspect(ctx, o.Backing, o.BackingFormat, nil); err != nil {
			return fmt.Errorf("field Backing: %w", err)
		}
	}
	return place(path, placement{}, func(temp string) error {
		return t.run(ctx, io.Discard, o.args(temp)...)
	})
}

func (o CreateOptions) args(path string) []string {
	args := []string{"create", "-q", "-f", string(o.format())}
	if o.Backing != "" {
		args = append(args, "-b", o.Backing, "-F", string(o.BackingFormat))
	}
	var opts []string
	if o.ClusterSize != 0 {
		opts = append(opts, "cluster_size="+strconv.FormatInt(o.ClusterSize, 10))
	}
	if o.Preallocation != "" {
		opts = append(opts, "preallocation="+string(o.Preallocation))
	}
	if len(opts) > 0 {
		args = append(args, "-o", strings.Join(opts, ","))
	}
	args = append(append(args, o.Args...), path)
	if o.Size != 0 {
		args = append(args, strconv.FormatInt(o.Size, 10))
	}
	return args
}
