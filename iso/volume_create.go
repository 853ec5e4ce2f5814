package iso

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// image is a medium whose layout is decided.
type image interface {
	Write(ctx context.Context, w io.Writer) error
}

// create writes an image to a new file that others cannot read, since seeds
// hold passwords and keys. What is there already is left alone, and after an
// error there is no file.
func create(ctx context.Context, img image, path string) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("iso: create seed medium: %w", err)
	}
	defer func() {
		if closeErr := f.Close(); err == nil && closeErr != nil {
			err = fmt.Errorf("iso: create seed medium: %w", closeErr)
		}
		if err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	w := bufio.NewWriterSize(f, 1<<16)
	if err := img.Write(ctx, w); err != nil {
		return fmt.Errorf("iso: create seed medium %q: %w", path, err)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("iso: create seed medium: %w", err)
	}
	return nil
}
