package template

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
)

const (
	bgzfBlock = 65280 // how much is in a block: its size, compressed or not, must fit 16 bits
	bgzfSize  = 16    // where in a block's header its size is
)

// bgzfEnd is the empty block at the end of a whole file, as the format has it.
var bgzfEnd = []byte("\x1f\x8b\x08\x04\x00\x00\x00\x00\x00\xff\x06\x00BC\x02\x00\x1b\x00\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00")

// bgzf writes gzip in blocks that can be found and read by themselves: BGZF, as
// the specification of SAM describes it in §4.1. gunzip reads it too.
type bgzf struct {
	out   io.Writer
	level int
	held  []byte // what does not fill a block yet
}

func (b *bgzf) Write(p []byte) (int, error) {
	b.held = append(b.held, p...)
	for len(b.held) >= bgzfBlock {
		if err := b.block(b.held[:bgzfBlock]); err != nil {
			return 0, err
		}
		b.held = append(b.held[:0], b.held[bgzfBlock:]...)
	}
	return len(p), nil
}

// block writes a block, whose size is put into it when it is known.
func (b *bgzf) block(p []byte) error {
	var buf bytes.Buffer
	z, err := gzip.NewWriterLevel(&buf, b.level)
	if err != nil {
		return err
	}
	z.Extra = []byte("BC\x02\x00\x00\x00")
	if _, err := z.Write(p); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	binary.LittleEndian.PutUint16(buf.Bytes()[bgzfSize:], uint16(buf.Len()-1))
	_, err = b.out.Write(buf.Bytes())
	return err
}

// Close writes what is held, and the end.
func (b *bgzf) Close() error {
	if len(b.held) > 0 {
		if err := b.block(b.held); err != nil {
			return err
		}
	}
	_, err := b.out.Write(bgzfEnd)
	return err
}
