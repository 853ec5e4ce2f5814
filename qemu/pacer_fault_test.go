package qemu

import (
	"encoding/binary"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/internal/guest"
)

// rawReader is a guest that has the keyboard to itself, as a kernel does: it
// reads bytes from the controller into memory and never asks the BIOS.
var rawReader = []byte{
	0xfa,       //             cli
	0x31, 0xc0, //             xor ax, ax
	0x8e, 0xc0, //             mov es, ax
	0x8e, 0xd8, //             mov ds, ax
	0xbf, 0x00, 0x80, //       mov di, 0x8000
	0x89, 0x3e, 0x00, 0x7e, // mov [0x7e00], di
	0xe4, 0x64, //       next: in al, 0x64
	0xa8, 0x01, //             test al, 1
	0x74, 0xfa, //             jz next
	0xe4, 0x60, //             in al, 0x60
	0xaa,                   // stosb
	0x89, 0x3e, 0x00, 0x7e, // mov [0x7e00], di
	0xeb, 0xf1, //             jmp next
}

// flusher is a guest that throws away what was typed ahead, all the time.
var flusher = []byte{
	0x31, 0xc0, //       xor ax, ax
	0x8e, 0xd8, //       mov ds, ax
	0xfb,             // sti
	0xa1, 0x1c, 0x04, // next: mov ax, [0x41c]
	0xa3, 0x1a, 0x04, // mov [0x41a], ax
	0xf4,       //       hlt
	0xeb, 0xf7, //       jmp next
}

func sector(code []byte) []byte {
	s := make([]byte, 512)
	copy(s, code)
	s[510], s[511] = 0x55, 0xaa
	return s
}

// bootRaw starts a rawReader and returns what reads its bytes.
func bootRaw(t *testing.T) (*VM, func() []byte) { return bootSector(t, rawReader) }

// bootSector is bootRaw for another such guest.
func bootSector(t *testing.T, code []byte) (*VM, func() []byte) {
	vm, _ := boot(t, guest.Disk(t, sector(code)), nil)
	bytes := func() []byte {
		m, err := vm.memory(soon(t), 0x7e00, 2)
		if err != nil {
			t.Fatal(err)
		}
		n := int(binary.LittleEndian.Uint16(m)) - 0x8000
		if n <= 0 {
			return nil
		}
		m, err = vm.memory(soon(t), 0x8000, n)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for range 500 {
		if m, _ := vm.memory(soon(t), 0x7e00, 2); len(m) == 2 && m[1] == 0x80 {
			break
		}
		vm.pause(soon(t), 10*time.Millisecond)
	}
	return vm, bytes
}

// Where the BIOS has not the keyboard, that shows with the first key, and the
// bytes are counted instead: by the trace, or without one by the status.
func TestPacerWithoutBIOS(t *testing.T) {
	for _, tt := range []struct {
		name  string
		avoid []Mode
		want  Mode
	}{
		{"trace", nil, ModePS2Trace},
		{"status", []Mode{ModePS2Trace}, ModePS2Status},
		{"interval", []Mode{ModePS2Trace, ModePS2Status}, ModeInterval},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			vm, bytes := bootRaw(t)
			ty := newTypist(t, vm, PacerConfig{})
			for _, m := range tt.avoid {
				ty.p.failed[m] = "not today"
			}
			strokes := usStrokes("Hello, World!")
			if err := ty.play(soon(t), strokes); err != nil {
				t.Fatal(err)
			}
			var want []byte
			for _, s := range strokes {
				b, _ := s.bytes()
				want = append(want, b...)
			}
			got := bytes()
			// The guest has read a byte a moment before it has stored it.
			for try := 0; try < 200 && len(got) < len(want); try++ {
				vm.pause(soon(t), 10*time.Millisecond)
				got = bytes()
			}
			if !slices.Equal(got, want) {
				t.Errorf("the guest has read\n% x, want\n% x", got, want)
			}
			if n := len(ty.modes); n != 2 || ty.modes[0] != ModeBIOS || ty.modes[1] != tt.want {
				t.Errorf("modes %v, %q", ty.modes, ty.why)
			}
		})
	}
}

// A key of somebody else's is noticed, whatever the mode.
func TestPacerForeignKeys(t *testing.T) {
	t.Parallel()
	vm, _ := bootRaw(t)
	ty := newTypist(t, vm, PacerConfig{})
	if err := ty.play(soon(t), usStrokes("ab")); err != nil {
		t.Fatal(err)
	}
	press(t, vm, "x")
	if err := ty.play(soon(t), usStrokes("cd")); !errors.Is(err, ErrForeignKeys) {
		t.Errorf("with %v: %v", ty.modes, err)
	}
}

func TestPacerForeignKeysBIOS(t *testing.T) {
	t.Parallel()
	for _, secret := range []bool{false, true} {
		vm, _ := boot(t, guest.Disk(t, guest.KeyRead(0, false)), nil)
		readsKeys(t, vm)
		ty := newTypist(t, vm, PacerConfig{Secret: secret})
		if err := ty.play(soon(t), usStrokes("ab")); err != nil {
			t.Fatal(err)
		}
		press(t, vm, "x")
		err := ty.play(soon(t), usStrokes("cd"))
		var pe *PaceError
		if !errors.Is(err, ErrForeignKeys) || !errors.As(err, &pe) || pe.Sent-pe.Untaken != 2 || strings.Contains(err.Error(), "'x'") == secret {
			t.Errorf("secret %v: %v", secret, err)
		}
	}
}

// A guest that takes no keys is waited for at little cost, and then named. The
// time that it stands still does not count.
func TestPacerStalls(t *testing.T) {
	t.Parallel()
	vm, _ := boot(t, guest.Disk(t, guest.Show("x")), nil)
	if _, err := vm.Console().Wait(soon(t), regexp.MustCompile("x")); err != nil {
		t.Fatal(err)
	}
	e, err := vm.listen(soon(t), "handle_qmp_command")
	if err != nil {
		t.Fatal(err)
	}
	ty := newTypist(t, vm, PacerConfig{Patience: time.Second})
	start := time.Now()
	err = ty.play(soon(t), usStrokes("abc"))
	var pe *PaceError
	if !errors.Is(err, ErrKeysStalled) || !errors.As(err, &pe) || pe.Untaken != pe.Sent {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
	if n := len(e.take()); n < 10 || n > 500 {
		t.Errorf("%d QMP commands in a second of waiting", n)
	}
	if err := e.close(soon(t)); err != nil {
		t.Error(err)
	}
}

func TestPacerReset(t *testing.T) {
	t.Parallel()
	vm, _ := boot(t, guest.Disk(t, guest.KeyRead(20000, true)), nil)
	readsKeys(t, vm)
	ty := newTypist(t, vm, PacerConfig{})
	time.AfterFunc(300*time.Millisecond, func() { vm.Reset(soon(t)) })
	err := ty.play(soon(t), usStrokes(strings.Repeat("abcdefgh", 500)))
	var pe *PaceError
	if !errors.Is(err, ErrGuestReset) || !errors.As(err, &pe) || pe.Untaken == 0 || pe.Sent <= pe.Untaken {
		t.Errorf("%v", err)
	}
}

// The BIOS flushes, the program flushes: what is thrown away was delivered.
func TestPacerFlush(t *testing.T) {
	t.Parallel()
	vm, _ := boot(t, guest.Disk(t, sector(flusher)), nil)
	vm.pause(soon(t), 500*time.Millisecond)
	ty := newTypist(t, vm, PacerConfig{})
	if err := ty.play(soon(t), usStrokes("what nobody reads, and more than the ring holds")); err != nil {
		t.Error(err)
	}
}

func TestPacerEnds(t *testing.T) {
	t.Parallel()
	vm, _ := boot(t, guest.Disk(t, guest.KeyRead(20000, true)), nil)
	readsKeys(t, vm)
	ty := newTypist(t, vm, PacerConfig{})
	time.AfterFunc(200*time.Millisecond, func() { vm.QMP().Close() })
	err := ty.play(soon(t), usStrokes(strings.Repeat("abcdefgh", 500)))
	sent, untaken := ty.p.given, ty.p.Untaken() // the test's own sending may have failed first
	if err == nil || sent == 0 || sent == 4000 || untaken > sent {
		t.Errorf("without QMP: %v; %d sent, %d not taken", err, sent, untaken)
	}
}

func TestTraceSift(t *testing.T) {
	var tr trace
	if got := string(tr.sift([]byte("plain\n"))); got != "plain\n" {
		t.Errorf("%q", got)
	}
	e := &ear{names: []string{"key"}, wake: make(chan struct{}, 1)}
	tr.names, tr.ears = map[string]bool{"key": true}, map[*ear]bool{e: true}
	var kept string
	for _, part := range []string{"warn", "ing\nkey 0x1\nke", "y 0x2\n1@2.5:key 0x3\nkeys\nlast"} {
		kept += string(tr.sift([]byte(part)))
	}
	kept += string(tr.rest())
	if want := "warning\nkeys\nlast"; kept != want {
		t.Errorf("kept %q, want %q", kept, want)
	}
	var args string
	for _, l := range e.take() {
		args += l.args + " "
	}
	if args != "0x1 0x2 0x3 " {
		t.Errorf("heard %s", args)
	}
	if got := string(tr.sift([]byte(strings.Repeat("x", maxTraceLine+1)))); len(got) != maxTraceLine+1 {
		t.Errorf("of a long line %d bytes pass", len(got))
	}
}
