package typeguest

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
)

// The format of initial file systems: cpio "newc", see the kernel's
// Documentation/driver-api/early-userspace/buffer-format.rst.
const (
	cpioMagic   = "070701"
	cpioTrailer = "TRAILER!!!"
	modeDir     = 0o040755
	modeExec    = 0o100755
	modeLink    = 0o120777
	cpioMaxName = 4096
)

// cpioWriter writes an archive. The first error stays.
type cpioWriter struct {
	w   io.Writer
	ino int
	err error
}

func (c *cpioWriter) add(name string, mode int, data []byte) {
	if c.err != nil {
		return
	}
	c.ino++
	fields := []int{c.ino, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0}
	head := cpioMagic
	for _, f := range fields {
		head += fmt.Sprintf("%08x", f)
	}
	head += name + "\x00"
	_, c.err = c.w.Write([]byte(head + pad(len(head))))
	if c.err == nil {
		_, c.err = c.w.Write(append(data[:len(data):len(data)], pad(len(data))...))
	}
}

func (c *cpioWriter) close() error {
	c.add(cpioTrailer, 0, nil)
	return c.err
}

func pad(n int) string { return "\x00\x00\x00"[:-n&3] }

// readCPIO calls file with each file of an archive whose name want accepts.
func readCPIO(r io.Reader, want func(name string) bool, file func(name string, data []byte)) error {
	in := bufio.NewReaderSize(r, 1<<16)
	head := make([]byte, 110)
	for {
		if _, err := io.ReadFull(in, head); err != nil {
			return fmt.Errorf("cpio: %w", err)
		}
		if string(head[:6]) != cpioMagic {
			return fmt.Errorf("cpio: magic %q, want %q", head[:6], cpioMagic)
		}
		size, err1 := strconv.ParseUint(string(head[54:62]), 16, 31)
		length, err2 := strconv.ParseUint(string(head[94:102]), 16, 31)
		if err1 != nil || err2 != nil || length == 0 || length > cpioMaxName {
			return fmt.Errorf("cpio: bad header %q", head)
		}
		name := make([]byte, int(length)+len(pad(int(length)+len(head))))
		if _, err := io.ReadFull(in, name); err != nil {
			return fmt.Errorf("cpio: %w", err)
		}
		text := string(name[:length-1])
		if text == cpioTrailer {
			return nil
		}
		if err := readEntry(in, int(size), want(text), func(b []byte) { file(text, b) }); err != nil {
			return fmt.Errorf("cpio: %s: %w", text, err)
		}
	}
}

func readEntry(in *bufio.Reader, size int, wanted bool, file func([]byte)) error {
	padded := size + len(pad(size))
	if !wanted {
		_, err := in.Discard(padded)
		return err
	}
	data := make([]byte, padded)
	if _, err := io.ReadFull(in, data); err != nil {
		return err
	}
	file(data[:size])
	return nil
}
