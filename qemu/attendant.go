package qemu

import (
	"os"
	"time"
)

// attendant is a running program that plays a part of a machine: its TPM, or
// the directory that it shares. It is started before QEMU and ends with it.
type attendant struct {
	proc *process
	line *os.File      // QEMU's end of the connection; closed when QEMU has it
	told chan struct{} // closed when its end was dealt with

	// ended is the event of an end before the machine's.
	ended func(status int, signal, output string) Event
}

// end waits for an attendant whose machine has ended, and ends it if it does not
// end by itself. A nil attendant has ended.
func (a *attendant) end(t timing) {
	if a == nil {
		return
	}
	if !a.proc.waitFor(t.quit) {
		a.proc.signal(terminate)
	}
	if !a.proc.waitFor(t.terminate) {
		a.proc.proc.Kill()
		<-a.proc.done
	}
}

// abandon ends an attendant whose machine did not start, and returns what it
// said.
func (a *attendant) abandon() string {
	if a == nil {
		return ""
	}
	a.line.Close()
	if !a.proc.waitFor(500 * time.Millisecond) {
		a.proc.proc.Kill()
		<-a.proc.done
	}
	return a.proc.output.String()
}

// follow tells when an attendant has ended by anything but QEMU's leaving it,
// which is how it ends well.
func (vm *VM) follow(a *attendant) {
	defer close(a.told)
	<-a.proc.done
	status, signal := a.proc.status()
	if status == 0 && signal == "" || vm.proc.waitFor(time.Second) {
		return
	}
	vm.emit(a.ended(status, signal, a.proc.output.String()))
}

// followAttendants follows each of them.
func (vm *VM) followAttendants() {
	for _, a := range vm.attendants() {
		go vm.follow(a)
	}
}

// endAttendants returns when nothing of them is left and their ends were told.
func (vm *VM) endAttendants() {
	for _, a := range vm.attendants() {
		a.end(vm.t)
		<-a.told
	}
}
