package template

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/bootscribe/bootscribe/httpserve"
	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/qemu/qemuimg"
)

// qemuBuilder makes a Build of the options of the builder qemu.
type qemuBuilder struct {
	*options
	b      *Build
	g      *generator
	eager  bool
	vmName string
	steps  []imagebuild.Step
}

func (q *qemuBuilder) fill() {
	q.output()
	q.media()
	q.discs()
	q.disk()
	q.machine()
	q.firmware()
	q.kernel()
	q.shares()
	q.tpm()
	q.display()
	q.network()
	q.files()
	q.seed()
	q.communicator()
	q.arguments()
	q.buses()
	q.typing()
	q.shutdown()
	q.check()
	q.b.Image.Steps = q.steps
}

// is notes what the template calls a field of imagebuild.Build.
func (q *qemuBuilder) is(field, option string) {
	q.b.names[field] = named{option: q.field(option), at: q.place(option)}
}

func (q *qemuBuilder) output() {
	q.vmName = q.or("vm_name", "packer-"+q.engine.buildName)
	q.b.Dir = q.or("output_directory", "output-"+q.engine.buildName)
	if q.vmName != filepath.Base(q.vmName) || q.vmName == "." || q.vmName == ".." {
		q.fail("vm_name", fmt.Sprintf("%q is no file name", q.vmName), "give a name without slashes; output_directory says where it goes")
	}
	q.b.Image.Output = filepath.Join(q.b.Dir, filepath.Base(q.vmName))
	q.b.Image.StepTimeout = -1 // Packer has no limits but those that are asked for
	q.is("Output", "output_directory")
}

var size = regexp.MustCompile(`^[0-9]+[bkmgtBKMGT]?$`)

// bytes reads a disk size, in which a bare number is MiB.
func (q *qemuBuilder) bytes(option, text string) int64 {
	if !size.MatchString(text) {
		q.fail(option, fmt.Sprintf("%q is no disk size", text), `write "40G" or "40960M", a whole number and one of b, k, m, g, t`)
		return 0
	}
	if last := text[len(text)-1]; last >= '0' && last <= '9' {
		text += "M"
	}
	n, err := qemuimg.ParseSize(text)
	if err == nil {
		err = qemuimg.CheckSize(n)
	}
	if err != nil {
		q.fail(option, strings.TrimPrefix(err.Error(), "qemuimg: "), `write "40G", for instance`)
	}
	return n
}

func (q *qemuBuilder) disk() {
	text := q.or("disk_size", "40960M")
	if text == "0" {
		text = "40960M"
	}
	q.b.Image.Disk.Size = q.bytes("disk_size", text)
	q.diskImage()
	q.imgArgs()
	for _, s := range q.list("disk_additional_size") {
		q.b.disks = append(q.b.disks, q.bytes("disk_additional_size", s))
	}
	q.oneOf("format", "qcow2", "raw", "vmdk", "vdi", "vhdx", "vpc")
	q.b.Image.Format = qemuimg.Format(q.str("format"))
	q.oneOf("disk_cache", "writethrough", "writeback", "none", "unsafe", "directsync")
	q.oneOf("disk_discard", "unmap", "ignore")
	q.oneOf("disk_detect_zeroes", "unmap", "on", "off")
	if q.yes("disk_compression") {
		if f := q.or("format", "qcow2"); f == "qcow2" || f == "vmdk" {
			q.b.Image.Compress = qemuimg.Zlib
		} else if f != "raw" {
			q.fail("disk_compression", fmt.Sprintf("the format %s cannot be compressed", f), "write qcow2 or vmdk, or add a post-processor compress")
		} else {
			q.warn("disk_compression", "has no effect on the format raw", "add a post-processor compress")
		}
	}
	q.is("Disk.Size", "disk_size")
	q.is("Disk", "disk_size")
}

func (q *qemuBuilder) files() {
	q.exclusive("http_directory", "http_content")
	q.server()
	if dir := q.str("http_directory"); dir != "" {
		files, err := httpserve.Dir(dir)
		if err != nil {
			q.b.host = append(q.b.host, q.place("http_directory").error(q.field("http_directory"), fmt.Sprintf("there is no directory %q", dir), "check the path, which starts at the working directory"))
		}
		q.b.Image.Files = files
	}
	if q.given("http_content") {
		q.content()
	}
	q.is("Files", "http_directory")
	q.is("Templates", "http_content")
}

// server says where files are served.
func (q *qemuBuilder) server() {
	q.exclusive("http_interface", "http_bind_address")
	h := &q.b.Image.HTTP
	h.Addr, h.Interface = q.str("http_bind_address"), q.str("http_interface")
	switch h.Addr {
	case "localhost":
		h.Addr = "127.0.0.1"
	case "10.0.2.2":
		h.Addr = "" // where the guest finds the server anyway
	}
	if q.oneOf("http_network_protocol", "tcp", "tcp4", "tcp6", "unix", "unixpacket") {
		switch p := q.str("http_network_protocol"); p {
		case "tcp6":
			h.IPv6 = true
		case "unix", "unixpacket":
			q.fail("http_network_protocol", p+": no guest can reach a socket of this host's file system", `write "tcp", or leave it out`)
		}
	}
	from, to := q.portRange("http_port_min", "http_port_max", 8000, 9000)
	if q.given("http_port_min") || q.given("http_port_max") {
		h.PortMin, h.PortMax = min(from, to), to
	}
	q.is("HTTP.Addr", "http_bind_address")
	q.is("HTTP.Interface", "http_interface")
	q.is("HTTP.Host", "net_bridge")
	q.is("HTTP", "http_port_min")
}

// portRange reads a range, and reports one that is none.
func (q *qemuBuilder) portRange(least, most string, defMin, defMax int) (from, to int) {
	from, to = defMin, defMax
	if q.given(least) {
		from = q.port(least)
	}
	if q.given(most) {
		to = q.port(most)
	}
	if !q.given(most) {
		to = max(from, to)
	}
	if !q.given(least) {
		from = min(from, to)
	}
	if from > to {
		q.fail(least, fmt.Sprintf("%d is above %s, %d", from, most, to), "exchange the two")
		return from, from
	}
	return from, to
}

func (q *qemuBuilder) shutdown() {
	q.b.Image.Shutdown.Command = q.str("shutdown_command")
	q.b.Image.Shutdown.Timeout = q.duration("shutdown_timeout")
	q.is("Shutdown", "shutdown_command")
	if q.str("communicator") != "none" {
		return
	}
	if q.given("shutdown_command") {
		q.warn("shutdown_command", "has no effect with the communicator none", "let the installation switch the machine off")
		q.b.Image.Shutdown.Command = ""
	}
	off := imagebuild.WaitShutdown()
	off.Timeout = 5 * time.Minute
	if d := q.duration("shutdown_timeout"); d != 0 {
		off.Timeout = d
	}
	q.steps = append(q.steps, off)
}

// check lets the machine's configuration look at itself, in the template's words.
func (q *qemuBuilder) check() {
	vm := q.b.Image.VM
	vm.Disks = []qemu.Disk{{Path: q.b.Image.Output, Bus: q.b.Image.Disk.Bus}}
	for i := range q.b.disks {
		vm.Disks = append(vm.Disks, qemu.Disk{Path: fmt.Sprintf("%s-%d", q.b.Image.Output, i+1), Bus: q.b.bus})
	}
	cds := []qemu.CDROM{{Path: q.b.Image.Output + ".medium", Bus: q.b.Image.CDBus}}
	for i := range q.b.Image.Discs {
		cds = append(cds, qemu.CDROM{Path: fmt.Sprintf("%s.disc%d", q.b.Image.Output, i), Bus: q.b.Image.CDBus})
	}
	vm.CDROMs = append(cds, vm.CDROMs...)
	if err := vm.Validate(); err != nil {
		q.errs = append(q.errs, flatten(q.b.translate(err))...)
	}
	if err := q.b.Image.Fetcher.Validate(); err != nil {
		q.fail("", err.Error(), "")
	}
}
