package imagebuild

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// neighbours returns the addresses that this host knows a network card by, on
// one of its interfaces, the last heard of first.
func neighbours(iface, mac string) ([]netip.Addr, error) {
	on, err := net.InterfaceByName(iface)
	if err != nil {
		return nil, fmt.Errorf("network interface %s: %w", iface, err)
	}
	table, err := syscall.NetlinkRIB(syscall.RTM_GETNEIGH, syscall.AF_UNSPEC)
	if err != nil {
		return nil, fmt.Errorf("neighbours of this host: %w", err)
	}
	messages, err := syscall.ParseNetlinkMessage(table)
	if err != nil {
		return nil, fmt.Errorf("neighbours of this host: %w", err)
	}
	var list []neighbour
	for _, m := range messages {
		if n, ok := parseNeighbour(m.Data, on, mac); ok && m.Header.Type == syscall.RTM_NEWNEIGH {
			list = append(list, n)
		}
	}
	return inOrder(list), nil
}

// The parts of a message about a neighbour (rtnetlink(7), linux/neighbour.h).
const (
	ndmLength = 12 // of struct ndmsg
	ndmIndex  = 4  // where its interface is
	ndmState  = 8
	rtaLength = 4 // of struct rtattr
)

// parseNeighbour reads a neighbour, and reports whether it is the card on the
// interface.
func parseNeighbour(data []byte, on *net.Interface, mac string) (n neighbour, ok bool) {
	if len(data) < ndmLength || int(binary.NativeEndian.Uint32(data[ndmIndex:])) != on.Index {
		return n, false
	}
	if state := binary.NativeEndian.Uint16(data[ndmState:]); state&(unix.NUD_FAILED|unix.NUD_INCOMPLETE) != 0 {
		return n, false
	}
	for rest := data[ndmLength:]; len(rest) >= rtaLength; {
		length := int(binary.NativeEndian.Uint16(rest))
		if length < rtaLength || length > len(rest) {
			break
		}
		value := rest[rtaLength:length]
		switch binary.NativeEndian.Uint16(rest[2:]) {
		case unix.NDA_DST:
			n.addr, _ = netip.AddrFromSlice(value)
		case unix.NDA_LLADDR:
			ok = strings.EqualFold(net.HardwareAddr(value).String(), mac)
		case unix.NDA_CACHEINFO:
			n.heard = lastHeard(value)
		}
		rest = rest[min((length+3)&^3, len(rest)):]
	}
	if n.addr.IsLinkLocalUnicast() {
		n.addr = n.addr.WithZone(on.Name)
	}
	return n, ok && n.addr.IsValid()
}

// lastHeard returns how long ago a neighbour was confirmed or has changed, of
// struct nda_cacheinfo: confirmed, used, updated, each in hundredths of a second.
func lastHeard(info []byte) time.Duration {
	if len(info) < 12 {
		return time.Hour
	}
	confirmed, updated := binary.NativeEndian.Uint32(info), binary.NativeEndian.Uint32(info[8:])
	return time.Duration(min(confirmed, updated)) * 10 * time.Millisecond
}
