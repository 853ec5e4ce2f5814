// Package fat writes FAT12 and FAT16 volumes with long names, in one pass and
// with the same bytes for the same tree.
//
//	img, err := fat.Plan(root, fat.Options{Label: "cidata", Time: t})
//	if err == nil {
//		err = img.Write(ctx, w)
//	}
//
// Sources: Microsoft Extensible Firmware Initiative FAT32 File System
// Specification 1.03, which describes FAT12 and FAT16 and long names as well.
package fat

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"time"

	"github.com/bootscribe/bootscribe/iso/internal/seed"
)

// Options describe the volume.
type Options struct {
	// Label is the volume's name, up to 11 ASCII characters. Empty means none.
	Label string
	// Time is the time of the label and of every file, from 1980 to 2107. It
	// is written in UTC.
	Time time.Time
	// Size of the image in bytes; 0 means DefaultSize. Up to 4084 clusters are
	// FAT12, more are FAT16.
	Size int64
}

// Image is a volume whose layout is decided and that can be written.
type Image struct {
	opt    Options
	geo    geometry
	root   *directory
	items  []item // what lies in clusters, in their order
	used   int64  // clusters
	serial uint32
}

// item is a directory or a file that lies in clusters: all in one piece.
type item struct {
	path  string
	dir   *directory
	file  *seed.Node
	first uint32
	count uint32
}

// Plan decides where everything goes. It reads no file. The errors for names
// that FAT cannot hold are joined.
func Plan(root *seed.Node, opt Options) (*Image, error) {
	geo, err := geometryFor(opt.Size)
	if err != nil {
		return nil, err
	}
	if err := root.Walk(checkDir); err != nil {
		return nil, err
	}
	img := &Image{opt: opt, geo: geo}
	img.root = newDirectory(root, nil)
	img.allocate("", img.root)
	img.serial = img.hash()
	return img, errors.Join(img.checkRoot(), img.checkSpace())
}

// allocate gives clusters to what is in a directory: its files first, then
// each of its directories with everything below.
func (img *Image) allocate(path string, d *directory) {
	for _, e := range d.entries {
		if e.sub == nil {
			e.first = img.take(item{path: path + e.node.Name, file: e.node}, e.node.Size)
		}
	}
	for _, e := range d.entries {
		if e.sub != nil {
			e.first = img.take(item{path: path + e.node.Name, dir: e.sub}, e.sub.size())
			e.sub.first = e.first
			img.allocate(path+e.node.Name+"/", e.sub)
		}
	}
}

// take returns the first of the clusters for so many bytes; an empty file has
// none and the number 0. Numbers beyond the end are caught by checkSpace.
func (img *Image) take(it item, bytes int64) uint32 {
	if bytes == 0 {
		return 0
	}
	count := (bytes + img.geo.clusterBytes() - 1) / img.geo.clusterBytes()
	it.first, it.count = uint32(2+img.used), uint32(count)
	img.used += count
	img.items = append(img.items, it)
	return it.first
}

func (img *Image) checkRoot() error {
	need := img.root.slots()
	if img.opt.Label != "" {
		need++
	}
	if have := int(img.geo.rootEntries); need > have {
		return fmt.Errorf("root directory needs %d entries, %d available (a long name takes several): move files into a directory", need, have)
	}
	return nil
}

func (img *Image) checkSpace() error {
	have := int64(img.geo.clusters())
	if img.used <= have {
		return nil
	}
	size := img.geo.clusterBytes()
	return fmt.Errorf("files need %d bytes in clusters of %d, %d available: leave some out or make the volume larger", img.used*size, size, have*size)
}

// hash makes the serial number of the volume, by which Windows knows one
// floppy from another, from what Plan knows: names and sizes.
func (img *Image) hash() uint32 {
	h := fnv.New32a()
	fmt.Fprintf(h, "%q %d %d\n", img.opt.Label, img.opt.Time.Unix(), img.geo.sectors)
	for _, it := range img.items {
		fmt.Fprintf(h, "%q %d %d\n", it.path, it.first, it.count)
	}
	return h.Sum32()
}

// Size is the length of the image in bytes.
func (img *Image) Size() int64 { return int64(img.geo.sectors) * sectorSize }

// Write writes the image to w. It stops between two reads when ctx is done.
func (img *Image) Write(ctx context.Context, w io.Writer) error {
	mw := seed.NewWriter(w)
	if err := img.writeTables(mw); err != nil {
		return err
	}
	for _, it := range img.items {
		if err := mw.PadTo(img.offset(it.first)); err != nil {
			return err
		}
		if err := it.write(ctx, mw, img.opt.Time); err != nil {
			return fmt.Errorf("%q: %w", it.path, err)
		}
	}
	return mw.PadTo(img.Size())
}

// writeTables writes what stands before the first cluster.
func (img *Image) writeTables(mw *seed.Writer) error {
	table := img.table()
	g := img.geo
	if err := mw.At(0, img.bootSector()); err != nil {
		return err
	}
	if err := mw.At(sectorSize, table); err != nil {
		return err
	}
	if err := mw.At(sectorSize*int64(1+g.perFAT), table); err != nil {
		return err
	}
	var root []byte
	if img.opt.Label != "" {
		root = labelEntry(img.opt.Label, img.opt.Time)
	}
	return mw.At(sectorSize*int64(1+2*g.perFAT), append(root, img.root.encode(img.opt.Time)...))
}

func (it item) write(ctx context.Context, mw *seed.Writer, t time.Time) error {
	if it.dir != nil {
		_, err := mw.Write(it.dir.encode(t))
		return err
	}
	return it.file.CopyTo(ctx, mw)
}

// offset is the position of a cluster in bytes.
func (img *Image) offset(cluster uint32) int64 {
	return int64(img.geo.dataStart())*sectorSize + int64(cluster-2)*img.geo.clusterBytes()
}

// table encodes the allocation table: chains of consecutive clusters.
func (img *Image) table() []byte {
	next := make([]uint32, 2+img.used)
	next[0], next[1] = 0xFF00|uint32(img.geo.media), endOfChain
	for _, it := range img.items {
		for i := range it.count {
			next[it.first+i] = it.first + i + 1
		}
		next[it.first+it.count-1] = endOfChain
	}
	b := make([]byte, img.geo.perFAT*sectorSize)
	for i, v := range next {
		if img.geo.is12() {
			put12(b, i, v)
		} else {
			little.PutUint16(b[2*i:], uint16(v))
		}
	}
	return b
}

// endOfChain marks the last cluster; FAT12 keeps its lower 12 bits.
const endOfChain = 0xFFFF

// put12 writes the i-th entry of 12 bits: two entries share three bytes.
func put12(b []byte, i int, v uint32) {
	at := i + i/2
	if i%2 == 0 {
		b[at] = byte(v)
		b[at+1] = b[at+1]&0xF0 | byte(v>>8)&0x0F
		return
	}
	b[at] = b[at]&0x0F | byte(v<<4)
	b[at+1] = byte(v >> 4)
}
