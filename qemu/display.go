package qemu

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
)

// serial numbers names that must differ within one process.
var serial atomic.Int64

// VNC returns a new connection to the machine's screen and keyboard, on which
// QEMU speaks RFB and asks for no password. It has no address, so nobody else
// can take or find it. It works any number of times, and all connections see
// the same screen. The caller closes it.
func (vm *VM) VNC(ctx context.Context) (net.Conn, error) {
	conn, theirs, err := socketPair("vnc")
	if err != nil {
		return nil, fmt.Errorf("qemu: VNC connection: %w", err)
	}
	defer theirs.Close()
	name := fmt.Sprintf("vnc%d", serial.Add(1))
	err = vm.qmp.ExecuteFD(ctx, "getfd", map[string]any{"fdname": name}, theirs)
	if err == nil {
		args := map[string]any{"protocol": "vnc", "fdname": name, "skipauth": true}
		err = vm.qmp.Execute(ctx, "add_client", args, nil)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("qemu: VNC connection: %w", err)
	}
	return conn, nil
}
