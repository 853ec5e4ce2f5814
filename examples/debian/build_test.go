package main

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// TestDisk: a size that is wrong is refused by the name of its flag, and the
// product in bytes does not wrap around to one that looks right.
func TestDisk(t *testing.T) {
	for _, gib := range []int64{0, -1, -20, 1, minDisk - 1, maxDisk + 1, 1 << 34, 1<<34 + 20, math.MinInt64, math.MaxInt64} {
		_, err := options{disk: gib}.build()
		if err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("-disk %d: ", gib)) || !strings.Contains(err.Error(), "leave it out for 20") {
			t.Errorf("-disk %d: got %v", gib, err)
		}
	}
	for _, gib := range []int64{minDisk, defaultDisk, maxDisk} {
		b, err := options{disk: gib}.build()
		if err != nil {
			t.Fatal(err)
		}
		if b.Disk.Size != gib<<30 {
			t.Errorf("-disk %d makes %d bytes", gib, b.Disk.Size)
		}
	}
}
