package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of times in /proc/PID/stat: USER_HZ is 100 on all of Linux's
// architectures that have QEMU.
const tick = 10 * time.Millisecond

// guestTime returns how long the guest's first processor has run: the thread
// of QEMU that emulates it sleeps while the guest waits for an interrupt.
func (m *machine) guestTime(ctx context.Context) (time.Duration, error) {
	var cpus []struct {
		Thread int `json:"thread-id"`
	}
	if err := m.vm.QMP().Execute(ctx, "query-cpus-fast", nil, &cpus); err != nil || len(cpus) == 0 {
		return 0, err
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/stat", m.vm.PID(), cpus[0].Thread))
	if err != nil {
		return 0, err
	}
	// The name, which may have spaces, ends with the last bracket; utime and
	// stime are the 14th and the 15th field of all, proc(5).
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc has no times of thread %d", cpus[0].Thread)
	}
	user, err := strconv.ParseInt(fields[11], 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick, err
}
