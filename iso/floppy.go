package iso

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/bootscribe/bootscribe/iso/internal/fat"
)

// maxFloppyLabel is the length of a volume label on FAT.
const maxFloppyLabel = 11

// ValidateFloppy reports everything that would keep WriteFloppy from writing,
// each with its field or file, also that the files do not fit: it reads
// directories and sizes, and writes nothing.
func (v *Volume) ValidateFloppy() error {
	_, err := v.planFloppy()
	return err
}

// WriteFloppy writes the volume to w as a FAT image of FloppySize bytes with long
// names, up to 255 characters of UTF-16. FAT has no modes, and does not tell
// a name in upper case from one in lower case; names that it cannot hold are
// errors. Its boot sector hands the boot on to the next device.
//
// Nothing is written if ValidateFloppy finds an error. If ctx is done while
// files are copied, WriteFloppy returns its cause and w has part of the image.
func (v *Volume) WriteFloppy(ctx context.Context, w io.Writer) error {
	img, err := v.planFloppy()
	if err != nil {
		return err
	}
	if err := img.Write(ctx, w); err != nil {
		return fmt.Errorf("iso: write floppy: %w", err)
	}
	return nil
}

// CreateFloppy writes the volume as [Volume.WriteFloppy] does to a new file
// with mode 0600. A file that exists already is an error and is not touched.
// If CreateFloppy fails, it leaves no file.
func (v *Volume) CreateFloppy(ctx context.Context, path string) error {
	img, err := v.planFloppy()
	if err != nil {
		return err
	}
	return create(ctx, img, path)
}

func (v *Volume) planFloppy() (*fat.Image, error) {
	root, treeErr := v.tree()
	if err := errors.Join(v.Validate(), v.checkFloppyLabel(), checkFloppySize(v.FloppySize), treeErr); err != nil {
		return nil, err
	}
	img, err := fat.Plan(root, fat.Options{Label: v.Label, Time: v.time(), Size: v.FloppySize})
	if err != nil {
		return nil, fmt.Errorf("iso: plan floppy: %w", err)
	}
	return img, nil
}

func (v *Volume) checkFloppyLabel() error {
	if strings.ContainsAny(v.Label, `"*+,./:;<=>?[\]|`) {
		return fmt.Errorf(`iso: Volume.Label %q: the label of a floppy has none of "*+,./:;<=>?[\]|`, v.Label)
	}
	return v.checkLabelLen(maxFloppyLabel, "a floppy")
}

func checkFloppySize(size int64) error {
	if err := fat.CheckSize(size); err != nil {
		return fmt.Errorf("iso: Volume.FloppySize %d: %w", size, err)
	}
	return nil
}
