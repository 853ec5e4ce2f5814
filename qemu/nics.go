package qemu

import (
	"crypto/sha256"
	"fmt"
	"net"
)

func (w Forward) hostAddr() string {
	if w.HostAddr == "" {
		return "127.0.0.1"
	}
	return w.HostAddr
}

// rule is a forward from a port of the host, as QEMU reads it.
func (w Forward) rule(port int) string {
	return fmt.Sprintf("tcp:%s:%d-:%d", w.hostAddr(), port, w.GuestPort)
}

// network adds the cards.
func (b *builder) network() {
	order := b.c.bootIndexes()
	for i, n := range b.c.NICs {
		net, card := netdev(i), fmt.Sprintf("nic%d", i)
		dev := object{{"driver", n.model()}, {"id", card}}
		if n.Mode != NetNone {
			b.args.json("-netdev", n.netdev(net))
			dev.set("netdev", net)
		}
		dev.set("mac", b.c.MAC(i))
		if at, ok := order[card]; ok {
			dev.set("bootindex", at)
		} else if n.Model == "" {
			dev.set("romfile", "") // does not boot, so needs no boot code
		}
		b.args.json("-device", dev)
	}
}

// netdev is the id of what a card is connected to.
func netdev(i int) string { return fmt.Sprintf("net%d", i) }

func (n NIC) model() string {
	if n.Model == "" {
		return "virtio-net-pci"
	}
	return n.Model
}

func (n NIC) netdev(id string) object {
	if n.Mode == NetBridge {
		return object{{"type", "bridge"}, {"id", id}, {"br", n.Bridge}}
	}
	o := object{{"type", "user"}, {"id", id}}
	if n.Restrict {
		o.set("restrict", true)
	}
	var forwards []object
	for _, w := range n.Forwards {
		if w.HostPortMax == 0 { // the others are added when the machine starts
			forwards = append(forwards, object{{"str", w.rule(w.HostPort)}})
		}
	}
	if forwards != nil {
		o.set("hostfwd", forwards)
	}
	return o
}

// MAC returns the hardware address of NICs[i], such as "52:54:00:12:34:56": as
// given there, or one in QEMU's own range, 52:54:00, that is made from the
// machine's name.
func (c *Config) MAC(i int) string {
	if hw, err := net.ParseMAC(c.NICs[i].MAC); err == nil {
		return hw.String()
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", c.name(), i))
	return fmt.Sprintf("52:54:00:%02x:%02x:%02x", sum[0], sum[1], sum[2])
}
