package qemuimg

import (
	"errors"
	"fmt"
	"slices"
)

// Format is the format of an image file, by QEMU's name for it.
type Format string

// The formats that this package reads and writes.
const (
	Qcow2 Format = "qcow2" // QEMU's own
	Raw   Format = "raw"   // the disk's bytes and nothing else
	VMDK  Format = "vmdk"  // VMware
	VDI   Format = "vdi"   // VirtualBox
	VHDX  Format = "vhdx"  // Hyper-V
	VPC   Format = "vpc"   // VHD: Azure, older Hyper-V
)

var formats = []Format{Qcow2, Raw, VMDK, VDI, VHDX, VPC}

// Compression is how the data in an image file are compressed.
type Compression string

// The ways of compression. [Zlib] is understood by every QEMU and works for
// qcow2 and vmdk (which becomes stream-optimized); [Zstd] packs and unpacks
// faster, works for qcow2 only and needs QEMU 5.1 or newer to read.
const (
	None Compression = ""
	Zlib Compression = "zlib"
	Zstd Compression = "zstd"
)

// Preallocation is how much of a new image is allocated at once.
type Preallocation string

// The ways of preallocation. Not every format knows every one.
const (
	PreallocateNothing  Preallocation = ""
	PreallocateMetadata Preallocation = "metadata"
	PreallocateFalloc   Preallocation = "falloc" // space is reserved, not written
	PreallocateFull     Preallocation = "full"   // space is written with zeros
)

// checkFormat returns nil for a known format and an error that names the
// field otherwise. An empty one is unknown too.
func checkFormat(field string, f Format) error {
	if f == "" {
		return fmt.Errorf("field %s is not set: give one of %q, since guessing a format from a file's content is unsafe", field, formats)
	}
	if !slices.Contains(formats, f) {
		return fmt.Errorf("field %s %q is unknown: give one of %q", field, f, formats)
	}
	return nil
}

// checkCompression returns what is wrong with c for images of format f.
func checkCompression(c Compression, f Format) error {
	switch {
	case c == None, c == Zlib && (f == Qcow2 || f == VMDK), c == Zstd && f == Qcow2:
		return nil
	case c == Zstd:
		return fmt.Errorf("field Compress %q works with Format %q only, not with %q", c, Qcow2, f)
	case c == Zlib:
		return fmt.Errorf("field Compress %q works with Format %q and %q only, not with %q", c, Qcow2, VMDK, f)
	}
	return fmt.Errorf("field Compress %q is unknown: give %q, %q or nothing", c, Zlib, Zstd)
}

func checkPreallocation(p Preallocation) error {
	switch p {
	case PreallocateNothing, PreallocateMetadata, PreallocateFalloc, PreallocateFull:
		return nil
	}
	return fmt.Errorf("field Preallocation %q is unknown: give metadata, falloc, full or nothing", p)
}

var errNoPath = errors.New("no path given")
