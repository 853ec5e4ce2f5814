package fat

import (
	"time"

	"github.com/bootscribe/bootscribe/iso/internal/seed"
)

// Attributes of an entry (specification, "FAT Directory Structure").
const (
	attrLabel   = 0x08
	attrDir     = 0x10
	attrArchive = 0x20
	attrLong    = 0x0F
)

// charsPerSlot is how much of a long name one entry holds.
const charsPerSlot = 13

// directory is a directory with the clusters and short names of its entries.
type directory struct {
	parent  *directory // nil for the root
	entries []*entry
	first   uint32 // cluster; 0 for the root
}

type entry struct {
	node  *seed.Node
	sub   *directory // nil for a file
	short string     // 11 characters
	long  []uint16   // nil where the short name says it all
	first uint32     // cluster; 0 for an empty file
}

func newDirectory(n *seed.Node, parent *directory) *directory {
	d := &directory{parent: parent}
	children := n.Children()
	shorts := shortNames(children)
	for i, c := range children {
		e := &entry{node: c, short: shorts[i], long: longName(c.Name, shorts[i])}
		if c.Dir {
			e.sub = newDirectory(c, d)
		}
		d.entries = append(d.entries, e)
	}
	return d
}

// slots is the number of entries of 32 bytes, without the label.
func (d *directory) slots() int {
	n := 0
	if d.parent != nil {
		n = 2
	}
	for _, e := range d.entries {
		n += 1 + e.longSlots()
	}
	return n
}

func (d *directory) size() int64 { return int64(d.slots()) * entrySize }

func (e *entry) longSlots() int { return (len(e.long) + charsPerSlot - 1) / charsPerSlot }

// encode returns the entries of a directory. The parent of a directory in the
// root is called 0, whatever the root's place.
func (d *directory) encode(t time.Time) []byte {
	var b []byte
	if d.parent != nil {
		b = append(b, shortEntry(".          ", attrDir, t, d.first, 0)...)
		b = append(b, shortEntry("..         ", attrDir, t, d.parent.first, 0)...)
	}
	for _, e := range d.entries {
		b = append(b, e.longEntries()...)
		if e.sub != nil {
			b = append(b, shortEntry(e.short, attrDir, t, e.first, 0)...)
		} else {
			b = append(b, shortEntry(e.short, attrArchive, t, e.first, uint32(e.node.Size))...)
		}
	}
	return b
}

func labelEntry(label string, t time.Time) []byte {
	return shortEntry(label11(label), attrLabel, t, 0, 0)
}

// shortEntry encodes an entry with an 8.3 name.
func shortEntry(name string, attr byte, t time.Time, cluster, size uint32) []byte {
	b := make([]byte, entrySize)
	copy(b, name)
	b[11] = attr
	date, clock := dosTime(t)
	little.PutUint16(b[14:], clock) // made
	little.PutUint16(b[16:], date)
	little.PutUint16(b[18:], date) // read
	little.PutUint16(b[22:], clock)
	little.PutUint16(b[24:], date)
	little.PutUint16(b[26:], uint16(cluster))
	little.PutUint32(b[28:], size)
	return b
}

// dosTime returns a time in steps of two seconds (specification, "Date and
// Time Formats").
func dosTime(t time.Time) (date, clock uint16) {
	t = t.UTC()
	date = uint16(t.Year()-1980)<<9 | uint16(t.Month())<<5 | uint16(t.Day())
	clock = uint16(t.Hour())<<11 | uint16(t.Minute())<<5 | uint16(t.Second()/2)
	return date, clock
}

// longEntries encodes a long name (specification, "Long Directory Entries"):
// the last part comes first and has bit 6 in its number.
func (e *entry) longEntries() []byte {
	n := e.longSlots()
	b := make([]byte, n*entrySize)
	for i := range n {
		slot := b[(n-1-i)*entrySize:]
		slot[0] = byte(i + 1)
		if i == n-1 {
			slot[0] |= 0x40
		}
		slot[11] = attrLong
		slot[13] = checksum(e.short)
		for c := range charsPerSlot {
			little.PutUint16(slot[charOffset(c):], charAt(e.long, i*charsPerSlot+c))
		}
	}
	return b
}

// charOffset is where the c-th character of an entry stands: five, six and two
// of them, around what older systems look at.
func charOffset(c int) int {
	switch {
	case c < 5:
		return 1 + 2*c
	case c < 11:
		return 14 + 2*(c-5)
	}
	return 28 + 2*(c-11)
}

// charAt is a character of a long name: a zero ends it, 0xFFFF fills the rest.
func charAt(long []uint16, i int) uint16 {
	switch {
	case i < len(long):
		return long[i]
	case i == len(long):
		return 0
	}
	return 0xFFFF
}

// checksum ties a long name to the short one (specification, ChkSum).
func checksum(short string) byte {
	var sum byte
	for i := range len(short) {
		sum = sum<<7 + sum>>1 + short[i]
	}
	return sum
}
