package qemu

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/vnc"
)

// After sync everything was heard that QEMU has traced before, and one who
// stops listening does not take it from another.
func TestEarSync(t *testing.T) {
	t.Parallel()
	vm, _ := boot(t, guest.Disk(t, guest.Echo), nil)
	e, err := vm.listen(soon(t), traceInput)
	if err != nil {
		t.Fatal(err)
	}
	other, err := vm.listen(soon(t), traceInput, tracePS2)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.close(soon(t)); err != nil {
		t.Fatal(err)
	}
	for n := range 5 {
		press(t, vm, "a", "b")
		heard, err := e.sync(soon(t))
		if lines := e.take(); err != nil || !heard || len(lines) != 4 {
			t.Errorf("%d: %v, %v, %v", n, heard, err, lines)
		}
	}
	if err := e.close(soon(t)); err != nil {
		t.Fatal(err)
	}
	press(t, vm, "a")
	if _, err := e.sync(soon(t)); err != nil || e.pending() {
		t.Errorf("when it was closed: %v, %v", err, e.take())
	}
}

// A trace that goes elsewhere is not waited for without end.
func TestEarSyncWithoutTrace(t *testing.T) {
	t.Parallel()
	vm, _ := boot(t, guest.Disk(t, guest.Echo), func(c *Config) {
		c.Args = []ArgEdit{{Op: ArgAdd, Option: "-D", Value: filepath.Join(t.TempDir(), "log")}}
		c.NoSandbox = true // it opens the file late
	})
	e, err := vm.listen(soon(t), traceInput)
	if err != nil {
		t.Fatal(err)
	}
	if heard, err := e.sync(soon(t)); heard || err != nil {
		t.Errorf("%v, %v", heard, err)
	}
	if err := e.close(soon(t)); err != nil {
		t.Error(err)
	}
}

// What a stopped machine does not let in is told from what a running one does.
func TestAcceptance(t *testing.T) {
	t.Parallel()
	vm, _ := boot(t, guest.Disk(t, guest.Echo), nil)
	p, err := vm.NewPacer(soon(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(soon(t))
	press(t, vm, "x") // nobody asks about this one
	a, err := p.newAcceptance(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	defer a.close(soon(t))
	execute := func(command string) {
		t.Helper()
		if err := vm.QMP().Execute(soon(t), command, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	type told struct {
		N  int
		OK bool
	}
	tell := func(want told) {
		t.Helper()
		n, ok, err := a.accepted(soon(t))
		if diff := cmp.Diff(want, told{n, ok}); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
	send := func(strokes []Stroke) {
		t.Helper()
		for _, s := range strokes {
			if err := vm.inputKeys(soon(t), s); err != nil {
				t.Fatal(err)
			}
		}
	}
	strokes := usStrokes("aB")
	a.begin(strokes)
	tell(told{0, true})
	screen := ownScreen(t, vm)
	execute("stop")
	for _, s := range strokes {
		for _, k := range s {
			if err := screen.Keys(vnc.KeyEvent{Code: k.Code, Down: k.Down}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := screen.Fence(soon(t)); err != nil {
		t.Fatal(err)
	}
	tell(told{0, true})
	execute("cont")
	send(strokes[:1])
	tell(told{2, true})
	send(strokes[1:])
	tell(told{6, true})
	a.begin(strokes[:1])
	press(t, vm, "ret") // as many, which cannot be told
	tell(told{2, true})
	a.begin(strokes[1:])
	press(t, vm, "ret", "ret") // as many, but others
	tell(told{4, false})
	if a.foreign {
		t.Error("it counts wrong")
	}
	press(t, vm, "x")
	if tell(told{4, false}); !a.foreign {
		t.Error("a key that was not sent is not noticed")
	}
}
