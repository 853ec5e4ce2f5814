package iso9660

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/bootscribe/bootscribe/iso/internal/seed"
)

// A dialect is what differs between the two trees of an image.
type dialect interface {
	// names returns the identifiers of a directory's children, without the
	// version number of files, each of them once.
	names(children []*seed.Node) []string
	// encode gives an identifier its bytes.
	encode(name string) []byte
	// version is what follows the identifier of a file.
	version() []byte
	// systemUse returns what a record says beyond ECMA-119, and what goes to
	// the continuation area because the record has no room for it.
	systemUse(r *record) (inline, continued []byte)
}

// hierarchy is one of the two directory trees of an image.
type hierarchy struct {
	// dirs are in the order of the path table (ECMA-119 6.9.1): by level, then
	// by parent, then by name. That is the order in which newHierarchy, which
	// works from the root outwards, comes to them. The root is the first.
	dirs        []*directory
	littleTable uint32
	bigTable    uint32
}

// directory is a directory of one hierarchy.
type directory struct {
	node    *seed.Node
	parent  *directory // of the root: itself
	number  int        // in the path table, from 1
	links   uint32     // by the count of Unix: itself, its name, each child's ".."
	ident   []byte
	records []*record

	block     uint32
	size      int
	contBlock uint32
	contSize  int
}

func newHierarchy(root *seed.Node, d dialect) *hierarchy {
	top := newDirectory(root, []byte{0})
	top.parent, top.number = top, 1
	h := &hierarchy{dirs: []*directory{top}}
	for i := 0; i < len(h.dirs); i++ {
		dir := h.dirs[i]
		dir.fill(d)
		for _, r := range dir.records[2:] {
			if r.dir != nil {
				h.dirs = append(h.dirs, r.dir)
				r.dir.number = len(h.dirs)
			}
		}
		dir.measure()
	}
	return h
}

func newDirectory(n *seed.Node, ident []byte) *directory {
	d := &directory{node: n, ident: ident, links: 2}
	for _, c := range n.Children() {
		if c.Dir {
			d.links++
		}
	}
	return d
}

// fill makes the records of a directory: itself, its parent, its children
// sorted by their identifiers (ECMA-119 9.3).
func (d *directory) fill(dia dialect) {
	d.records = []*record{{ident: []byte{0}, dir: d}, {ident: []byte{1}, dir: d.parent}}
	children := d.node.Children()
	for i, name := range dia.names(children) {
		r := &record{ident: dia.encode(name), name: children[i].Name}
		if children[i].Dir {
			r.dir = newDirectory(children[i], r.ident)
			r.dir.parent = d
		} else {
			r.file = children[i]
		}
		d.records = append(d.records, r)
	}
	slices.SortFunc(d.records[2:], func(a, b *record) int { return bytes.Compare(a.ident, b.ident) })
	for _, r := range d.records {
		if r.file != nil {
			r.ident = append(r.ident, dia.version()...)
		}
		r.inline, r.continued = dia.systemUse(r)
	}
}

// measure finds the lengths of the records and of the continuation area. No
// record and no continuation crosses the end of a block.
func (d *directory) measure() {
	for _, r := range d.records {
		d.size = fit(d.size, r.length()) + r.length()
		d.contSize = fit(d.contSize, len(r.continued))
		r.contOffset = d.contSize
		d.contSize += len(r.continued)
	}
	d.size = int(blocksFor(int64(d.size))) * blockSize
}

// fit returns the first position from pos on where n bytes do not cross a block.
func fit(pos, n int) int {
	if pos%blockSize+n > blockSize {
		return int(blocksFor(int64(pos))) * blockSize
	}
	return pos
}

// encode returns the records of a directory and its continuation area.
func (d *directory) encode(img *Image) (records, continuation []byte) {
	records = make([]byte, d.size)
	continuation = make([]byte, d.contSize)
	pos := 0
	for _, r := range d.records {
		pos = fit(pos, r.length())
		pos += copy(records[pos:], r.encode(img, d))
		copy(continuation[r.contOffset:], r.continued)
	}
	return records, continuation
}

// tableSize is the length of the path table in bytes.
func (h *hierarchy) tableSize() int {
	n := 0
	for _, d := range h.dirs {
		n += 8 + even(len(d.ident))
	}
	return n
}

// pathTable encodes the path table (ECMA-119 9.4) in a byte order.
func (h *hierarchy) pathTable(order binary.ByteOrder) []byte {
	b := make([]byte, h.tableSize())
	pos := 0
	for _, d := range h.dirs {
		b[pos] = byte(len(d.ident))
		order.PutUint32(b[pos+2:], d.block)
		order.PutUint16(b[pos+6:], uint16(d.parent.number))
		copy(b[pos+8:], d.ident)
		pos += 8 + even(len(d.ident))
	}
	return b
}

func even(n int) int { return n + n&1 }
