package qemuimg

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// ResizeOptions is how an image is resized.
type ResizeOptions struct {
	Format Format // of the image; required: it is never guessed
	Size   int64  // in bytes, bounded as in [CreateOptions]
	Shrink bool   // allow the new size to be smaller: what is beyond it is lost

	// Args are further arguments of qemu-img resize, as in [CreateOptions], such
	// as {"--preallocation=falloc"}. Nil is none.
	Args []string
}

// Validate returns all that is wrong with the options, without looking at any
// file.
func (o ResizeOptions) Validate() error {
	err := CheckSize(o.Size)
	if err != nil {
		err = fmt.Errorf("field Size %d %w", o.Size, err)
	}
	return errors.Join(checkFormat("Format", o.Format), err, checkArgs("resize", o.Args))
}

// Resize changes the size of the disk in the image at path, in place. What is
// on the disk is not adapted to it.
func (t *Tool) Resize(ctx context.Context, path string, o ResizeOptions) error {
	if err := t.resize(ctx, path, o); err != nil {
		return fmt.Errorf("qemuimg: resize %q: %w", path, err)
	}
	return nil
}

func (t *Tool) resize(ctx context.Context, path string, o ResizeOptions) error {
	path, pathErr := absolute(path)
	if err := errors.Join(pathErr, o.Validate()); err != nil {
		return err
	}
	info, err := t.info(ctx, path, o.Format)
	if err != nil {
		return err
	}
	if len(info.OtherFiles) > 0 { // which would be resized, whatever it is
		return otherFilesError(path, info)
	}
	args := []string{"resize", "-q", "-f", string(o.Format)}
	if o.Shrink {
		args = append(args, "--shrink")
	}
	args = append(append(args, o.Args...), path, strconv.FormatInt(o.Size, 10))
	return t.run(ctx, io.Discard, args...)
}

// CheckResult is what [Tool.Check] found.
type CheckResult struct {
	Corruptions int // damage: the image is not to be used
	Leaks       int // clusters that take space and belong to nothing: harmless
	Errors      int // places that could not be checked
}

// OK is whether the image can be used.
func (r *CheckResult) OK() bool { return r.Corruptions == 0 && r.Errors == 0 }

// Check looks for damage in the structure of an image that is not in use, and
// changes nothing. A damaged image is not an error but a result. Some formats,
// raw among them, have nothing to check: that is an error. A clean result does
// not say that the image is whole: half a conversion is clean too.
func (t *Tool) Check(ctx context.Context, path string, format Format) (*CheckResult, error) {
	result, err := t.check(ctx, path, format)
	if err != nil {
		return nil, fmt.Errorf("qemuimg: check %q: %w", path, err)
	}
	return result, nil
}

func (t *Tool) check(ctx context.Context, path string, format Format) (*CheckResult, error) {
	path, err := absolute(path)
	if err := errors.Join(err, checkFormat("format", format)); err != nil {
		return nil, err
	}
	if err := checkReadable(path); err != nil {
		return nil, err
	}
	out, err := t.output(ctx, "check", "--output=json", "-f", string(format), path)
	var exit *exec.ExitError
	if found := errors.As(err, &exit) && (exit.ExitCode() == 2 || exit.ExitCode() == 3); err != nil && !found {
		return nil, err // 2 is damage and 3 is leaks, which the output tells
	}
	var raw struct {
		Corruptions int    `json:"corruptions"`
		Leaks       int    `json:"leaks"`
		Errors      *int   `json:"check-errors"`
		Format      Format `json:"format"`
	}
	if err := json.Unmarshal(out, &raw); err != nil || raw.Errors == nil {
		return nil, fmt.Errorf("qemu-img check answers with nonsense: %.100q", out)
	}
	return &CheckResult{raw.Corruptions, raw.Leaks, *raw.Errors}, nil
}

// CanCompress returns nil if this qemu-img can write images of the format
// with the compression, and otherwise why not. It finds out by making a small
// one in the directory for temporary files.
func (t *Tool) CanCompress(ctx context.Context, c Compression, format Format) error {
	if err := errors.Join(checkFormat("Format", format), checkCompression(c, format)); err != nil {
		return fmt.Errorf("qemuimg: %w", err)
	}
	dir, err := os.MkdirTemp("", "bootscribe-")
	if err != nil {
		return fmt.Errorf("qemuimg: %w", err)
	}
	defer os.RemoveAll(dir)
	src := filepath.Join(dir, "src")
	if err := os.WriteFile(src, make([]byte, MinSize), 0o600); err != nil {
		return fmt.Errorf("qemuimg: %w", err)
	}
	return t.Convert(ctx, src, filepath.Join(dir, "dst"), ConvertOptions{SourceFormat: Raw, Format: format, Compress: c})
}
