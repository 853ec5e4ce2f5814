package qemu

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"strings"

	"github.com/bootscribe/bootscribe/qemu/qmp"
)

// Activity is how far a guest has come with its disks and its network, for
// comparing with ==: two that are equal mean that it did nothing between them
// that could be seen there.
type Activity struct {
	// DiskBytes is what was read and written on all drives since the start.
	DiskBytes int64

	// Network changes when a packet comes or goes and says nothing else; 0
	// for a machine without a card. Of cards that are not virtio-net only the
	// connections through QEMU's own network are seen, with what waits in them,
	// so a transfer of which nothing waits does not show. What the host sends
	// counts as well: a guest that only refuses SSH connections is active.
	Network uint64
}

// Activity asks QEMU what the guest has done, in two milliseconds or less on a
// host with time. It works while the guest is stopped too.
func (vm *VM) Activity(ctx context.Context) (Activity, error) {
	var a Activity
	var err error
	if a.DiskBytes, err = vm.diskBytes(ctx); err == nil {
		a.Network, err = vm.networkState(ctx)
	}
	if err != nil {
		return Activity{}, fmt.Errorf("qemu: activity: %w", err)
	}
	return a, nil
}

func (vm *VM) diskBytes(ctx context.Context) (int64, error) {
	var drives []struct {
		Stats struct {
			Read    int64 `json:"rd_bytes"`
			Written int64 `json:"wr_bytes"`
		}
	}
	if err := vm.qmp.Execute(ctx, "query-blockstats", nil, &drives); err != nil {
		return 0, err
	}
	var n int64
	for _, d := range drives {
		n += d.Stats.Read + d.Stats.Written
	}
	return n, nil
}

// networkState sums up what the network cards show of themselves.
func (vm *VM) networkState(ctx context.Context) (uint64, error) {
	if len(vm.c.NICs) == 0 {
		return 0, nil
	}
	h := fnv.New64a()
	others := false // cards without queues that can be asked
	for i, n := range vm.c.NICs {
		counted := false
		if n.virtio() {
			var err error
			if counted, err = vm.virtioQueues(ctx, h, fmt.Sprintf("/machine/peripheral/nic%d/virtio-backend", i)); err != nil {
				return 0, err
			}
		}
		others = others || !counted
	}
	if others {
		out, err := vm.qmp.HMP(ctx, "info usernet")
		if err != nil {
			return 0, err
		}
		io.WriteString(h, out)
	}
	return h.Sum64(), nil
}

func (n NIC) virtio() bool { return n.Model == "" || strings.HasPrefix(n.Model, "virtio-net") }

// virtioQueues writes how many packets a card has received and sent, as 16-bit
// numbers, and reports whether it could: QEMU has had the command since 7.2 and
// may lose it again. A queue that no driver has set up counts as empty.
func (vm *VM) virtioQueues(ctx context.Context, w io.Writer, path string) (bool, error) {
	for queue := range 2 { // receiveq1 and transmitq1 (virtio 1.2 §5.1.2)
		var q struct {
			Used uint16 `json:"used-idx"`
		}
		err := vm.qmp.Execute(ctx, "x-query-virtio-queue-status", map[string]any{"path": path, "queue": queue}, &q)
		var refused *qmp.Error
		switch {
		case errors.As(err, &refused) && refused.Class == "CommandNotFound":
			return false, nil
		case err != nil && refused == nil:
			return false, err
		}
		binary.Write(w, binary.LittleEndian, q.Used)
	}
	return true, nil
}
