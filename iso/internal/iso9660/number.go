package iso9660

import (
	"encoding/binary"
	"fmt"
	"time"
)

var (
	littleEndian = binary.LittleEndian
	bigEndian    = binary.BigEndian
)

// both16 writes v in both byte orders (ECMA-119 7.2.3).
func both16(b []byte, v uint16) {
	littleEndian.PutUint16(b, v)
	bigEndian.PutUint16(b[2:], v)
}

// both32 writes v in both byte orders (ECMA-119 7.3.3).
func both32(b []byte, v uint32) {
	littleEndian.PutUint32(b, v)
	bigEndian.PutUint32(b[4:], v)
}

// shortTime is the time of a directory record (ECMA-119 9.1.5), in UTC.
func shortTime(t time.Time) []byte {
	t = t.UTC()
	return []byte{byte(t.Year() - 1900), byte(t.Month()), byte(t.Day()), byte(t.Hour()), byte(t.Minute()), byte(t.Second()), 0}
}

// longTime is the time of a volume descriptor (ECMA-119 8.4.26.1), in UTC.
func longTime(t time.Time) []byte {
	t = t.UTC()
	return append(fmt.Appendf(nil, "%s%02d", t.Format("20060102150405"), t.Nanosecond()/1e7), 0)
}

// noTime says that a time is not specified (ECMA-119 8.4.26.1).
func noTime() []byte { return []byte("0000000000000000\x00") }
