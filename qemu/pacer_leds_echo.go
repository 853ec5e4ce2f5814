package qemu

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// traceLEDs says that the guest has set the lights of its PS/2 keyboard, to what
// they are or to something else.
const traceLEDs = "ps2_set_ledstate"

// onceAfter is when firmware that has set the light once counts as one that does
// so only once.
const onceAfter = 2 * time.Second

// ledEcho waits for the second time that UEFI's firmware sets the light. The
// driver of the keyboard sets it when it has read Num Lock, and then the console
// does, on all keyboards, to the state that it was told of (EDK II's ConSplitter,
// ToggleStateSyncKeyNotify). If that comes late on a busy host, the next Num Lock
// is set back by it, which looks like the light of one more.
type ledEcho struct {
	ear  *ear  // nil without a trace
	set  []int // what the lights were set to since the last Num Lock
	once bool  // this firmware sets them once
}

func (e *ledEcho) begin() {
	if e.ear != nil {
		e.ear.take()
	}
	e.set = nil
}

// over reports whether the firmware is done with the Num Lock that has given
// these lights, which have come a while ago.
func (e *ledEcho) over(leds uint8, since time.Duration) bool {
	if e.ear == nil || e.once {
		return true
	}
	for _, l := range e.ear.take() {
		_, state, _ := strings.Cut(l.args, "ledstate ")
		if n, err := strconv.Atoi(strings.TrimSpace(state)); err == nil {
			e.set = append(e.set, n)
		}
	}
	times := 0
	for _, state := range e.set {
		if uint8(state) == leds {
			times++
		}
	}
	e.once = times < 2 && since > onceAfter
	return e.once || times >= 2 && uint8(e.set[len(e.set)-1]) == leds
}

func (e *ledEcho) close(ctx context.Context) error {
	if e.ear == nil {
		return nil
	}
	return e.ear.close(ctx)
}
