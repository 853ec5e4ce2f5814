package template

import (
	"archive/tar"
	"archive/zip"
	"compress/flate"
	"context"
	"io"
	"os"
	"path/filepath"
)

// tarred writes a tar archive with the files, without their directories.
func tarred(ctx context.Context, w io.Writer, files []string) error {
	t := tar.NewWriter(w)
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			return err
		}
		h, err := tar.FileInfoHeader(info, "")
		if err != nil {
			return err
		}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if err := readInto(ctx, t, f); err != nil {
			return err
		}
	}
	return t.Close()
}

// zipped writes a zip archive with the files, without their directories.
func zipped(ctx context.Context, w io.Writer, level int, files []string) error {
	z := zip.NewWriter(w)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, level) })
	for _, f := range files {
		entry, err := z.Create(filepath.Base(f))
		if err != nil {
			return err
		}
		if err := readInto(ctx, entry, f); err != nil {
			return err
		}
	}
	return z.Close()
}
