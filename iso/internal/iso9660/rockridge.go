package iso9660

import (
	"time"

	"github.com/bootscribe/bootscribe/iso/internal/seed"
)

// The announcement of Rock Ridge, word for word as RRIP 1.10 section 4.3 wants it.
const (
	erIdent  = "RRIP_1991A"
	erText   = "THE ROCK RIDGE INTERCHANGE PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM SEMANTICS"
	erSource = "PLEASE CONTACT DISC PUBLISHER FOR SPECIFICATION SOURCE.  SEE PUBLISHER IDENTIFIER IN PRIMARY VOLUME DESCRIPTOR FOR CONTACT INFORMATION."
)

// File types and permissions as POSIX has them (RRIP 1.10 section 4.1.1).
const (
	modeDir  = 0o040755
	modeFile = 0o100644
	modeExec = 0o100755
)

const (
	lenCE = 28
	// maxNM is the part of a name that one NM entry holds.
	maxNM = 255 - 5
)

// rockRidge is the dialect of the primary tree: short names for ECMA-119, the
// names and modes that Unix wants in the system use area.
type rockRidge struct{ time time.Time }

func (rockRidge) names(children []*seed.Node) []string { return isoNames(children) }

func (rockRidge) encode(name string) []byte { return []byte(name) }

func (rockRidge) version() []byte { return []byte(";1") }

func (rr rockRidge) systemUse(r *record) (inline, continued []byte) {
	rootItself := r.dir != nil && r.dir.parent == r.dir && r.ident[0] == 0 && len(r.ident) == 1
	if rootItself {
		inline = append(inline, entrySP()...)
		continued = entryER()
	}
	inline = append(inline, entryPX(r)...)
	inline = append(inline, entryTF(rr.time)...)
	name := entriesNM(r.name)
	if identEnd(r.ident)+len(inline)+len(name) <= maxRecord {
		return append(inline, name...), continued
	}
	return inline, append(continued, name...)
}

// entry begins a system use entry (SUSP 1.10 section 4): signature, length, version.
func entry(sig string, length int) []byte {
	b := make([]byte, length)
	copy(b, sig)
	b[2] = byte(length)
	b[3] = 1
	return b
}

// entrySP says that system use entries begin at offset 0 (SUSP 5.3).
func entrySP() []byte {
	b := entry("SP", 7)
	b[4], b[5] = 0xBE, 0xEF
	return b
}

// entryER says that the entries are those of Rock Ridge (SUSP 5.5).
func entryER() []byte {
	text := erIdent + erText + erSource
	b := entry("ER", 8+len(text))
	b[4], b[5], b[6], b[7] = byte(len(erIdent)), byte(len(erText)), byte(len(erSource)), 1
	copy(b[8:], text)
	return b
}

// entryCE says where the entries go on (SUSP 5.1).
func entryCE(block uint32, offset, length int) []byte {
	b := entry("CE", lenCE)
	both32(b[4:], block)
	both32(b[12:], uint32(offset))
	both32(b[20:], uint32(length))
	return b
}

// entryPX holds mode and links; the owner is root (RRIP 4.1.1).
func entryPX(r *record) []byte {
	mode, links := uint32(modeFile), uint32(1)
	switch {
	case r.dir != nil:
		mode, links = modeDir, r.dir.links
	case r.file.Exec:
		mode = modeExec
	}
	b := entry("PX", 36)
	both32(b[4:], mode)
	both32(b[12:], links)
	return b
}

// entryTF holds the times of modification, access and attribute change (RRIP 4.1.6).
func entryTF(t time.Time) []byte {
	b := entry("TF", 5+3*7)
	b[4] = 0x02 | 0x04 | 0x08
	for i := range 3 {
		copy(b[5+7*i:], shortTime(t))
	}
	return b
}

// entriesNM hold the name, in two parts where one cannot (RRIP 4.1.4). A
// directory itself and its parent have none.
func entriesNM(name string) []byte {
	var out []byte
	for len(name) > 0 {
		part := name[:min(len(name), maxNM)]
		name = name[len(part):]
		b := entry("NM", 5+len(part))
		if len(name) > 0 {
			b[4] = 1 // goes on in the next
		}
		copy(b[5:], part)
		out = append(out, b...)
	}
	return out
}
