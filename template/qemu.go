package template

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bootscribe/bootscribe/httpserve"
	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/iso"
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
	q.disk()
	q.machine()
	q.firmware()
	q.display()
	q.network()
	q.files()
	q.seed()
	q.communicator()
	q.arguments()
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

var scheme = regexp.MustCompile(`^([a-z0-9+.]+)://`)

func (q *qemuBuilder) media() {
	q.exclusive("iso_url", "iso_urls")
	urls := q.list("iso_urls")
	option := "iso_urls"
	if u := q.str("iso_url"); u != "" {
		urls, option = []string{u}, "iso_url"
	}
	if len(urls) == 0 {
		q.fail("", "option iso_url is missing", "give the URL or path of an installation medium")
	}
	for i, u := range urls {
		if m := scheme.FindStringSubmatch(u); m != nil && !slices.Contains([]string{"http", "https", "file"}, m[1]) {
			q.fail(option, fmt.Sprintf("%q: %s addresses are not supported yet", u, m[1]), "give a path or a file, http or https URL")
		}
		urls[i] = q.magic(u)
	}
	q.b.Image.Media = iso.Source{URLs: urls, Checksum: q.checksum()}
	q.is("Media", option)
	q.is("Media.Checksum", "iso_checksum")
	if q.given("iso_target_path") {
		q.warn("iso_target_path", "has no effect", "media are kept in a cache, by their content")
	}
}

// magic takes the checksum out of a URL, where Packer's downloader looks for one
// as well.
func (q *qemuBuilder) magic(url string) string {
	before, sum, ok := strings.Cut(url, "?checksum=")
	if !ok || strings.Contains(sum, "&") {
		return url
	}
	q.values["iso_checksum"] = &value{kind: kindString, text: sum}
	return before
}

func (q *qemuBuilder) checksum() string {
	sum := q.str("iso_checksum")
	if t := q.str("iso_checksum_type"); t != "" {
		q.warn("iso_checksum_type", "is gone from Packer", fmt.Sprintf(`write "iso_checksum": "%s:…"`, t))
		if strings.EqualFold(t, "none") {
			sum = "none"
		} else if sum != "" && !strings.Contains(sum, ":") && sum != "none" {
			sum = t + ":" + sum
		}
	}
	for old, prefix := range map[string]string{"iso_checksum_url": "file:", "iso_md5": "md5:"} {
		if u := q.str(old); u != "" {
			q.warn(old, "is gone from Packer", fmt.Sprintf(`write "iso_checksum": "%s…"`, prefix))
			if sum == "" {
				sum = prefix + u
			}
		}
	}
	switch {
	case sum == "":
		q.fail("", "option iso_checksum is missing", `give the checksum, "file:" and where it stands, or "none"`)
		return ""
	case strings.EqualFold(sum, "none"):
		q.warn("iso_checksum", "none: nobody looks whether the medium is the right one", "give its checksum")
		return "none"
	}
	prefix, rest, ok := strings.Cut(sum, ":")
	if ok && strings.EqualFold(prefix, "file") {
		return "file:" + strings.TrimPrefix(rest, "./")
	}
	err := iso.Source{URLs: []string{"x"}, Checksum: strings.ToLower(sum)}.Validate()
	if err != nil {
		q.fail("iso_checksum", fmt.Sprintf("%q is no checksum", sum), `write hex digits, "sha256:" or another type before them, "file:" and a path or URL, or "none"`)
	}
	return strings.ToLower(sum)
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
	if q.oneOf("disk_interface", "virtio", "virtio-scsi", "ide", "sata", "nvme", "scsi", "sd") {
		q.bus()
	}
	q.is("Disk.Size", "disk_size")
	q.is("Disk", "disk_size")
	q.is("Disk.Bus", "disk_interface")
}

func (q *qemuBuilder) bus() {
	switch s := q.str("disk_interface"); s {
	case "scsi":
		q.b.Image.Disk.Bus = qemu.VirtIOSCSI
	case "sd":
		q.notYet("disk_interface", `the interface "sd"`, `write "virtio"`)
	default:
		q.b.Image.Disk.Bus = qemu.Bus(s)
	}
	q.b.bus = q.b.Image.Disk.Bus
}

func (q *qemuBuilder) machine() {
	vm := &q.b.Image.VM
	vm.Binary = q.str("qemu_binary")
	vm.Machine = q.str("machine_type")
	vm.CPU = q.str("cpu_model")
	vm.VGA = q.str("vga")
	vm.Memory = 512
	if q.given("memory") {
		vm.Memory = q.int("memory")
		if vm.Memory < 16 {
			q.fail("memory", fmt.Sprintf("%d MiB is too little", vm.Memory), "memory is in MiB: write 2048 for 2 GiB")
			vm.Memory = 512
		}
	}
	for _, c := range []struct {
		option string
		into   *int
	}{{"cpus", &vm.CPUs}, {"sockets", &vm.Sockets}, {"cores", &vm.Cores}, {"threads", &vm.Threads}} {
		if *c.into = q.int(c.option); *c.into < 0 {
			q.fail(c.option, fmt.Sprintf("%d is negative", *c.into), "write a number from 1")
			*c.into = 0
		}
	}
	if most := max(vm.Sockets, 1) * max(vm.Cores, 1) * max(vm.Threads, 1); (vm.Sockets|vm.Cores|vm.Threads) != 0 && vm.CPUs > most {
		vm.CPUs = most // as Packer does
	}
	switch a := q.str("accelerator"); a {
	case "xen", "hax":
		q.notYet("accelerator", "the accelerator "+a, "write kvm, tcg, hvf or whpx, or leave it out for the fastest that works")
	case "none":
		vm.Accel = qemu.TCG
	default:
		if q.oneOf("accelerator", "none", "kvm", "tcg", "hvf", "whpx") {
			vm.Accel = qemu.Accel(a)
		}
	}
	if c := q.str("cdrom_interface"); c != "" {
		q.cdrom(c)
	}
	q.is("VM", "")
	for field, option := range map[string]string{"VM.Accel": "accelerator", "VM.Binary": "qemu_binary", "VM.Machine": "machine_type",
		"VM.CPU": "cpu_model", "VM.CPUs": "cpus", "VM.Sockets": "sockets", "VM.Cores": "cores", "VM.Threads": "threads",
		"VM.Memory": "memory", "VM.VGA": "vga", "VM.Disks": "disk_interface", "VM.CDROMs": "cdrom_interface"} {
		q.is(field, option)
	}
}

// cdrom accepts the drive that the machine has anyway.
func (q *qemuBuilder) cdrom(bus string) {
	if !q.oneOf("cdrom_interface", "ide", "scsi", "sata", "virtio", "virtio-scsi") {
		return
	}
	own := "ide"
	if m := q.or("machine_type", "pc"); strings.Contains(m, "q35") || q.efi() && m == "pc" && !q.given("machine_type") {
		own = "sata"
	} else if b := filepath.Base(q.str("qemu_binary")); b != "." && !strings.Contains(b, "x86_64") && !strings.Contains(b, "i386") && b != "kvm" && b != "qemu-kvm" {
		own = "virtio-scsi"
	}
	if bus != own && !(bus == "ide" && own == "sata") && !(bus == "scsi" && own == "virtio-scsi") {
		q.notYet("cdrom_interface", fmt.Sprintf("%q on this machine, whose CD-ROM is on %s,", bus, own), "leave the option out")
	}
}

func (q *qemuBuilder) efi() bool {
	return q.yes("efi_boot") || q.yes("efi_secure_boot") || q.given("efi_firmware_code") || q.given("efi_firmware_vars")
}

func (q *qemuBuilder) firmware() {
	f := &q.b.Image.VM.Firmware
	switch code := q.str("firmware"); {
	case code != "" && q.efi():
		q.fail("firmware", "and EFI are both asked for", "remove firmware, or the efi options")
	case code != "" && q.yes("use_pflash"):
		f.Type, f.Code = qemu.UEFI, code
	case code != "":
		f.Type, f.Code = qemu.BIOS, code
	case q.efi():
		f.Type, f.SecureBoot = qemu.UEFI, q.yes("efi_secure_boot")
		f.Code, f.Vars = q.str("efi_firmware_code"), q.str("efi_firmware_vars")
		f.CodeFormat, f.VarsFormat = pflashFormat(f.Code), pflashFormat(f.Vars)
		if f.Vars != "" && f.Code == "" {
			q.fail("efi_firmware_vars", "is given without efi_firmware_code, and the two belong together", "give both, or none to have them found")
		}
		if !q.yes("efi_drop_efivars") {
			f.VarsFile = filepath.Join(q.b.Dir, "efivars.fd")
		}
	}
	q.is("VM.Firmware", "efi_boot")
	if q.given("firmware") {
		q.is("VM.Firmware", "firmware")
	}
	q.is("VM.Firmware.Code", "efi_firmware_code")
	q.is("VM.Firmware.Vars", "efi_firmware_vars")
}

func pflashFormat(path string) string {
	if strings.HasSuffix(path, ".qcow2") {
		return "qcow2"
	}
	return ""
}

// display opens a window where one is asked for and can be had.
func (q *qemuBuilder) display() {
	wanted := q.or("display", "gtk")
	if q.yes("headless") || q.yes("use_default_display") || wanted == "none" {
		return
	}
	_, x := q.engine.env("DISPLAY")
	_, wayland := q.engine.env("WAYLAND_DISPLAY")
	if !x && !wayland {
		if q.has("headless") || q.has("display") {
			q.warn("headless", "false, but there is no display to open a window on", "watch the live page instead, or write true")
		}
		return
	}
	q.b.Image.VM.Display = wanted
	q.is("VM.Display", "display")
}

func (q *qemuBuilder) files() {
	q.exclusive("http_directory", "http_content")
	q.exclusive("http_interface", "http_bind_address")
	if q.oneOf("http_network_protocol", "tcp", "tcp4", "tcp6", "unix", "unixpacket") {
		if p := q.str("http_network_protocol"); p != "" && p != "tcp" && p != "tcp4" {
			q.notYet("http_network_protocol", p, `write "tcp"`)
		}
	}
	if a := q.str("http_bind_address"); a != "" && !slices.Contains([]string{"0.0.0.0", "127.0.0.1", "localhost", "10.0.2.2", "::"}, a) {
		q.notYet("http_bind_address", fmt.Sprintf("%q", a), "leave it out: the guest finds the server at 10.0.2.2")
	}
	q.portRange("http_port_min", "http_port_max", 8000, 9000)
	if q.given("http_port_min") && q.int("http_port_min") == q.int("http_port_max") {
		q.warn("http_port_min", "has no effect: the guest finds the server at a free port", "write {{ .HTTPPort }} where the number stands")
	}
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
	if q.given("net_bridge") && (q.given("http_directory") || q.given("http_content")) {
		q.notYet("net_bridge", "serving files over HTTP to a guest on a bridge", "use cd_files or cd_content, or leave net_bridge out")
	}
	q.is("Files", "http_directory")
	q.is("Templates", "http_content")
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
	if from > to && q.given(least) && q.given(most) {
		q.fail(least, fmt.Sprintf("%d is above %s, %d", from, most, to), "exchange the two")
	}
	return from, to
}

func (q *qemuBuilder) seed() {
	if q.given("cd_files") || q.given("cd_content") {
		q.b.Image.Seed = &iso.Volume{Label: q.or("cd_label", "packer"), Paths: q.globs("cd_files", false), Content: trimmed(q.dict("cd_content"))}
		q.volume("cd_label", q.b.Image.Seed.Validate())
	}
	if q.given("floppy_files") || q.given("floppy_dirs") || q.given("floppy_content") {
		q.b.Image.Floppy = &iso.Volume{Label: q.or("floppy_label", "packer"), Content: trimmed(q.dict("floppy_content")),
			Paths: append(q.globs("floppy_files", true), q.globs("floppy_dirs", false)...)}
		q.volume("floppy_label", q.b.Image.Floppy.Validate())
	}
}

func (q *qemuBuilder) volume(option string, err error) {
	if err != nil {
		q.fail(option, err.Error(), "")
	}
}

func trimmed(m map[string]string) map[string]string {
	out := make(map[string]string, len(m))
	for path, text := range m {
		out[strings.TrimLeft(path, "/")] = text
	}
	return out
}

// globs expands patterns. With flat, the files of a directory are put in the
// root one by one, as Packer does for floppy_files.
func (q *qemuBuilder) globs(option string, flat bool) []string {
	var paths []string
	for _, p := range q.list(option) {
		found := []string{p}
		if strings.ContainsAny(p, "*?[") {
			var err error
			if found, err = filepath.Glob(p); err != nil {
				q.fail(option, fmt.Sprintf("%q is no pattern: %v", p, err), "")
			} else if len(found) == 0 {
				q.b.host = append(q.b.host, q.place(option).error(q.field(option), fmt.Sprintf("%q matches no file", p), "check the path"))
			}
		}
		for _, f := range found {
			if info, err := os.Stat(f); flat && err == nil && info.IsDir() {
				f = strings.TrimRight(f, "/") + "/"
			}
			paths = append(paths, f)
		}
	}
	return paths
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
	if err := vm.Validate(); err != nil {
		q.errs = append(q.errs, flatten(q.b.translate(err))...)
	}
	if err := q.b.Image.Fetcher.Validate(); err != nil {
		q.fail("", err.Error(), "")
	}
}
