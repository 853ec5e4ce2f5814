package template

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bootscribe/bootscribe/ssh"
)

// algorithms reads what SSH may offer. Who names an insecure algorithm asks for
// it, and for no other one.
func (q *qemuBuilder) algorithms(c *ssh.Config) {
	c.Ciphers = q.algorithmNames("ssh_ciphers", ssh.Ciphers, c)
	c.KeyExchanges = q.algorithmNames("ssh_key_exchange_algorithms", ssh.KeyExchanges, c)
	if c.Legacy && c.Ciphers == nil {
		c.Ciphers = ssh.Ciphers(false)
	}
	if c.Legacy && c.KeyExchanges == nil {
		c.KeyExchanges = ssh.KeyExchanges(false)
	}
}

// algorithmNames reads a list of names, and sets Legacy for those that need it.
func (q *qemuBuilder) algorithmNames(option string, known func(legacy bool) []string, c *ssh.Config) []string {
	v := q.values[option]
	if v == nil {
		return nil
	}
	for _, e := range v.list {
		switch {
		case slices.Contains(known(false), e.text):
		case slices.Contains(known(true), e.text):
			c.Legacy = true
			q.warn(option, fmt.Sprintf("%q is insecure", e.text), "leave it out, unless the guest knows no other")
		default:
			q.failAt(e.at, option, fmt.Sprintf("there is no %q", e.text), meant(e.text, known(true)))
		}
	}
	return v.texts()
}

// tunnels reads a list of tunnels.
func (q *qemuBuilder) tunnels(option string) []ssh.Tunnel {
	v := q.values[option]
	if v == nil {
		return nil
	}
	var list []ssh.Tunnel
	for _, e := range v.list {
		t, err := ssh.ParseTunnel(e.text)
		if err != nil {
			q.failAt(e.at, option, strings.TrimPrefix(err.Error(), "ssh: "), "")
			continue
		}
		list = append(list, t)
	}
	return list
}
