package iso9660

import "github.com/bootscribe/bootscribe/iso/internal/seed"

const (
	recordHead = 33
	// maxRecord is the longest record with an even length that fits the byte
	// for its length.
	maxRecord = 254

	flagDir = 2 // ECMA-119 9.1.6, bit 1
)

// record is an entry of a directory (ECMA-119 9.1).
type record struct {
	ident []byte     // with the version number of a file
	name  string     // on the medium's tree; empty for a directory itself and its parent
	dir   *directory // nil for a file
	file  *seed.Node // nil for a directory

	inline     []byte // system use
	continued  []byte // rest of the system use
	contOffset int    // of continued in the continuation area
}

// length of the record, with the pointer to the continuation.
func (r *record) length() int {
	n := identEnd(r.ident) + len(r.inline)
	if len(r.continued) > 0 {
		n += lenCE
	}
	return even(n)
}

// identEnd is where the system use begins: after the identifier and the byte
// that makes its end even (ECMA-119 9.1.12).
func identEnd(ident []byte) int { return even(recordHead + len(ident)) }

// encode returns the record as it stands in the directory in. The descriptors
// hold the record of the root without system use, and are in no directory.
func (r *record) encode(img *Image, in *directory) []byte {
	n := identEnd(r.ident)
	if in != nil {
		n = r.length()
	}
	b := make([]byte, n)
	b[0] = byte(len(b))
	if r.dir != nil {
		both32(b[2:], r.dir.block)
		both32(b[10:], uint32(r.dir.size))
		b[25] = flagDir
	} else {
		both32(b[2:], img.extents[r.file])
		both32(b[10:], uint32(r.file.Size))
	}
	copy(b[18:], shortTime(img.opt.Time))
	both16(b[28:], 1) // volume sequence number
	b[32] = byte(len(r.ident))
	copy(b[recordHead:], r.ident)
	if in == nil {
		return b
	}
	pos := identEnd(r.ident)
	pos += copy(b[pos:], r.inline)
	if len(r.continued) > 0 {
		block := in.contBlock + uint32(r.contOffset/blockSize)
		copy(b[pos:], entryCE(block, r.contOffset%blockSize, len(r.continued)))
	}
	return b
}
