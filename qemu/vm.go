package qemu

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/bootscribe/bootscribe/qemu/qmp"
)

// VM is a machine that was started. All methods may be called from several
// goroutines at once, and after its end.
type VM struct {
	c       *Config
	h       *Host
	proc    *process
	qmp     *qmp.Conn
	console *Console
	debug   *debugConsole
	beside           // embedded: viewer, others, chip, shares
	args    []string // the whole command line
	dir     string   // for files of the machine's own
	scratch string   // what to remove at the end; "" for nothing
	t       timing

	events   *qmp.Subscription
	pulse    pulse
	guestRAM guestRAM
	outbox   outbox
	done     chan struct{} // closed when QEMU is gone and all its output was read
	finished chan struct{} // closed when nothing of the machine is left
	closing  sync.Once
	closeErr error

	mu       sync.Mutex
	shutdown *ShutDown // the last one told
	exit     error     // set before done is closed
	keys     keyState
	typing   chan struct{} // holds a value while KeysTaken runs, or a Pacer lives
}

func newVM(c *Config, h *Host, l *launch, dir string, t timing) *VM {
	vm := &VM{
		c: c, h: h, t: t, dir: dir,
		proc: l.proc, qmp: l.qmp, args: l.command(),
		console:  newConsole(l.line, c.Console),
		debug:    newDebugConsole(l.debugLine, c.DebugConsole),
		events:   l.qmp.Subscribe(),
		done:     make(chan struct{}),
		finished: make(chan struct{}),
		typing:   make(chan struct{}, 1),
	}
	vm.outbox.wake = make(chan struct{}, 1)
	return vm
}

// begin lets the guest run.
func (vm *VM) begin(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, vm.t.start)
	defer cancel()
	if err := errors.Join(vm.bootDisksLater(ctx), vm.forwardRanges(ctx), vm.admit(ctx)); err != nil {
		return err
	}
	if err := vm.qmp.Execute(ctx, "cont", nil, nil); err != nil {
		return err
	}
	vm.emit(Started{
		PID: vm.proc.pid, Args: vm.args, Version: vm.h.Version,
		Accel: vm.c.accel(vm.h), Reason: vm.h.AccelReason,
		Sandbox: vm.h.Sandbox && vm.c.sandbox(),
	})
	return nil
}

// bootDisksLater moves the CD-ROMs behind the disks. The firmware has its boot
// order already and gets a new one with every reset, so this concerns the
// second boot and those after it.
func (vm *VM) bootDisksLater(ctx context.Context) error {
	if !vm.c.once() {
		return nil
	}
	for i, id := range ids("cd", len(vm.c.CDROMs)) {
		args := map[string]any{"path": "/machine/peripheral/" + id, "property": "bootindex", "value": vm.c.bootLater(i)}
		err := vm.qmp.Execute(ctx, "qom-set", args, nil)
		var refused *qmp.Error
		if errors.As(err, &refused) {
			vm.c.Logger.Debug("qemu: boot order left as it is", "device", id, "err", err)
			continue // the drive was edited away by Args
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// QMP returns the connection to QEMU, for what this package has no method for.
func (vm *VM) QMP() *qmp.Conn { return vm.qmp }

// Console returns the guest's first serial port.
func (vm *VM) Console() *Console { return vm.console }

// Args returns the whole command line, the program first.
func (vm *VM) Args() []string { return append([]string(nil), vm.args...) }

// PID returns the number of QEMU's process.
func (vm *VM) PID() int { return vm.proc.pid }

// Accel returns what the machine runs on and why on that.
func (vm *VM) Accel() (accel Accel, reason string) { return vm.c.accel(vm.h), vm.h.AccelReason }

// Done returns a channel that is closed when QEMU has ended.
func (vm *VM) Done() <-chan struct{} { return vm.done }

// Err returns nil while the machine runs, and after the guest has switched it
// off by itself; an [*ExitError] after any other end, also after Quit and
// Close, which pull the plug.
func (vm *VM) Err() error {
	vm.mu.Lock()
	defer vm.mu.Unlock()
	return vm.exit
}

// Wait waits until the machine has ended and every event was observed, and
// returns [VM.Err], or an error if ctx ends before.
func (vm *VM) Wait(ctx context.Context) error {
	select {
	case <-vm.finished:
		return vm.Err()
	case <-ctx.Done():
		return fmt.Errorf("qemu: wait for the machine to end: %w", ctxError(ctx))
	}
}

// Close ends the machine if it still runs: it asks QEMU to quit, after two
// seconds terminates it, after three more kills it. It returns when nothing of
// the machine is left, and may be called more than once. The error says that
// the process could not be killed, or a scratch file not be removed.
func (vm *VM) Close() error {
	vm.closing.Do(func() { vm.closeErr = vm.close() })
	return vm.closeErr
}

func (vm *VM) close() error {
	if !vm.end() {
		return fmt.Errorf("qemu: close: process %d does not end even when killed", vm.proc.pid)
	}
	<-vm.finished
	if vm.scratch == "" {
		return nil
	}
	if err := os.RemoveAll(vm.scratch); err != nil {
		return fmt.Errorf("qemu: close: %w", err)
	}
	return nil
}

// end ends the process by ever stronger means, and reports whether it did.
func (vm *VM) end() bool {
	if isClosed(vm.proc.done) {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), vm.t.quit)
	defer cancel()
	before := time.Now()
	if err := vm.qmp.Execute(ctx, "quit", nil, nil); err != nil {
		vm.c.Logger.Debug("qemu: quit", "err", err)
	}
	if vm.proc.waitFor(vm.t.quit - time.Since(before)) {
		return true
	}
	vm.proc.signal(terminate)
	if vm.proc.waitFor(vm.t.terminate) {
		return true
	}
	vm.proc.proc.Kill()
	return vm.proc.waitFor(vm.t.kill)
}
