package template

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/qemu"
)

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
		"HTTPIP": q.hostAddress(), "HTTPPort": httpMark, "SSHHostPort": sshMark,
	}
	if q.given("net_bridge") || q.given("http_interface") {
		data["HTTPIP"] = ipMark
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
	q.lateArguments()
}

// What is known only when the machine starts, and when it runs.
const (
	ipMark   = "\x00ip\x00"
	httpMark = "\x00http\x00"
	sshMark  = "\x00ssh\x00"
)

// lateArguments are the first that has what is not known yet, and those behind it.
func (q *qemuBuilder) lateArguments() {
	all := q.b.Image.VM.Args
	i := slices.IndexFunc(all, func(a qemu.ArgEdit) bool {
		return strings.Contains(a.Value, ipMark) || strings.Contains(a.Value, httpMark)
	})
	if i < 0 {
		return
	}
	late, host := all[i:], q.hostAddress()
	q.b.Image.VM.Args = all[:i:i]
	q.is("Args", "qemuargs")
	q.b.Image.Args = func(v imagebuild.Vars) []qemu.ArgEdit {
		known := strings.NewReplacer(ipMark, cmp.Or(v.HTTPIP, host), httpMark, strconv.Itoa(v.HTTPPort))
		edits := slices.Clone(late)
		for i := range edits {
			edits[i].Value = known.Replace(edits[i].Value)
		}
		return edits
	}
}

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
		value := cmp.Or(vm.Machine, "pc") + "," + strings.Join(rest, ",")
		vm.Args = append(vm.Args, qemu.ArgEdit{Op: qemu.ArgReplace, Option: "-machine", Value: value})
	}
}

func (q *qemuBuilder) bootArgument(fail func(string, string), arg string) {
	// Only what is named is booted here, and no menu is waited for.
	parts := slices.DeleteFunc(strings.Split(arg, ","), func(p string) bool {
		return p == "menu=off" || strings.HasPrefix(p, "strict=")
	})
	if arg = strings.Join(parts, ","); arg == "" {
		return
	}
	orders := map[string]qemu.BootOrder{"once=d": qemu.BootCDROMOnce, "order=cd,once=d": qemu.BootCDROMOnce,
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
	if from[len(from)-1] == sshMark {
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
		fail("-serial file: is not supported yet", "leave it out: the error of a build has the end of the serial output")
	default:
		fail(name+" is what the build drives the machine by", "leave it out; vnc_port_min and vnc_port_max open a port for viewers")
	}
}

func (q *qemuBuilder) other(fail func(string, string), name, arg string) {
	switch {
	case strings.Contains(arg, sshMark):
		fail(fmt.Sprintf("%s: the port is not known before the machine runs", name), "write the forward as -netdev user,id=user.0,hostfwd=…, or take {{ .SSHHostPort }} out")
		return
	case name == "-drive" && strings.Contains(arg, q.b.Image.Output):
		fail("-drive restates the machine's own disk", "leave it out: it is there in any case; disk_interface and disk_size describe it")
		return
	case name == "-cdrom" && slices.Contains(q.b.Image.Media.URLs, arg):
		return // it is in the first drive anyway
	case name == "-cdrom":
		q.b.Image.VM.CDROMs = append(q.b.Image.VM.CDROMs, qemu.CDROM{Path: arg})
		return
	}
	q.b.Image.VM.Args = append(q.b.Image.VM.Args, qemu.ArgEdit{Op: qemu.ArgAdd, Option: name, Value: arg})
}
