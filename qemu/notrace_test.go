package qemu

import (
	"encoding/binary"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/internal/guest"
)

// A QEMU whose trace goes elsewhere, as to a log file or into a backend of the
// kernel's, is typed on all the same: the keyboard's status tells.
func TestPacerWithoutTrace(t *testing.T) {
	t.Parallel()
	vm, _ := boot(t, guest.Disk(t, sector(rawReader)), func(c *Config) {
		c.Args = []ArgEdit{{Op: ArgAdd, Option: "-D", Value: filepath.Join(t.TempDir(), "log")}}
		c.NoSandbox = true // it opens the file late
	})
	end := func() int {
		m, err := vm.memory(soon(t), 0x7e00, 2)
		if err != nil {
			t.Fatal(err)
		}
		return int(binary.LittleEndian.Uint16(m)) - 0x8000
	}
	until := func(fact func() bool) {
		for try := 0; try < 2000 && !fact(); try++ {
			vm.pause(soon(t), 10*time.Millisecond)
		}
	}
	until(func() bool { return end() == 0 })
	ty := newTypist(t, vm, PacerConfig{})
	strokes := usStrokes("Hello, World!")
	if err := ty.play(soon(t), strokes); err != nil {
		t.Fatal(err)
	}
	var want []byte
	for _, s := range strokes {
		b, _ := s.bytes()
		want = append(want, b...)
	}
	until(func() bool { return end() >= len(want) })
	got, err := vm.memory(soon(t), 0x8000, end())
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("the guest has read\n% x, want\n% x, %v", got, want, err)
	}
	if n := len(ty.modes); n == 0 || ty.modes[n-1] != ModePS2Status || !strings.Contains(ty.why[n-1], "trace") {
		t.Errorf("modes %v, %q", ty.modes, ty.why)
	}
}
