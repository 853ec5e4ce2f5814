package template

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/ssh"
)

// guestPort is the port of the guest's sshd, or of its WinRM service.
func (q *qemuBuilder) guestPort() int {
	if q.str("communicator") == "winrm" {
		return q.winrmPort()
	}
	if p := q.port("ssh_port"); p != 0 {
		return p
	}
	return 22
}

func (q *qemuBuilder) network() {
	nic := qemu.NIC{Model: q.str("net_device")}
	if nic.Model == "virtio-net" {
		nic.Model = "" // virtio-net-pci, or what else the machine has
	}
	if bridge := q.str("net_bridge"); bridge != "" {
		nic.Mode, nic.Bridge = qemu.NetBridge, bridge
	}
	from, to := q.portRange("host_port_min", "host_port_max", 2222, 4444)
	if (q.given("host_port_min") || q.given("host_port_max")) && nic.Bridge == "" {
		nic.Forwards = []qemu.Forward{{HostPort: from, HostPortMax: to, GuestPort: q.guestPort()}}
		if from == to {
			nic.Forwards[0].HostPortMax = 0
		}
	}
	q.b.Image.VM.NICs = []qemu.NIC{nic}
	q.is("VM.NICs", "net_device")
	q.vncPort()
}

func (q *qemuBuilder) vncPort() {
	for _, name := range []string{"vnc_port_min", "vnc_port_max"} {
		if n := q.int(name); q.has(name) && (n < 5900 || n > 65535) {
			q.fail(name, fmt.Sprintf("%d is no VNC port", n), "VNC ports go from 5900 to 65535")
			return
		}
	}
	from, to := q.portRange("vnc_port_min", "vnc_port_max", 5900, 6000)
	host := q.or("vnc_bind_address", "127.0.0.1")
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		q.warn("vnc_bind_address", fmt.Sprintf("%q: other machines cannot reach the screen", host), "leave it out, and tunnel to a port by SSH")
		host = "127.0.0.1"
	}
	q.is("VM.Viewer", "vnc_port_min")
	switch asked := q.given("vnc_port_min") || q.given("vnc_port_max"); {
	case !asked || q.yes("disable_vnc"):
	case q.yes("vnc_use_password"):
		q.warn("vnc_use_password", "no port is opened: it would have no password", "leave it out for a port of this host alone, or watch the live page")
	default:
		q.b.Image.VM.Viewer = net.JoinHostPort(host, strconv.Itoa(from))
		if from != to {
			q.b.Image.VM.Viewer += fmt.Sprintf("-%d", to)
		}
	}
}

func (q *qemuBuilder) communicator() {
	q.oneOf("communicator", "ssh", "winrm", "none")
	switch q.or("communicator", "ssh") {
	case "winrm":
		q.winrm()
	case "none":
		q.g.none = true
	case "ssh":
		q.ssh()
	}
}

func (q *qemuBuilder) ssh() {
	c := &q.b.Image.SSH
	if c.User = q.str("ssh_username"); c.User == "" {
		q.fail("", "option ssh_username is missing", `give the name to log in as, or write "communicator": "none"`)
	}
	c.Password = ssh.Secret(q.str("ssh_password"))
	c.UseAgent = q.yes("ssh_agent_auth")
	c.Keys = q.key("ssh_private_key_file", "ssh_certificate_file")
	if text := q.str("ssh_private_key"); text != "" {
		key, err := ssh.ParseKey([]byte(text), "")
		if err != nil {
			q.fail("ssh_private_key", err.Error(), "give a private key in PEM")
		} else {
			c.Keys = append(c.Keys, key)
		}
	}
	c.KeepAlive = q.duration("ssh_keep_alive_interval")
	c.MaxAuthFailures = q.int("ssh_handshake_attempts")
	q.b.Image.SSHPort = q.guestPort()
	q.sshAddress(c)
	q.bastion(c)
	q.proxy(c)
	q.algorithms(c)
	c.LocalTunnels, c.RemoteTunnels = q.tunnels("ssh_local_tunnels"), q.tunnels("ssh_remote_tunnels")
	q.oneOf("ssh_file_transfer_method", "scp", "sftp")
	if t := q.str("temporary_key_pair_type"); t != "" && t != "ed25519" && q.oneOf("temporary_key_pair_type", "rsa", "ecdsa", "ed25519", "dsa") {
		q.warn("temporary_key_pair_type", "has no effect: the temporary key is always of type ed25519", "remove it, or give ssh_private_key_file")
	}
	q.g.pty, q.g.idle = q.yes("ssh_pty"), q.duration("ssh_read_write_timeout")
	q.g.port, q.g.keyFile = q.guestPort(), q.str("ssh_private_key_file")
	q.is("SSH", "ssh_username")
	q.is("SSHPort", "ssh_port")
	q.is("SSH.Addr", "ssh_host")
}

// sshAddress says where the guest is, if that is no forwarded port.
func (q *qemuBuilder) sshAddress(c *ssh.Config) {
	host := q.str("ssh_host")
	if q.yes("skip_nat_mapping") {
		host = cmp.Or(host, "127.0.0.1")
	} else if host == "127.0.0.1" || host == "localhost" {
		return // which is where ports are forwarded to
	}
	if host != "" {
		c.Addr = net.JoinHostPort(host, strconv.Itoa(q.guestPort()))
	}
}

func (q *qemuBuilder) bastion(c *ssh.Config) {
	host := q.str("ssh_bastion_host")
	if host == "" {
		return
	}
	port := 22
	if p := q.port("ssh_bastion_port"); p != 0 {
		port = p
	}
	c.Bastion = &ssh.Config{
		Addr: net.JoinHostPort(host, strconv.Itoa(port)), User: q.str("ssh_bastion_username"),
		Password: ssh.Secret(q.str("ssh_bastion_password")), UseAgent: q.yes("ssh_bastion_agent_auth"),
		Keys: q.key("ssh_bastion_private_key_file", "ssh_bastion_certificate_file"),
	}
	if len(c.Bastion.Keys) == 0 && c.Bastion.Password == "" {
		c.Bastion.Keys = c.Keys
	}
	if c.Bastion.User == "" {
		q.fail("ssh_bastion_host", "needs ssh_bastion_username", "add it")
	}
	if c.Addr == "" {
		q.fail("ssh_bastion_host", "needs ssh_host: a forwarded port is on this host", "add ssh_host, or remove the bastion")
	}
}

// proxy lets SSH go through a SOCKS5 proxy.
func (q *qemuBuilder) proxy(c *ssh.Config) {
	host := q.str("ssh_proxy_host")
	if host == "" {
		return
	}
	q.exclusive("ssh_bastion_host", "ssh_proxy_host")
	if c.Addr == "" {
		q.fail("ssh_proxy_host", "needs ssh_host: a forwarded port is on this host", "add ssh_host, or remove the proxy")
		return
	}
	port := 1080
	if p := q.port("ssh_proxy_port"); p != 0 {
		port = p
	}
	s := socks{net.JoinHostPort(host, strconv.Itoa(port)), q.str("ssh_proxy_username"), q.str("ssh_proxy_password"), c.Addr}
	c.Dial = s.dial
}

// key reads a private key and its certificate. Files that are not there are
// this host's affair, as are keys that cannot be read.
func (q *qemuBuilder) key(file, certificate string) []*ssh.Key {
	if q.str(file) == "" {
		return nil
	}
	missing := func(option string, err error) []*ssh.Key {
		q.b.host = append(q.b.host, q.place(option).error(q.field(option), err.Error(), "check the path; a key with a passphrase belongs into an agent, with ssh_agent_auth"))
		return nil
	}
	text, err := os.ReadFile(q.home(q.str(file)))
	if err != nil {
		return missing(file, err)
	}
	key, err := ssh.ParseKey(text, "")
	if err != nil {
		return missing(file, err)
	}
	if c := q.str(certificate); c != "" {
		if text, err = os.ReadFile(q.home(c)); err != nil {
			return missing(certificate, err)
		}
		if key, err = key.WithCertificate(text); err != nil {
			return missing(certificate, err)
		}
	}
	return []*ssh.Key{key}
}

// home puts the home directory in place of a tilde.
func (q *qemuBuilder) home(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if dir, _ := q.engine.env("HOME"); dir != "" {
			return filepath.Join(dir, rest)
		}
	}
	return path
}

// connect are the steps that wait for SSH, as long as Packer would.
func (q *qemuBuilder) connect() []imagebuild.Step {
	wait := imagebuild.WaitSSH()
	wait.Timeout = 5 * time.Minute
	if d := q.duration("ssh_timeout"); d != 0 {
		wait.Timeout = d
	} else if q.given("ssh_handshake_attempts") {
		wait.Timeout = -1
	}
	again := wait
	again.Do = anotherLogin
	return q.pausing(wait, again)
}

// anotherLogin logs in by another connection than there is.
func anotherLogin(ctx context.Context, g *imagebuild.Guest) error {
	before, err := g.SSH(ctx)
	if err != nil {
		return err
	}
	return g.WaitSSH(ctx, func(_ context.Context, _ *imagebuild.Guest, c *ssh.Client) error {
		if c == before {
			return errors.New("it is the connection from before the pause")
		}
		return nil
	})
}

// pausing are the steps of a login after which Packer may wait and log in again.
func (q *qemuBuilder) pausing(wait, again imagebuild.Step) []imagebuild.Step {
	steps := []imagebuild.Step{wait}
	if d := q.duration("pause_before_connecting"); d > 0 {
		steps = append(steps, imagebuild.Pause(d), again)
	}
	return steps
}
