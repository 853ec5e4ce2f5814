package template

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/ssh"
)

// guestPort is the port of the guest's sshd.
func (q *qemuBuilder) guestPort() int {
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
		if q.or("communicator", "ssh") == "ssh" && q.str("ssh_host") == "" {
			q.notYet("net_bridge", "finding the guest's address on a bridge", "give it with ssh_host")
		}
	}
	from, to := q.portRange("host_port_min", "host_port_max", 2222, 4444)
	if q.given("host_port_min") && from == to && nic.Bridge == "" {
		nic.Forwards = []qemu.Forward{{HostPort: from, GuestPort: q.guestPort()}}
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
	ip := net.ParseIP(host)
	if q.given("vnc_bind_address") && (ip == nil || !ip.IsLoopback()) {
		q.notYet("vnc_bind_address", fmt.Sprintf("%q, which other machines can reach,", host), "leave it out, and tunnel to the port by SSH")
		return
	}
	if q.given("vnc_port_min") && from == to && !q.yes("disable_vnc") {
		q.b.Image.VM.Viewer = net.JoinHostPort(host, strconv.Itoa(from))
		q.is("VM.Viewer", "vnc_port_min")
	}
}

func (q *qemuBuilder) communicator() {
	q.oneOf("communicator", "ssh", "winrm", "none")
	switch q.or("communicator", "ssh") {
	case "winrm":
		q.notYet("communicator", "winrm", "use SSH: Windows has an OpenSSH server of its own")
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
	c.KeepAlive = q.duration("ssh_keep_alive_interval")
	c.MaxAuthFailures = q.int("ssh_handshake_attempts")
	q.b.Image.SSHPort = q.guestPort()
	q.sshAddress(c)
	q.bastion(c)
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
	steps := []imagebuild.Step{wait}
	if d := q.duration("pause_before_connecting"); d > 0 {
		steps = append(steps, imagebuild.Pause(d), wait)
	}
	return steps
}

// arguments makes of qemuargs what has the same effect on our command line.
// Packer's own switches, which templates restate since qemuargs replaces all of
// a kind, become options; others are added.
func (q *qemuBuilder) arguments() {
	v := q.values["qemuargs"]
	if v == nil {
		return
	}
	q.is("VM.Args", "qemuargs")
	data := map[string]any{
		"OutputDir": q.b.Dir, "Name": q.vmName, "HTTPDir": q.str("http_directory"), "HTTPContent": q.dict("http_content"),
		"HTTPIP": "10.0.2.2", "HTTPPort": portMark, "SSHHostPort": portMark,
	}
	for _, e := range v.list {
		var words []string
		for _, w := range e.list {
			text, err := q.engine.render(w.text, data)
			if err != nil {
				q.failAt(w.at, "qemuargs", err.Error(), "")
				return
			}
			words = append(words, text)
		}
		name := "-" + strings.TrimLeft(words[0], "-")
		q.argument(e.at, name, strings.Join(words[1:], ""))
	}
}

// portMark stands for a port that is known only when the machine runs.
const portMark = "\x00port\x00"

func (q *qemuBuilder) argument(at place, name, arg string) {
	vm := &q.b.Image.VM
	fail := func(problem, remedy string) { q.failAt(at, "qemuargs", problem, remedy) }
	number := func(into *int) {
		n, err := strconv.Atoi(strings.TrimRight(arg, "mMiB"))
		if strings.HasSuffix(strings.ToUpper(arg), "G") {
			n, err = strconv.Atoi(arg[:len(arg)-1])
			n *= 1024
		}
		if err != nil || n <= 0 {
			vm.Args = append(vm.Args, qemu.ArgEdit{Op: qemu.ArgReplace, Option: name, Value: arg})
			return
		}
		*into = n
	}
	switch name {
	case "-m":
		number(&vm.Memory)
	case "-smp":
		if strings.ContainsAny(arg, "=,") {
			vm.Args = append(vm.Args, qemu.ArgEdit{Op: qemu.ArgReplace, Option: name, Value: arg})
		} else {
			vm.Sockets, vm.Cores, vm.Threads = 0, 0, 0
			number(&vm.CPUs)
		}
	case "-cpu":
		vm.CPU = arg
	case "-vga":
		vm.VGA = arg
	case "-nographic":
		vm.Display = ""
	case "-display":
		if vm.Display = arg; arg == "none" {
			vm.Display = ""
		}
	case "-bios":
		vm.Firmware.Type, vm.Firmware.Code = qemu.BIOS, arg
	case "-name", "-enable-kvm", "-no-reboot-on-exit":
		if name == "-enable-kvm" {
			vm.Accel = qemu.KVM
		}
	case "-accel":
		q.accel(fail, strings.Split(arg, ",")[0])
	case "-machine", "-M":
		q.machineArgument(fail, arg)
	case "-boot":
		q.bootArgument(fail, arg)
	case "-netdev":
		q.netdev(fail, arg)
	case "-device":
		q.device(arg)
	case "-serial", "-monitor", "-qmp", "-vnc", "-chardev", "-mon":
		q.control(at, fail, name, arg)
	default:
		q.other(fail, name, arg)
	}
}

func (q *qemuBuilder) accel(fail func(string, string), name string) {
	if !slices.Contains([]string{"kvm", "tcg", "hvf", "whpx"}, name) {
		fail(fmt.Sprintf("the accelerator %q is not supported yet", name), "write kvm, tcg, hvf or whpx")
		return
	}
	q.b.Image.VM.Accel = qemu.Accel(name)
}

func (q *qemuBuilder) machineArgument(fail func(string, string), arg string) {
	var rest []string
	for i, part := range strings.Split(arg, ",") {
		key, v, ok := strings.Cut(part, "=")
		switch {
		case !ok && i == 0, key == "type":
			q.b.Image.VM.Machine = strings.TrimPrefix(part, "type=")
		case key == "accel":
			q.accel(fail, strings.Split(v, ":")[0])
		default:
			rest = append(rest, part)
		}
	}
	if len(rest) > 0 {
		vm := &q.b.Image.VM
		vm.Machine = cmp.Or(vm.Machine, "pc") + "," + strings.Join(rest, ",")
		fail(fmt.Sprintf("-machine: the property %q is not supported yet", rest[0]), "leave it out; type and accel are understood")
	}
}

func (q *qemuBuilder) bootArgument(fail func(string, string), arg string) {
	orders := map[string]qemu.BootOrder{"once=d": qemu.BootCDROMOnce, "once=d,menu=off": qemu.BootCDROMOnce, "order=cd,once=d": qemu.BootCDROMOnce,
		"d": qemu.BootCDROM, "order=d": qemu.BootCDROM, "dc": qemu.BootCDROM, "c": qemu.BootDisk, "order=c": qemu.BootDisk, "cd": qemu.BootDisk,
		"a": qemu.BootFloppy, "order=a": qemu.BootFloppy, "n": qemu.BootNetwork, "order=n": qemu.BootNetwork}
	order, ok := orders[arg]
	if !ok {
		fail(fmt.Sprintf("-boot %q is not supported yet", arg), "write once=d, c, d, a or n")
		return
	}
	q.b.Image.VM.Boot = order
}

// netdev understands the machine's own network restated, which Packer makes
// people do, and adds other ones.
func (q *qemuBuilder) netdev(fail func(string, string), arg string) {
	parts := strings.Split(arg, ",")
	if !slices.Contains(parts, "id=user.0") {
		q.other(fail, "-netdev", arg)
		return
	}
	nic := &q.b.Image.VM.NICs[0]
	for _, p := range parts {
		key, v, _ := strings.Cut(p, "=")
		switch {
		case p == "user", key == "type" && v == "user", key == "id", p == "":
		case key == "hostfwd":
			q.forward(fail, nic, v)
		case key == "restrict":
			nic.Restrict = v == "on" || v == "y" || v == "yes"
		default:
			fail(fmt.Sprintf("-netdev: %q on the machine's own network is not supported yet", p), "leave it out")
		}
	}
}

// forward reads tcp:[HOST]:PORT-[GUEST]:PORT.
func (q *qemuBuilder) forward(fail func(string, string), nic *qemu.NIC, rule string) {
	host, guest, ok := strings.Cut(rule, "-")
	from, to := strings.Split(host, ":"), strings.Split(guest, ":")
	if !ok || len(from) < 2 || len(from) > 3 || from[0] != "tcp" && from[0] != "" {
		fail(fmt.Sprintf("-netdev: hostfwd=%s is not supported yet", rule), "write hostfwd=tcp:127.0.0.1:8080-:80")
		return
	}
	port, err := strconv.Atoi(to[len(to)-1])
	if err != nil {
		fail(fmt.Sprintf("-netdev: hostfwd=%s names no port of the guest", rule), "write hostfwd=tcp:127.0.0.1:8080-:80")
		return
	}
	if from[len(from)-1] == portMark {
		return // the forward for SSH, which there is anyway
	}
	f := qemu.Forward{GuestPort: port}
	if len(from) == 3 {
		f.HostAddr = from[1]
	}
	if f.HostPort, err = strconv.Atoi(from[len(from)-1]); err != nil {
		fail(fmt.Sprintf("-netdev: hostfwd=%s names no port of the host", rule), "write hostfwd=tcp:127.0.0.1:8080-:80")
		return
	}
	nic.Forwards = append(nic.Forwards, f)
}

func (q *qemuBuilder) device(arg string) {
	parts := strings.Split(arg, ",")
	if !slices.Contains(parts, "netdev=user.0") {
		q.b.Image.VM.Args = append(q.b.Image.VM.Args, qemu.ArgEdit{Op: qemu.ArgAdd, Option: "-device", Value: arg})
		return
	}
	nic := &q.b.Image.VM.NICs[0]
	if nic.Model = parts[0]; nic.Model == "virtio-net" {
		nic.Model = ""
	}
	for _, p := range parts[1:] {
		if mac, ok := strings.CutPrefix(p, "mac="); ok {
			nic.MAC = mac
		}
	}
}

// control is about the channels that a build drives its machine by: it has its
// own, which no template need ask for.
func (q *qemuBuilder) control(at place, fail func(string, string), name, arg string) {
	switch {
	case name == "-serial" && slices.Contains([]string{"stdio", "mon:stdio", "none", "null", "pty"}, arg), name == "-monitor" && arg == "none":
		q.warnings = append(q.warnings, at.error(q.field("qemuargs"), name+" "+arg+" has no effect: the serial line is always recorded", "leave it out"))
	case name == "-chardev" || name == "-mon":
		q.other(fail, name, arg)
	case name == "-serial" && strings.HasPrefix(arg, "file:"):
		q.other(fail, name, arg)
	default:
		fail(name+" is what the build drives the machine by", "leave it out; vnc_port_min and vnc_port_max open a port for viewers")
	}
}

func (q *qemuBuilder) other(fail func(string, string), name, arg string) {
	switch {
	case strings.Contains(arg, portMark):
		fail(fmt.Sprintf("%s: the ports are not known before the machine runs", name), "write the forward as -netdev user,id=user.0,hostfwd=…, or take {{ .HTTPPort }} and {{ .SSHHostPort }} out")
		return
	case name == "-drive" && strings.Contains(arg, q.b.Image.Output):
		fail("-drive restates the machine's own disk", "leave it out: it is there in any case; disk_interface and disk_size describe it")
		return
	case name == "-cdrom":
		fail("-cdrom restates the installation medium", "leave it out: iso_url is in the first drive; cd_files makes another")
		return
	}
	q.b.Image.VM.Args = append(q.b.Image.VM.Args, qemu.ArgEdit{Op: qemu.ArgAdd, Option: name, Value: arg})
}
