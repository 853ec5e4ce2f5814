package qemu

import (
	"strconv"
	"testing"
	"time"
)

// The light counts when the firmware has set it twice, and was not set back by
// what is late of the Num Lock before.
func TestLEDEcho(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		set   []int
		since time.Duration
		want  bool
	}{
		{"driver", []int{2}, 0, false},
		{"driver and console", []int{2, 2}, 0, true},
		{"late, driver", []int{0, 2}, 0, false},
		{"late, both", []int{0, 2, 2}, 0, true},
		{"driver, late", []int{2, 0}, 0, false},
		{"driver, late, console", []int{2, 0, 2}, 0, true},
		{"firmware that sets it once", []int{2}, 2 * onceAfter, true},
	} {
		e := ledEcho{ear: &ear{}}
		for _, state := range tt.set {
			e.ear.lines = append(e.ear.lines, traceLine{traceLEDs, "0x55d0 ledstate " + strconv.Itoa(state)})
		}
		if got := e.over(ledNumLock, tt.since); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
