package iso

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/bootscribe/bootscribe/iso/internal/iso9660"
)

// maxCDLabel is the length of a volume identifier (ECMA-119 8.4.7).
const maxCDLabel = 32

// ValidateCD reports everything that would keep WriteCD from writing, each
// with its field or file: it reads directories and sizes, and writes nothing.
func (v *Volume) ValidateCD() error {
	_, err := v.planCD()
	return err
}

// WriteCD writes the volume to w as an ISO 9660 image with Rock Ridge and
// Joliet: names are UTF-8 of up to 253 bytes for Linux and the BSDs and Unicode
// of up to 64 characters for Windows. For Windows only, a longer name is cut
// before its extension and numbered, and the characters * / : ; ? \ and a dot
// at the end become _. A file may have up to 4 GiB, less one byte.
//
// Nothing is written if ValidateCD finds an error. If ctx is done while
// files are copied, WriteCD returns its cause and w has part of the image.
func (v *Volume) WriteCD(ctx context.Context, w io.Writer) error {
	img, err := v.planCD()
	if err != nil {
		return err
	}
	if err := img.Write(ctx, w); err != nil {
		return fmt.Errorf("iso: write CD: %w", err)
	}
	return nil
}

// CreateCD writes the volume as [Volume.WriteCD] does to a new file with mode
// 0600. A file that exists already is an error and is not touched. If CreateCD
// fails, it leaves no file.
func (v *Volume) CreateCD(ctx context.Context, path string) error {
	img, err := v.planCD()
	if err != nil {
		return err
	}
	return create(ctx, img, path)
}

func (v *Volume) planCD() (*iso9660.Image, error) {
	root, treeErr := v.tree()
	if err := errors.Join(v.Validate(), treeErr); err != nil {
		return nil, err
	}
	img, err := iso9660.Plan(root, iso9660.Options{Label: v.Label, Time: v.time()})
	if err != nil {
		return nil, fmt.Errorf("iso: plan CD: %w", err)
	}
	return img, nil
}
