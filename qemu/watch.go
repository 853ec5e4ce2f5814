package qemu

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/bootscribe/bootscribe/qemu/qmp"
)

// outbox holds events on their way to the observer. It has no bound: the
// events of a machine are few, and none may be lost.
type outbox struct {
	mu     sync.Mutex
	events []Event
	last   bool // no more will come
	wake   chan struct{}
}

func (vm *VM) emit(e Event) {
	o := &vm.outbox
	o.mu.Lock()
	o.events = append(o.events, e)
	_, o.last = e.(Exited)
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// tell gives the events to the observer until the last.
func (vm *VM) tell() {
	defer close(vm.finished)
	defer vm.guestRAM.close()
	for {
		vm.outbox.mu.Lock()
		events, last := vm.outbox.events, vm.outbox.last
		vm.outbox.events = nil
		vm.outbox.mu.Unlock()
		for _, e := range events {
			if vm.c.Observe != nil {
				vm.c.Observe(e)
			}
		}
		if last {
			<-vm.done
			<-vm.debug.told
			return
		}
		<-vm.outbox.wake
	}
}

// watch follows the machine from the start to its end.
func (vm *VM) watch() {
	go vm.console.drain()
	go vm.debug.run()
	vm.followAttendants()
	ctx, cancel := context.WithCancel(context.Background())
	beating := make(chan struct{})
	go func() {
		defer close(beating)
		vm.heartbeat(ctx)
	}()
	first := true
	for e := range vm.events.C {
		if e.Name == "RESUME" && first {
			first = false // our own, which Started tells
			vm.pulse.follow(e.Name, false)
			continue
		}
		vm.translate(e)
	}
	cancel()
	<-beating
	vm.reap()
}

// reap waits for the process, whose QMP connection has ended, and takes stock.
func (vm *VM) reap() {
	if !vm.proc.waitFor(vm.t.afterQMP) {
		// Nobody can control it any more, and it would hold its disks.
		vm.c.Logger.Warn("qemu: QEMU lives on without its QMP connection", "err", vm.qmp.Err())
		vm.proc.proc.Kill()
		<-vm.proc.done
	}
	if vm.console.conn != nil {
		vm.console.conn.SetReadDeadline(time.Now().Add(time.Second))
		<-vm.console.ended
		vm.console.conn.Close()
	} else {
		<-vm.console.ended
	}
	vm.debug.close()
	vm.viewer.close()
	vm.others.close()
	vm.endAttendants()
	vm.qmp.Close()
	if vm.scratch != "" {
		os.RemoveAll(vm.scratch) // Close tries again and reports
	}
	status, signal := vm.proc.status()
	stderr := vm.proc.output.String()
	vm.mu.Lock()
	vm.exit = verdict(status, signal, stderr, vm.shutdown)
	vm.mu.Unlock()
	vm.emit(Exited{Status: status, Signal: signal, Stderr: stderr})
	close(vm.done)
}

// verdict says whether a machine ended as it should. A status that is unknown
// since somebody else waited for our child does not count against it.
func verdict(status int, signal, stderr string, s *ShutDown) error {
	e := &ExitError{Status: status, Signal: signal, Stderr: stderr}
	if s != nil {
		e.Reason = s.Reason
	}
	if e.Reason == "guest-shutdown" && signal == "" && status <= 0 {
		return nil
	}
	return e
}

// translate turns an event of QMP into one of ours.
func (vm *VM) translate(e qmp.Event) {
	var d struct {
		Guest     bool   `json:"guest"`
		Reason    string `json:"reason"`
		Action    string `json:"action"`
		Device    string `json:"device"`
		Node      string `json:"node-name"`
		Operation string `json:"operation"`
		NoSpace   bool   `json:"nospace"`
	}
	understood := len(e.Data) == 0 || json.Unmarshal(e.Data, &d) == nil
	vm.pulse.follow(e.Name, d.Guest)
	if !understood {
		vm.c.Logger.Debug("qemu: event not understood", "event", e.Name, "data", string(e.Data))
		return
	}
	switch e.Name {
	case "RESET":
		vm.emit(Reset{Guest: d.Guest, Reason: d.Reason})
	case "STOP":
		vm.emit(Stopped{Status: vm.status()})
	case "RESUME":
		vm.emit(Resumed{})
	case "GUEST_PANICKED":
		vm.emit(Panicked{Action: d.Action})
	case "SHUTDOWN":
		vm.noteShutdown(ShutDown{Guest: d.Guest, Reason: d.Reason})
	case "BLOCK_IO_ERROR":
		if d.Node == "" {
			d.Node = d.Device
		}
		vm.emit(IOError{Device: d.Node, Operation: d.Operation, NoSpace: d.NoSpace, Reason: d.Reason, Stopped: d.Action == "stop"})
	}
}

func (vm *VM) noteShutdown(s ShutDown) {
	vm.mu.Lock()
	vm.shutdown = &s
	vm.mu.Unlock()
	vm.emit(s)
}

// status returns QEMU's run state, or "" if it cannot be had at once.
func (vm *VM) status() string {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	s, err := vm.runState(ctx)
	if err != nil {
		vm.c.Logger.Debug("qemu: query-status", "err", err)
	}
	return s.Status
}

type runState struct {
	Running bool   `json:"running"`
	Status  string `json:"status"`
}

func (vm *VM) runState(ctx context.Context) (runState, error) {
	var s runState
	err := vm.qmp.Execute(ctx, "query-status", nil, &s)
	return s, err
}

// heartbeat asks QEMU from time to time whether it is there: a process that is
// stopped or deadlocked shows in no other way.
func (vm *VM) heartbeat(ctx context.Context) {
	ticker := time.NewTicker(vm.t.beat)
	defer ticker.Stop()
	hung := false
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		limited, cancel := context.WithTimeout(ctx, vm.t.beatLimit)
		_, err := vm.runState(limited)
		cancel()
		if err == nil {
			hung = false
		} else if !hung && errors.Is(err, context.DeadlineExceeded) {
			hung = true
			vm.emit(Hung{For: vm.t.beatLimit})
		}
	}
}
