package fat

import "encoding/binary"

var little = binary.LittleEndian

// notBootable is real-mode code that hands the boot to the next device, for a
// medium that is left in the machine: int 18h, then halt.
const notBootable = "\xCD\x18\xF4\xEB\xFD"

// bootSector encodes the BIOS parameter block (specification, "Boot Sector and
// BPB Structure") and a code that boots nothing.
func (img *Image) bootSector() []byte {
	g := img.geo
	b := make([]byte, sectorSize)
	copy(b, "\xEB\x3C\x90") // jump to 62
	copy(b[3:], "MSWIN4.1") // the OEM name that the specification recommends
	little.PutUint16(b[11:], sectorSize)
	b[13] = byte(g.perCluster)
	little.PutUint16(b[14:], 1) // reserved sectors
	b[16] = 2                   // tables
	little.PutUint16(b[17:], uint16(g.rootEntries))
	if g.sectors <= 0xFFFF {
		little.PutUint16(b[19:], uint16(g.sectors))
	} else {
		little.PutUint32(b[32:], g.sectors)
	}
	b[21] = g.media
	little.PutUint16(b[22:], uint16(g.perFAT))
	little.PutUint16(b[24:], g.perTrack)
	little.PutUint16(b[26:], g.heads)
	if g.media == 0xF8 {
		b[36] = 0x80 // the BIOS number of a disk, 0 being a floppy
	}
	b[38] = 0x29 // serial, label and type follow
	little.PutUint32(b[39:], img.serial)
	copy(b[43:], label11(img.opt.Label))
	copy(b[54:], "FAT16   ")
	if g.is12() {
		copy(b[54:], "FAT12   ")
	}
	copy(b[62:], notBootable)
	b[510], b[511] = 0x55, 0xAA
	return b
}

// label11 pads a label; a volume without one is called NO NAME here.
func label11(label string) string {
	if label == "" {
		label = "NO NAME"
	}
	return (label + "           ")[:11]
}
