package imagebuild

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// neighbourLimit is how long an address may take to accept a connection: it may
// be one that the guest had before.
const neighbourLimit = 3 * time.Second

// dialNeighbour connects to a port of a guest on a bridge, at the addresses that
// this host knows its card by.
func (r *run) dialNeighbour(ctx context.Context, port int) (net.Conn, error) {
	addrs, err := r.neighbours()
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, addr := range addrs {
		d := net.Dialer{Timeout: neighbourLimit}
		conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(addr.String(), strconv.Itoa(port)))
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// neighbours returns the addresses of the guest on its bridge, the last heard of
// first; none is an error.
func (r *run) neighbours() ([]netip.Addr, error) {
	bridge, mac := r.b.bridge(), r.b.bridgedMAC()
	addrs, err := neighbours(bridge, mac)
	if err == nil && len(addrs) == 0 {
		err = fmt.Errorf("the card %s has not spoken to this host on %s yet, so that its address is not known", mac, bridge)
	}
	return addrs, err
}

// bridgedMAC returns the hardware address of the card that is on the bridge.
func (b *Build) bridgedMAC() string {
	c := b.machine(media{})
	return c.MAC(slices.IndexFunc(c.NICs, isBridged))
}

// neighbour is an address that a network card is known by.
type neighbour struct {
	addr  netip.Addr
	heard time.Duration // since the card was last heard of
}

// inOrder returns the addresses, the last heard of first.
func inOrder(list []neighbour) []netip.Addr {
	slices.SortStableFunc(list, func(a, b neighbour) int { return cmp.Compare(a.heard, b.heard) })
	var addrs []netip.Addr
	for _, n := range list {
		addrs = append(addrs, n.addr)
	}
	return addrs
}
