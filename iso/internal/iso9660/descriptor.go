package iso9660

import (
	"strings"
	"unicode/utf16"

	"github.com/bootscribe/bootscribe/iso/internal/seed"
)

// Types of volume descriptors (ECMA-119 8.1.1).
const (
	primaryType       = 1
	supplementaryType = 2
	terminatorType    = 255
)

// jolietLevel3 is the escape sequence by which readers know a supplementary
// descriptor as Joliet with UCS-2 level 3 (Joliet Specification, section 2).
const jolietLevel3 = "%/E"

func (img *Image) writeDescriptors(mw *seed.Writer) error {
	pvd := img.descriptor(primaryType, img.primary, padASCII)
	svd := img.descriptor(supplementaryType, img.joliet, padUCS2)
	copy(svd[88:], jolietLevel3)
	end := make([]byte, blockSize)
	stamp(end, terminatorType)
	if err := mw.At(offset(primaryBlock), pvd); err != nil {
		return err
	}
	if err := mw.At(offset(jolietBlock), svd); err != nil {
		return err
	}
	return mw.At(offset(terminatorBlock), end)
}

// stamp begins a volume descriptor (ECMA-119 8.1).
func stamp(b []byte, kind byte) {
	b[0] = kind
	copy(b[1:], "CD001")
	b[6] = 1
}

// descriptor encodes a primary or supplementary volume descriptor (ECMA-119
// 8.4 and 8.5, which differ in the character set of their texts only).
func (img *Image) descriptor(kind byte, h *hierarchy, pad func([]byte, string)) []byte {
	b := make([]byte, blockSize)
	stamp(b, kind)
	pad(b[8:40], "") // system identifier
	pad(b[40:72], img.opt.Label)
	both32(b[80:], img.blocks)
	both16(b[120:], 1) // volume set size
	both16(b[124:], 1) // volume sequence number
	both16(b[128:], blockSize)
	both32(b[132:], uint32(h.tableSize()))
	littleEndian.PutUint32(b[140:], h.littleTable)
	bigEndian.PutUint32(b[148:], h.bigTable)
	root := record{ident: []byte{0}, dir: h.dirs[0]}
	copy(b[156:190], root.encode(img, nil))
	pad(b[190:318], "") // volume set
	pad(b[318:446], "") // publisher
	pad(b[446:574], "") // data preparer
	pad(b[574:702], "BOOTSCRIBE")
	pad(b[702:739], "") // copyright file
	pad(b[739:776], "") // abstract file
	pad(b[776:813], "") // bibliographic file
	copy(b[813:], longTime(img.opt.Time))
	copy(b[830:], longTime(img.opt.Time))
	copy(b[847:], noTime()) // expires
	copy(b[864:], longTime(img.opt.Time))
	b[881] = 1 // file structure version
	return b
}

// padASCII fills b with s and spaces.
func padASCII(b []byte, s string) {
	copy(b, s+strings.Repeat(" ", len(b)))
}

// padUCS2 fills b with s in big-endian UCS-2 and spaces of two bytes; the last
// byte of an odd field stays zero. What does not fit is cut.
func padUCS2(b []byte, s string) {
	units := utf16.Encode([]rune(s + strings.Repeat(" ", len(b)/2)))
	for i := range len(b) / 2 {
		bigEndian.PutUint16(b[2*i:], units[i])
	}
}
