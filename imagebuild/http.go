package imagebuild

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"github.com/bootscribe/bootscribe/qemu"
)

// The host's own loopback addresses as a guest on QEMU's user network sees them.
const (
	userNetHost  = "10.0.2.2"
	userNetHost6 = "fec0::2"
)

// HTTP is where the files for the guest are served. The zero value is a free
// port of 127.0.0.1 for a guest on QEMU's user network, where no other machine
// can read them, and of the bridge's address for one on a bridge.
type HTTP struct {
	// Addr is the IP address of this host to listen on; "0.0.0.0" and "::" are
	// all of them. Whoever can reach it can read the files. Empty means the
	// address of Interface, or else as above.
	Addr string

	// Interface is a network interface of this host, such as "br0", whose
	// first address is listened on. Empty means none.
	Interface string

	// IPv6 listens on an IPv6 address where Addr leaves that open.
	IPv6 bool

	// PortMin and PortMax are the ports to choose from, both included: the
	// first that is free. PortMax 0 means PortMin alone, and both 0 any port
	// that is free.
	PortMin, PortMax int

	// Host is what the guest calls this host, for [Vars]. Empty means the
	// address listened on, or what stands for it on the guest's network.
	Host string
}

// bridge returns the bridge that the guest's network is on, or nothing if it has
// a card on QEMU's user network, or none.
func (b *Build) bridge() string {
	if b.VM.NICs == nil || slices.ContainsFunc(b.VM.NICs, isUserNet) {
		return ""
	}
	if i := slices.IndexFunc(b.VM.NICs, isBridged); i >= 0 {
		return b.VM.NICs[i].Bridge
	}
	return ""
}

func isBridged(n qemu.NIC) bool { return n.Mode == qemu.NetBridge }

// httpAddr returns the address to serve files at, and what the guest calls it.
func (b *Build) httpAddr() (addr netip.Addr, host string, err error) {
	if addr, err = b.httpListen(); err != nil {
		return addr, "", err
	}
	if b.HTTP.Host != "" {
		return addr, b.HTTP.Host, nil
	}
	host, err = b.httpHost(addr)
	return addr, host, err
}

// httpListen returns the address to listen on.
func (b *Build) httpListen() (netip.Addr, error) {
	switch c := b.HTTP; {
	case c.Addr != "":
		addr, err := netip.ParseAddr(c.Addr)
		if err != nil {
			return addr, &ConfigError{"HTTP.Addr", fmt.Sprintf("%q is not an IP address", c.Addr), "write one of this host, without a port, or leave it empty"}
		}
		return addr.Unmap(), nil
	case c.Interface != "":
		return interfaceAddr("HTTP.Interface", c.Interface, c.IPv6)
	case b.bridge() != "":
		return interfaceAddr("HTTP.Interface", b.bridge(), c.IPv6)
	case c.IPv6:
		return netip.IPv6Loopback(), nil
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1}), nil
}

// httpHost returns what the guest calls an address of this host.
func (b *Build) httpHost(addr netip.Addr) (string, error) {
	own := addr.IsLoopback() || addr.IsUnspecified()
	switch bridge := b.bridge(); {
	case !own:
		return addr.String(), nil
	case bridge != "" && addr.IsLoopback():
		return "", &ConfigError{"HTTP.Addr", fmt.Sprintf("no guest on the bridge %s can reach %s", bridge, addr), "leave it empty for the bridge's own address"}
	case bridge != "":
		addr, err := interfaceAddr("HTTP.Host", bridge, b.HTTP.IPv6)
		return addr.String(), err
	case addr.Is6() && (addr.IsLoopback() || b.HTTP.IPv6):
		return userNetHost6, nil
	}
	return userNetHost, nil
}

// interfaceAddr returns the first address of a network interface that others
// can use.
func interfaceAddr(field, name string, v6 bool) (netip.Addr, error) {
	iface, err := net.InterfaceByName(name)
	if err != nil {
		return netip.Addr{}, &ConfigError{field, fmt.Sprintf("this host has no network interface %q", name), "see `ip link`"}
	}
	addrs, err := iface.Addrs()
	if err != nil {
		return netip.Addr{}, fmt.Errorf("imagebuild: %s: addresses of %s: %w", field, name, err)
	}
	for _, a := range addrs {
		p, err := netip.ParsePrefix(a.String())
		if addr := p.Addr().Unmap(); err == nil && addr.Is6() == v6 && !addr.IsLinkLocalUnicast() {
			return addr, nil
		}
	}
	kind := "IPv4"
	if v6 {
		kind = "IPv6"
	}
	return netip.Addr{}, &ConfigError{field, fmt.Sprintf("the network interface %q has no %s address", name, kind), "give it one, or set HTTP.Addr and HTTP.Host"}
}

// ports returns the first and the last port to try; 0 is a free one.
func (c HTTP) ports() (first, last int) { return c.PortMin, max(c.PortMin, c.PortMax) }

// listen listens at the first port of the range that is free.
func (b *Build) listen() (listener net.Listener, host string, err error) {
	addr, host, err := b.httpAddr()
	if err != nil {
		return nil, "", err
	}
	network := "tcp"
	if addr.Is4() {
		network = "tcp4" // Go would take 0.0.0.0 for :: too
	}
	first, last := b.HTTP.ports()
	for port := first; port <= last; port++ {
		listener, err = net.Listen(network, net.JoinHostPort(addr.String(), strconv.Itoa(port)))
		if err == nil {
			return listener, host, nil
		}
	}
	problem := "cannot listen"
	if last > first {
		problem = fmt.Sprintf("none of the ports from %d to %d is free", first, last)
	}
	return nil, "", fmt.Errorf("imagebuild: HTTP: %s: %w", problem, err)
}

// validateHTTP checks where files are served.
func (b *Build) validateHTTP() error {
	c := b.HTTP
	for _, p := range []struct {
		field string
		port  int
	}{{"PortMin", c.PortMin}, {"PortMax", c.PortMax}} {
		if p.port < 0 || p.port > 65535 {
			return &ConfigError{"HTTP." + p.field, fmt.Sprintf("%d is no port", p.port), "give one from 1 to 65535, or 0 for a free one"}
		}
	}
	switch {
	case c.PortMax != 0 && c.PortMax < c.PortMin:
		return &ConfigError{"HTTP.PortMax", fmt.Sprintf("%d is below PortMin, %d", c.PortMax, c.PortMin), "exchange the two"}
	case c.PortMax != 0 && c.PortMin == 0:
		return &ConfigError{"HTTP.PortMin", "is 0 while PortMax is set", "give the first port of the range"}
	case c.Addr != "" && c.Interface != "":
		return &ConfigError{"HTTP.Interface", "is given beside Addr", "leave one of them out"}
	case !b.serves():
		return nil
	}
	_, _, err := b.httpAddr()
	return err
}
