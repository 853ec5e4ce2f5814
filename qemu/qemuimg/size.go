package qemuimg

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Bounds of a disk's size in bytes; besides it must be a multiple of 512.
const (
	MinSize int64 = 1 << 20
	MaxSize int64 = 64 << 40
)

// ParseSize reads a disk size: a whole number with the suffix b, k, m, g or t,
// in either case, which stand for bytes and powers of 1024, as in "40G".
// A number without a suffix is bytes. Packer's disk_size takes such a number
// for MiB: add an M to it.
func ParseSize(s string) (int64, error) {
	digits := strings.TrimRight(s, "bBkKmMgGtT")
	shift, ok := map[string]uint{"": 0, "b": 0, "k": 10, "m": 20, "g": 30, "t": 40}[strings.ToLower(s[len(digits):])]
	n, err := strconv.ParseUint(digits, 10, 63)
	if !ok || errors.Is(err, strconv.ErrSyntax) || strings.HasPrefix(digits, "+") {
		return 0, fmt.Errorf(`qemuimg: size %q is not a whole number with a suffix of b, k, m, g or t, such as "40G"`, s)
	}
	if err != nil || n > uint64(MaxSize)>>shift {
		return 0, fmt.Errorf("qemuimg: size %q is more than 64 TiB", s)
	}
	size := int64(n) << shift
	if err := CheckSize(size); err != nil {
		if s == digits {
			return 0, fmt.Errorf("qemuimg: size %q, in bytes for want of a suffix, %w; for MiB say %q", s, err, s+"M")
		}
		return 0, fmt.Errorf("qemuimg: size %q %w", s, err)
	}
	return size, nil
}

// CheckSize returns what is wrong with a disk of that many bytes, worded to
// follow the name of a field, or nil.
func CheckSize(size int64) error {
	switch {
	case size < MinSize:
		return errors.New("is less than 1 MiB")
	case size > MaxSize:
		return errors.New("is more than 64 TiB")
	case size%512 != 0:
		return errors.New("is not a multiple of 512 bytes")
	}
	return nil
}
