// Package iso9660 writes ISO 9660 images with Rock Ridge names for Unix and
// Joliet names for Windows, in one pass and with the same bytes for the same
// tree. It is our own because the Go modules that write ISO images leave out
// Joliet or write wrong Joliet names in subdirectories, which Windows reads.
//
//	img, err := iso9660.Plan(root, iso9660.Options{Label: "cidata", Time: t})
//	if err == nil {
//		err = img.Write(ctx, w)
//	}
//
// Sources: ECMA-119 (ISO 9660; offsets there are 1-based and 0-based here),
// the Joliet Specification of 1995, IEEE P1281 (SUSP 1.10/1.12) and IEEE P1282
// (Rock Ridge, RRIP 1.10/1.12). The image has interchange level 2: file names
// of up to 31 characters in the primary tree, files of one extent.
//
// Directories deeper than the eight levels of ECMA-119 6.8.2.1 are written in
// place and not relocated: Linux, the BSDs and Windows read them there, the
// Joliet Specification allows them, and xorriso does so too.
package iso9660

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/bootscribe/bootscribe/iso/internal/seed"
)

const (
	blockSize = 2048

	// ECMA-119 6.2.1: sixteen blocks are left to the system.
	primaryBlock    = 16
	jolietBlock     = 17
	terminatorBlock = 18
	firstFreeBlock  = 19

	// Readers that read ahead find zeros after the last file. 150 blocks are
	// what mkisofs -pad and xorriso write.
	padBlocks = 150

	// maxDirs is the number of directories that a path table can number.
	maxDirs = math.MaxUint16
	// maxFile is the length that one extent can have.
	maxFile = math.MaxUint32
	// maxName is the longest name in bytes. Unix has names of 255, but Linux
	// cuts what Rock Ridge says after fewer than 254 (fs/isofs/rock.c).
	maxName = 253
)

// Options describe the volume.
type Options struct {
	// Label is the volume identifier: up to 32 ASCII characters, of which the
	// Joliet descriptor has room for the first 16. Empty leaves it blank.
	Label string
	// Time is the time of the volume and of every file, from 1900 to 2155.
	Time time.Time
}

// Image is a volume whose layout is decided and that can be written.
type Image struct {
	opt     Options
	primary *hierarchy
	joliet  *hierarchy
	dirs    int
	files   []file
	extents map[*seed.Node]uint32
	blocks  uint32
}

type file struct {
	path string
	node *seed.Node
}

// Plan decides where everything goes. It reads no file.
func Plan(root *seed.Node, opt Options) (*Image, error) {
	img := &Image{opt: opt, extents: make(map[*seed.Node]uint32)}
	if err := root.Walk(img.check); err != nil {
		return nil, err
	}
	if img.dirs > maxDirs {
		return nil, fmt.Errorf("%d directories: ISO 9660 can number %d; use fewer", img.dirs, maxDirs)
	}
	img.primary = newHierarchy(root, rockRidge{opt.Time})
	img.joliet = newHierarchy(root, joliet{})
	return img, img.layOut()
}

func (img *Image) check(path string, n *seed.Node) error {
	var errs []error
	if len(n.Name) > maxName {
		errs = append(errs, fmt.Errorf("%q: name has %d bytes; shorten it to %d", path, len(n.Name), maxName))
	}
	if n.Size > maxFile {
		errs = append(errs, fmt.Errorf("%q: %d bytes; a file on this CD ends at 4 GiB (%d bytes), split it", path, n.Size, int64(maxFile)))
	}
	if n.Dir {
		img.dirs++
	} else {
		img.files = append(img.files, file{path, n})
	}
	return errors.Join(errs...)
}

// layOut gives every structure its blocks: descriptors, path tables, the
// directories of both trees, then the files, which both trees share.
func (img *Image) layOut() error {
	next := int64(firstFreeBlock)
	take := func(bytes int64) uint32 {
		at := next
		next += blocksFor(bytes)
		return uint32(min(at, math.MaxUint32))
	}
	for _, h := range []*hierarchy{img.primary, img.joliet} {
		h.littleTable = take(int64(h.tableSize()))
		h.bigTable = take(int64(h.tableSize()))
		for _, d := range h.dirs {
			d.block = take(int64(d.size))
			d.contBlock = take(int64(d.contSize))
		}
	}
	for _, f := range img.files {
		img.extents[f.node] = take(f.node.Size)
	}
	next += padBlocks
	if next > math.MaxUint32 {
		return errors.New("the files need more than the 8 TiB that ISO 9660 can address; leave some out")
	}
	img.blocks = uint32(next)
	return nil
}

// Size is the length of the image in bytes.
func (img *Image) Size() int64 { return int64(img.blocks) * blockSize }

// Write writes the image to w. It stops between two reads when ctx is done.
func (img *Image) Write(ctx context.Context, w io.Writer) error {
	mw := seed.NewWriter(w)
	if err := img.writeDescriptors(mw); err != nil {
		return err
	}
	for _, h := range []*hierarchy{img.primary, img.joliet} {
		if err := img.writeHierarchy(mw, h); err != nil {
			return err
		}
	}
	for _, f := range img.files {
		if err := mw.PadTo(offset(img.extents[f.node])); err != nil {
			return err
		}
		if err := f.node.CopyTo(ctx, mw); err != nil {
			return fmt.Errorf("%q: %w", f.path, err)
		}
	}
	return mw.PadTo(img.Size())
}

func (img *Image) writeHierarchy(mw *seed.Writer, h *hierarchy) error {
	if err := mw.At(offset(h.littleTable), h.pathTable(littleEndian)); err != nil {
		return err
	}
	if err := mw.At(offset(h.bigTable), h.pathTable(bigEndian)); err != nil {
		return err
	}
	for _, d := range h.dirs {
		records, continuation := d.encode(img)
		if err := mw.At(offset(d.block), records); err != nil {
			return err
		}
		if err := mw.At(offset(d.contBlock), continuation); err != nil {
			return err
		}
	}
	return nil
}

func offset(block uint32) int64 { return int64(block) * blockSize }

func blocksFor(bytes int64) int64 { return (bytes + blockSize - 1) / blockSize }
